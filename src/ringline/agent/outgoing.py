"""A call of ours that is not answered yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum, unique
from typing import Final

from ringline.agent.agenda import Alarm
from ringline.agent.body import read_sdp
from ringline.agent.config import OutgoingInvite
from ringline.agent.early import EarlyDialogs, sdp_of
from ringline.agent.events import AgentEvent, Answered, Failed, OfferReceived, Provisional
from ringline.agent.exchange import ClientExchange, ServerExchange
from ringline.agent.leg import Leg
from ringline.agent.reach import Target
from ringline.agent.redirects import MOST_REDIRECTS, follow
from ringline.agent.remnants import Remnant, RemnantKind
from ringline.agent.session import Session
from ringline.agent.stack import Stack
from ringline.base import LegId, RemoteProtocolError, token
from ringline.sip import (
    SHORTEST_S,
    Dialog,
    DigestClient,
    Flow,
    NameAddr,
    Params,
    Request,
    Response,
    SessionExpires,
    Uri,
    accepted_terms,
    cancel_request,
    is_free_name,
    read_reason,
    read_retry_after,
    write_reason,
)

_MOST_BRANCHES: Final = 8


@unique
class Phase(StrEnum):
    """Where a call of ours stands."""

    CALLING = "nothing was heard yet"
    PROCEEDING = "the far end works on it"
    CANCELLING = "given up by us; its end is awaited"
    OVER = "answered or failed"


class Outgoing(Leg):
    """From the INVITE to its final response, over as many attempts as it takes."""

    def __init__(
        self,
        stack: Stack,
        leg: LegId,
        invite: OutgoingInvite,
        now: float,
        *,
        tell: Callable[[AgentEvent, float], None] | None = None,
    ) -> None:
        """`tell` takes the events of a branch, whose leg belongs to somebody else until it is answered."""
        super().__init__(leg)
        self._tell = tell or _teller(stack)
        self._stack = stack
        self._invite = invite
        self._call_id = token(stack.random, 24)
        self._tag = token(stack.random, 12)
        self._cseq = 0
        self._uri = Uri.parse(invite.request_uri)
        display, from_uri = invite.from_
        self._from = str(NameAddr(Uri.parse(from_uri), display, Params((("tag", self._tag),))))
        self._to = str(NameAddr(Uri.parse(invite.to)))
        self._left: deque[tuple[Uri, Target]] = deque((self._uri, each) for each in invite.destinations)
        self._redirects = 0
        self._auth = DigestClient(invite.credentials) if invite.credentials else None
        self._phase = Phase.CALLING
        self._exchange: ClientExchange | None = None
        self._heard = False
        self._narrow: tuple[Request, Target] | None = None
        "An INVITE that went over TCP as it is too long for a datagram, and where it would have gone else."
        self._cancel_reason: str | None = None
        self._cancel_sent = False
        self._give_up: Alarm | None = None
        self._early = EarlyDialogs(stack, leg)
        self._expires_s = stack.config.session_expires_s
        self._acks: dict[str, tuple[bytes, Target] | None] = {}
        self._remnant: tuple[ClientExchange, Remnant] | None = None
        "What was made last, and of which request: it is asked for with every message."
        if tell is None:
            stack.legs[leg] = self
        stack.dialogs[(self._call_id, self._tag)] = self
        if self._left:
            self._next(now)
        else:
            self._fail(None, "no destination", None, "unreachable", now)

    # ── attempts ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self, now: float) -> None:
        self._uri, destination = self._left.popleft()
        self._attempt(destination, None, now)

    def _attempt(self, target: Target, challenge: Response | None, now: float) -> bool:
        """Send the INVITE; with the answer to `challenge` if there is one. False when that cannot be answered.

        A long one goes over TCP where it may.
        """
        request = self._build()
        if challenge is not None and (
            self._auth is None or not self._auth.authorize(request, challenge, self._stack.random)
        ):
            return False
        self._stack.prepare(request, target)
        self._narrow = None
        if self._invite.any_transport and (wide := self._stack.widths.wider(request, target, now)):
            request.headers.remove("Via")
            self._stack.prepare(request, wide)
            self._narrow, target = (request, target), wide
        self._send(request, target, now)
        return True

    def _after_all(self, request: Request, target: Target, now: float) -> None:
        """There is no TCP: send the same INVITE, what it shows of our credentials included, as it would have gone."""
        self._stack.widths.refused(target, now)
        self._narrow = None
        self._cseq += 1
        request.headers.set("CSeq", f"{self._cseq} INVITE")
        request.headers.remove("Via")
        self._stack.prepare(request, target)
        self._send(request, target, now)

    def _send(self, request: Request, target: Target, now: float) -> None:
        self._heard = False
        self._exchange = self._stack.request(
            request,
            target,
            leg=self.leg,
            now=now,
            on_answer=lambda response, flow, at: self._answered(request, response, flow, at),
            on_silence=self._silent,
            patience=self._patience_s(),
        )

    def _patience_s(self) -> float | None:
        """How long this destination may be silent; None: to the end."""
        if self._invite.patience_s is not None:
            return self._invite.patience_s
        return self._stack.config.failover_s if self._left or self._invite.others else None

    def _build(self) -> Request:
        invite = self._invite
        self._cseq += 1
        request = Request(method="INVITE", uri=str(self._uri))
        headers = request.headers
        for route in invite.routes:
            headers.add("Route", route)
        headers.add("Max-Forwards", "70")
        headers.add("From", self._from)
        headers.add("To", self._to)
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} INVITE")
        if self._expires_s:
            headers.add("Session-Expires", str(SessionExpires(self._expires_s, "uac")))
            headers.add("Min-SE", str(SHORTEST_S))
        for name, value in invite.headers:
            if is_free_name(name):
                headers.add(name, value)
        if invite.sdp is not None:
            headers.add("Content-Type", "application/sdp")
            request.body = invite.sdp
        return request

    # ── what comes back ────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        status = response.status
        if 200 <= status < 300:
            self._success(request, response, flow, now)
            return
        if self._phase is Phase.OVER or self._exchange is None or request is not self._exchange.request:
            return
        self._heard = True
        if status < 200:
            self._proceeding(request, response, flow, now)
        elif self._phase is Phase.CANCELLING:
            self._over()
        else:
            self._failure(response, now)

    def _proceeding(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        if self._phase is Phase.CANCELLING:
            self._send_cancel(now)
            return
        self._phase = Phase.PROCEEDING
        if response.status == 100:
            return
        news, sdp = self._early.heard(request, response, flow, now)
        if news:
            self._tell(Provisional(leg=self.leg, status=response.status, sdp=sdp), now)

    def _success(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        branch = response.to.tag or ""
        if branch in self._acks:
            if (sent := self._acks[branch]) is not None:
                self._stack.send(*sent)
            return
        if len(self._acks) >= _MOST_BRANCHES:
            return
        first = self._phase is not Phase.OVER
        early = self._early.get(branch)
        sdp = sdp_of(response) or (early.sdp if early is not None else None)
        try:
            dialog = Dialog.from_response(request, response)
        except RemoteProtocolError:
            # A 2xx with a Contact nobody can read: where the call was begun it can still be ended.
            response.headers.remove("Contact")
            response.headers.remove("Record-Route")
            dialog = Dialog.from_response(request, response)
        if early is not None:
            # The numbers go on; the routes are those of the 2xx (RFC 3261 section 13.2.2.4).
            dialog.local_cseq = max(dialog.local_cseq, early.dialog.local_cseq)
            dialog.remote_cseq = early.dialog.remote_cseq
        session = Session(
            self._stack,
            self.leg,
            dialog,
            flow,
            caller=True,
            local_sdp=self._invite.sdp,
            remote_sdp=sdp,
            credentials=self._invite.credentials,
            takes_update="update" in response.headers.tokens("Allow"),
            inside=request.target.host if self._over_registration() else None,
        )
        self._acknowledge(session, request, branch, now)
        if not first:
            session.leave_quietly(now)
            return
        wanted = self._phase is not Phase.CANCELLING
        self._over()
        self._early.answer_change(None, 491, now)
        if wanted:
            session.register()
            session.lifetime.settle(accepted_terms(response), now)
            self._tell(Answered(leg=self.leg, sdp=sdp, call_id=self._call_id), now)
        else:
            # The 200 crossed our CANCEL: it counts, so the call is taken and ended (RFC 3261 section 9.1).
            session.register_dialog()
            session.leave_quietly(now)

    def _over_registration(self) -> bool:
        """Whether the call went the way a registration came."""
        return self._exchange is not None and isinstance(self._exchange.target, Flow)

    def _acknowledge(self, session: Session, request: Request, branch: str, now: float) -> None:
        stack = self._stack
        ack = session.dialog.request("ACK", cseq=request.cseq[0])
        for name in ("Authorization", "Proxy-Authorization"):
            for value in request.headers.all(name):
                ack.headers.add(name, value)
        # Repeats of the 2xx that come while the next hop is looked up are answered by the ACK that follows.
        self._acks[branch] = None

        def send(target: Target, _now: float) -> None:
            stack.prepare(ack, target)
            data = bytes(ack)
            self._acks[branch] = (data, target)
            stack.trace(self.leg, "out", ack, target)
            stack.send(data, target)

        session.reach(send, now)

    def _failure(self, response: Response, now: float) -> None:
        status = response.status
        exchange = self._exchange
        if status in (401, 407) and exchange is not None and self._attempt(exchange.target, response, now):
            return
        if status == 503 and self._left:
            self._next(now)
            return
        if status == 422 and exchange is not None and self._lengthened(response):
            self._attempt(exchange.target, None, now)
            return
        if 300 <= status < 400 and self._redirected(response):
            self._next(now)
            return
        text, cause = read_reason(response.headers)
        retry = read_retry_after(response.headers) if status == 503 else None
        self._fail(status, text or response.reason, cause, "refused", now, retry_after_s=retry)

    def _lengthened(self, response: Response) -> bool:
        """Ask for the session interval the far end wants; False when it wants none we do not offer already."""
        least = response.number("Min-SE") or 0
        if not 0 < self._expires_s < least:
            return False
        self._expires_s = least
        return True

    def _redirected(self, response: Response) -> bool:
        """Follow the contacts of a 3xx, at most three in all."""
        invite = self._invite
        called = Uri.parse(invite.request_uri)
        most = MOST_REDIRECTS - self._redirects
        found = follow(response, called=called, destinations=invite.destinations, most=most)
        self._redirects += len(found)
        self._left = deque(found)
        return bool(found)

    def _silent(self, why: str, now: float) -> None:
        if self._phase is Phase.OVER:
            return
        if self._phase is Phase.CANCELLING:
            self._over()
        elif why == "unreachable" and self._narrow is not None:
            self._after_all(*self._narrow, now)
        elif self._left:
            self._next(now)
        else:
            text = "no response" if why == "timeout" else "cannot be reached"
            self._fail(None, text, None, why, now)

    def _fail(
        self,
        status: int | None,
        reason: str,
        q850: int | None,
        why: str,
        now: float,
        *,
        retry_after_s: int | None = None,
    ) -> None:
        self._over()
        self._stack.forget_leg(self)
        failed = Failed(leg=self.leg, status=status, reason=reason, q850=q850, why=why, retry_after_s=retry_after_s)
        self._tell(failed, now)

    def _over(self) -> None:
        self._phase = Phase.OVER
        if self._give_up is not None:
            self._give_up.cancel()
        key = (self._call_id, self._tag)
        if self._stack.dialogs.get(key) is self:
            del self._stack.dialogs[key]

    # ── commands and the far end's requests ────────────────────────────────────────────────────────────────────────

    def hang_up(self, reason: str | None, now: float) -> None:
        if self._phase not in (Phase.CALLING, Phase.PROCEEDING):
            return
        self._phase = Phase.CANCELLING
        self._cancel_reason = reason
        self._stack.forget_leg(self)
        self._tell(Failed(leg=self.leg, status=487, reason=reason or "", q850=None, why="cancelled"), now)
        # Before any response a CANCEL could overtake the INVITE: it waits for one (RFC 3261 section 9.1).
        if self._heard:
            self._send_cancel(now)

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        """There is nothing to refuse: it is given up."""
        self.hang_up(reason or None, now)

    def _send_cancel(self, now: float) -> None:
        exchange = self._exchange
        if self._cancel_sent or exchange is None:
            return
        self._cancel_sent = True
        cancel = cancel_request(exchange.request)
        if self._cancel_reason:
            cancel.headers.add("Reason", write_reason(487, self._cancel_reason))
        self._stack.request(
            cancel,
            exchange.target,
            leg=self.leg,
            now=now,
            on_answer=lambda _response, _flow, _now: None,
            on_silence=lambda _why, _now: None,
        )
        self._give_up = self._stack.agenda.at(now + self._stack.config.timers.patience, self._forget)

    def _forget(self, now: float) -> None:
        """Nobody answered the CANCEL by ending the INVITE: it counts as ended (RFC 3261 section 9.1)."""
        self._give_up = None
        self._over()
        if self._exchange is not None:
            self._exchange.give_up(now)

    def remnants(self) -> tuple[Remnant, ...]:
        if self._exchange is None or self._phase is Phase.OVER or self._cancel_sent:
            return ()
        kept = self._remnant
        if kept is None or kept[0] is not self._exchange:
            exchange = self._exchange
            remnant = Remnant.of_invite(RemnantKind.CALLING, exchange.request, self._tag, exchange.target)
            kept = self._remnant = (exchange, remnant)
        return (kept[1],)

    def requested(self, exchange: ServerExchange, now: float) -> None:
        """Requests in an early dialog of ours: a change is possible once our offer was answered for good (RFC 3311)."""
        request = exchange.request
        branch = self._early.get(request.from_.tag or "")
        status = {"OPTIONS": 200, "INFO": 200, "INVITE": 491, "UPDATE": 491}.get(request.method, 481)
        if branch is not None and not branch.dialog.in_order(request):
            status = 500
        elif request.method == "UPDATE" and branch is not None and self._phase is Phase.PROCEEDING:
            try:
                sdp = read_sdp(request)
                branch.dialog.refresh(request)
            except RemoteProtocolError as error:
                status = error.sip_status
            else:
                if sdp is None:
                    status = 200
                elif branch.agreed and branch.change is None:
                    branch.change, branch.sdp = exchange, sdp
                    self._tell(OfferReceived(leg=self.leg, sdp=sdp), now)
                    return
        exchange.respond(self._stack.response(request, exchange.flow, status), now)

    def accept_offer(self, sdp: bytes, now: float) -> None:
        self._early.answer_change(sdp, 200, now)

    def refuse_offer(self, status: int, now: float) -> None:
        self._early.answer_change(None, status if 400 <= status <= 699 else 488, now)


def _teller(stack: Stack) -> Callable[[AgentEvent, float], None]:
    return lambda event, _now: stack.emit(event)
