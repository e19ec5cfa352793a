"""A call that came to us and is not answered yet."""

from __future__ import annotations

from ringline.agent.agenda import Alarm
from ringline.agent.body import read_sdp
from ringline.agent.events import Cancelled, Ended, OfferReceived
from ringline.agent.exchange import ServerExchange
from ringline.agent.leg import Leg
from ringline.agent.reliable import ReliableProvisionals
from ringline.agent.remnants import Remnant, RemnantKind
from ringline.agent.session import Phase, Session
from ringline.agent.stack import Stack
from ringline.base import LegId, RemoteProtocolError, integer
from ringline.sip import Dialog, Flow, Request, Uri, q850_reason, read_reason

_REMIND_S = 60.0


class Incoming(Leg):
    """From the INVITE to its final response."""

    def __init__(
        self, stack: Stack, leg: LegId, exchange: ServerExchange, dialog: Dialog, *, offer: bytes | None
    ) -> None:
        super().__init__(leg)
        self._stack = stack
        self._exchange = exchange
        self._dialog = dialog
        self._offer = offer
        self._key = (dialog.call_id, dialog.local_tag)
        self._shown: tuple[int, bytes | None] | None = None
        self._remind: Alarm | None = None
        words = exchange.request.headers
        self._reliably = "100rel" in words.tokens("Supported")
        self._only_reliably = "100rel" in words.tokens("Require")
        self._reliable = ReliableProvisionals(stack, exchange, self._never_acknowledged)
        self._agreed = False
        "An answer of ours was acknowledged already: the 200 needs none (RFC 6337 section 3.1.1)."
        self._answer: bytes | None = None
        "What to answer with, as soon as our early answer has been acknowledged."
        self._change: ServerExchange | None = None
        "Their UPDATE that waits for our answer."
        self._remnant: tuple[Uri, Remnant] | None = None
        "What was made last, and for which target: it is asked for with every message."
        stack.legs[leg] = self
        stack.dialogs[self._key] = self
        exchange.on_cancel = self.cancelled

    def ring(self, now: float) -> None:
        self._show(180, None, now)

    def progress(self, sdp: bytes, now: float) -> None:
        self._show(183, sdp, now)

    def answer(self, sdp: bytes, now: float) -> None:
        exchange = self._exchange
        if not exchange.open:
            return
        if self._reliable.holds_sdp:
            # A 2xx must not overtake an early answer that is still unacknowledged (RFC 3262 section 3).
            self._answer = sdp
            return
        self._forget()
        session = Session(
            self._stack,
            self.leg,
            self._dialog,
            exchange.flow,
            caller=False,
            local_sdp=sdp,
            remote_sdp=self._offer,
            phase=Phase.ANSWERED,
            takes_update="update" in exchange.request.headers.tokens("Allow"),
            inside=_inside_a_nat(exchange.request, exchange.flow),
        )
        session.codecs = self.codecs
        response = self._stack.response(
            exchange.request,
            exchange.flow,
            200,
            to_tag=self._dialog.local_tag,
            sdp=None if self._agreed else sdp,
            headers=session.lifetime.accept(exchange.request, now),
        )
        session.register()
        exchange.respond(response, now)
        session.await_ack(exchange, response, offered=self._offer is None, now=now)

    def accept_offer(self, sdp: bytes, now: float) -> None:
        self._answer_change(200, sdp, now)

    def refuse_offer(self, status: int, now: float) -> None:
        self._answer_change(status if 400 <= status <= 699 else 488, None, now)

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        if not self._exchange.open:
            return
        status = status if 300 <= status <= 699 else 500
        headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
        self._final(status, now, reason=reason, headers=(*headers, ("Reason", str(q850_reason(status)))))
        self._stack.emit(Ended(leg=self.leg, by_far=False, status=status, reason=reason or None, q850=None))

    def hang_up(self, reason: str | None, now: float) -> None:
        self.refuse(603, reason or "", None, now)

    def cancelled(self, cancel: Request, now: float) -> None:
        if self._exchange.open:
            self._final(487, now)
            self._stack.emit(Cancelled(leg=self.leg, reason=read_reason(cancel.headers)[0]))

    def requested(self, exchange: ServerExchange, now: float) -> None:
        """A request in the early dialog: BYE ends it like CANCEL; most changes have to wait for the answer."""
        request = exchange.request
        if (request.from_.tag or "") != self._dialog.remote_tag:
            self._respond(exchange, 481, now)
        elif not self._dialog.in_order(request):
            self._respond(exchange, 500, now)
        elif request.method == "PRACK":
            self._acknowledge(exchange, now)
        elif request.method == "UPDATE":
            self._update(exchange, now)
        else:
            known = {"BYE": 200, "INFO": 200, "OPTIONS": 200, "INVITE": 491, "NOTIFY": 481}
            self._respond(exchange, known.get(request.method, 405), now)
            if request.method == "BYE":
                self.cancelled(request, now)

    # ── reliable responses and early changes ───────────────────────────────────────────────────────────────────────

    def _acknowledge(self, exchange: ServerExchange, now: float) -> None:
        had_sdp = self._reliable.acknowledged(exchange.request, now)
        if had_sdp is None:
            self._respond(exchange, 481, now)
            return
        self._agreed = self._agreed or had_sdp
        if self._agreed and exchange.request.body:
            self._offered(exchange, now)
        else:
            self._respond(exchange, 200, now)
        if self._answer is not None and not self._reliable.holds_sdp:
            sdp, self._answer = self._answer, None
            self.answer(sdp, now)

    def _update(self, exchange: ServerExchange, now: float) -> None:
        """A change before the answer: only once the first offer was answered for good (RFC 3311 section 5.2)."""
        if not exchange.request.body:
            self._respond(exchange, 200, now)
        elif not self._agreed or self._change is not None:
            wait = str(integer(self._stack.random, 10))
            self._respond(exchange, 500, now, headers=(("Retry-After", wait),))
        else:
            self._offered(exchange, now)

    def _offered(self, exchange: ServerExchange, now: float) -> None:
        try:
            sdp = read_sdp(exchange.request)
            self._dialog.refresh(exchange.request)
        except RemoteProtocolError as error:
            self._respond(exchange, error.sip_status, now)
            return
        if sdp is None or self._change is not None:
            self._respond(exchange, 491 if sdp else 200, now)
            return
        self._change = exchange
        self._offer = sdp
        self._stack.emit(OfferReceived(leg=self.leg, sdp=sdp))

    def _answer_change(self, status: int, sdp: bytes | None, now: float) -> None:
        exchange, self._change = self._change, None
        if exchange is not None:
            self._respond(exchange, status, now, sdp=sdp)

    def _never_acknowledged(self, now: float) -> None:
        """No PRACK ever came: the call cannot go on (RFC 3262 section 3)."""
        if self._exchange.open:
            self._final(504, now)
            self._stack.emit(Ended(leg=self.leg, by_far=True, status=408, reason="no PRACK", q850=None))

    def _respond(
        self,
        exchange: ServerExchange,
        status: int,
        now: float,
        *,
        sdp: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        tag = self._dialog.local_tag
        response = self._stack.response(exchange.request, exchange.flow, status, to_tag=tag, sdp=sdp, headers=headers)
        exchange.respond(response, now)

    # ── responses to the INVITE ────────────────────────────────────────────────────────────────────────────────────

    def remnants(self) -> tuple[Remnant, ...]:
        exchange, dialog = self._exchange, self._dialog
        if not exchange.open:
            return ()
        kept = self._remnant
        if kept is None or kept[0] is not dialog.remote_target:
            target = str(dialog.remote_target)
            remnant = Remnant.of_invite(
                RemnantKind.CALLED, exchange.request, dialog.local_tag, exchange.flow, target=target
            )
            kept = self._remnant = (dialog.remote_target, remnant)
        return (kept[1],)

    def _show(self, status: int, sdp: bytes | None, now: float) -> None:
        if not self._exchange.open:
            return
        self._shown = (status, sdp)
        self._provisional(status, sdp, now)
        if self._remind is None:
            self._remind = self._stack.agenda.at(now + _REMIND_S, self._again)

    def _provisional(self, status: int, sdp: bytes | None, now: float) -> None:
        exchange = self._exchange
        if self._only_reliably and self._offer is None and sdp is None:
            # The first reliable response would have to make an offer (RFC 3262 section 5): silence is allowed too.
            return
        if self._agreed or self._reliable.holds_sdp:
            sdp = None
        response = self._stack.response(exchange.request, exchange.flow, status, to_tag=self._dialog.local_tag, sdp=sdp)
        if self._only_reliably or (self._reliably and sdp is not None and self._offer is not None):
            self._reliable.send(response, now)
        else:
            exchange.respond(response, now)

    def _again(self, now: float) -> None:
        """Say it once a minute, so that proxies on the way do not give up (RFC 3261 section 13.3.1.1)."""
        self._remind = None
        if self._shown is not None and self._exchange.open:
            self._provisional(*self._shown, now)
            self._remind = self._stack.agenda.at(now + _REMIND_S, self._again)

    def _final(self, status: int, now: float, *, reason: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        exchange = self._exchange
        self._forget()
        self._answer_change(487, None, now)
        self._stack.forget_leg(self)
        self._stack.dialogs.pop(self._key, None)
        response = self._stack.response(
            exchange.request, exchange.flow, status, reason=reason, to_tag=self._dialog.local_tag, headers=headers
        )
        exchange.respond(response, now)

    def _forget(self) -> None:
        self._reliable.stop()
        self._exchange.on_cancel = None
        if self._remind is not None:
            self._remind.cancel()
            self._remind = None


def _inside_a_nat(invite: Request, flow: Flow) -> str | None:
    """The host that a caller calls its own and nobody else can reach: it is seen elsewhere, and wants answers there.

    Only where it speaks to us itself: a proxy between would be somebody else who is seen (RFC 3581).
    """
    hops = invite.headers.split("Via")
    via = invite.via
    return via.host if len(hops) == 1 and "rport" in via.params and via.host != flow.remote[0] else None
