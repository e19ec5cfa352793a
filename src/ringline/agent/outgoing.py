"""A call of ours that is not answered yet."""

from __future__ import annotations

from collections import deque
from enum import StrEnum, unique
from typing import Final

from ringline.agent.agenda import Alarm
from ringline.agent.body import read_sdp
from ringline.agent.config import OutgoingInvite
from ringline.agent.events import Answered, Failed, Provisional
from ringline.agent.exchange import ClientExchange, ServerExchange
from ringline.agent.leg import Leg
from ringline.agent.session import Session
from ringline.agent.stack import Stack, Target
from ringline.base import LegId, RemoteProtocolError, token
from ringline.sip import (
    Destination,
    Dialog,
    DigestClient,
    Flow,
    NameAddr,
    Params,
    Request,
    Response,
    Uri,
    cancel_request,
    is_free_name,
    read_reason,
    write_reason,
)

_MOST_REDIRECTS: Final = 3
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

    def __init__(self, stack: Stack, leg: LegId, invite: OutgoingInvite, now: float) -> None:
        super().__init__(leg)
        self._stack = stack
        self._invite = invite
        self._call_id = token(stack.random, 24)
        self._tag = token(stack.random, 12)
        self._cseq = 0
        self._uri = Uri.parse(invite.request_uri)
        display, from_uri = invite.from_
        self._from = str(NameAddr(Uri.parse(from_uri), display, Params((("tag", self._tag),))))
        self._to = str(NameAddr(Uri.parse(invite.to)))
        self._left: deque[tuple[Uri, Destination]] = deque((self._uri, each) for each in invite.destinations)
        self._redirects = 0
        self._auth = DigestClient(invite.credentials) if invite.credentials else None
        self._phase = Phase.CALLING
        self._exchange: ClientExchange | None = None
        self._heard = False
        self._cancel_reason: str | None = None
        self._cancel_sent = False
        self._give_up: Alarm | None = None
        self._early: dict[str, bytes] = {}
        self._acks: dict[str, tuple[bytes, Target]] = {}
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
        """Send the INVITE; with the answer to `challenge` if there is one. False when that cannot be answered."""
        request = self._build()
        if challenge is not None and (
            self._auth is None or not self._auth.authorize(request, challenge, self._stack.random)
        ):
            return False
        self._stack.prepare(request, target.transport)
        self._heard = False
        self._exchange = self._stack.request(
            request,
            target,
            leg=self.leg,
            now=now,
            on_answer=lambda response, flow, at: self._answered(request, response, flow, at),
            on_silence=self._silent,
            patience=self._stack.config.failover_s if self._left else None,
        )
        return True

    def _build(self) -> Request:
        invite = self._invite
        self._cseq += 1
        request = Request(method="INVITE", uri=str(self._uri))
        headers = request.headers
        headers.add("Max-Forwards", "70")
        headers.add("From", self._from)
        headers.add("To", self._to)
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} INVITE")
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
            self._proceeding(response, now)
        elif self._phase is Phase.CANCELLING:
            self._over()
        else:
            self._failure(response, now)

    def _proceeding(self, response: Response, now: float) -> None:
        if self._phase is Phase.CANCELLING:
            self._send_cancel(now)
            return
        self._phase = Phase.PROCEEDING
        if response.status == 100:
            return
        sdp = _sdp_of(response)
        branch = response.to.tag or ""
        if sdp is not None and (branch in self._early or len(self._early) < _MOST_BRANCHES):
            self._early[branch] = sdp
        self._stack.emit(Provisional(leg=self.leg, status=response.status, sdp=sdp))

    def _success(self, request: Request, response: Response, flow: Flow, now: float) -> None:
        branch = response.to.tag or ""
        if branch in self._acks:
            self._stack.send(*self._acks[branch])
            return
        if len(self._acks) >= _MOST_BRANCHES:
            return
        first = self._phase is not Phase.OVER
        sdp = _sdp_of(response) or self._early.get(branch)
        try:
            dialog = Dialog.from_response(request, response)
        except RemoteProtocolError:
            # A 2xx with a Contact nobody can read: where the call was begun it can still be ended.
            response.headers.remove("Contact")
            response.headers.remove("Record-Route")
            dialog = Dialog.from_response(request, response)
        session = Session(
            self._stack,
            self.leg,
            dialog,
            flow,
            caller=True,
            local_sdp=self._invite.sdp,
            remote_sdp=sdp,
            credentials=self._invite.credentials,
        )
        self._acknowledge(session, request, branch)
        if not first:
            session.leave_quietly(now)
            return
        wanted = self._phase is not Phase.CANCELLING
        self._over()
        session.register()
        if wanted:
            self._stack.emit(Answered(leg=self.leg, sdp=sdp, call_id=self._call_id))
        else:
            # The 200 crossed our CANCEL: it counts, so the call is taken and ended (RFC 3261 section 9.1).
            self._stack.legs.pop(self.leg, None)
            session.leave_quietly(now)

    def _acknowledge(self, session: Session, request: Request, branch: str) -> None:
        ack = session.dialog.request("ACK", cseq=request.cseq[0])
        for name in ("Authorization", "Proxy-Authorization"):
            for value in request.headers.all(name):
                ack.headers.add(name, value)
        target = session.target()
        self._stack.prepare(ack, target.transport)
        self._acks[branch] = (bytes(ack), target)
        self._stack.trace(self.leg, "out", ack, target)
        self._stack.send(*self._acks[branch])

    def _failure(self, response: Response, now: float) -> None:
        status = response.status
        exchange = self._exchange
        if status in (401, 407) and exchange is not None and self._attempt(exchange.target, response, now):
            return
        if status == 503 and self._left:
            self._next(now)
            return
        if 300 <= status < 400 and self._redirected(response):
            self._next(now)
            return
        text, cause = read_reason(response.headers)
        self._fail(status, text or response.reason, cause, "refused", now)

    def _redirected(self, response: Response) -> bool:
        """Follow the contacts of a 3xx, best `q` first, at most three in all.

        Only hosts of this very call count: anything else would be a way to send us anywhere.
        """
        found: list[tuple[float, Uri]] = []
        for value in response.headers.split("Contact"):
            try:
                contact = NameAddr.parse(value)
            except RemoteProtocolError:
                continue
            found.append((-_quality(contact.params.get("q")), contact.uri))
        found.sort(key=lambda item: item[0])
        destinations = self._invite.destinations
        self._left.clear()
        for _, uri in found:
            if self._redirects >= _MOST_REDIRECTS or uri.scheme not in ("sip", "sips"):
                continue
            same = [each for each in destinations if each.host == uri.host]
            if same:
                chosen = Destination(uri.transport or same[0].transport, uri.host, uri.port or same[0].port)
            elif uri.host.lower() == Uri.parse(self._invite.request_uri).host.lower():
                chosen = destinations[0]
            else:
                continue
            self._redirects += 1
            self._left.append((uri, chosen))
        return bool(self._left)

    def _silent(self, why: str, now: float) -> None:
        if self._phase is Phase.OVER:
            return
        if self._phase is Phase.CANCELLING:
            self._over()
        elif self._left:
            self._next(now)
        else:
            text = "no response" if why == "timeout" else "cannot be reached"
            self._fail(None, text, None, why, now)

    def _fail(self, status: int | None, reason: str, q850: int | None, why: str, now: float) -> None:
        self._over()
        self._stack.legs.pop(self.leg, None)
        self._stack.emit(Failed(leg=self.leg, status=status, reason=reason, q850=q850, why=why))

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
        self._stack.legs.pop(self.leg, None)
        self._stack.emit(Failed(leg=self.leg, status=487, reason=reason or "", q850=None, why="cancelled"))
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

    def requested(self, exchange: ServerExchange, now: float) -> None:
        """Requests in an early dialog of ours: there is nothing to change yet."""
        status = {"OPTIONS": 200, "INFO": 200, "UPDATE": 491, "INVITE": 491}.get(exchange.request.method, 481)
        exchange.respond(self._stack.response(exchange.request, exchange.flow, status), now)


def _quality(text: str | None) -> float:
    try:
        return min(1.0, max(0.0, float(text))) if text else 1.0
    except ValueError:
        return 0.0


def _sdp_of(response: Response) -> bytes | None:
    try:
        return read_sdp(response)
    except RemoteProtocolError:
        return None
