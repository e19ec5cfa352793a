"""A call that came to us and is not answered yet."""

from __future__ import annotations

from ringline.agent.agenda import Alarm
from ringline.agent.events import Cancelled, Ended
from ringline.agent.exchange import ServerExchange
from ringline.agent.leg import Leg
from ringline.agent.session import Phase, Session
from ringline.agent.stack import Stack
from ringline.base import LegId
from ringline.sip import Dialog, Request, read_reason

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
        self._forget()
        response = self._stack.response(exchange.request, exchange.flow, 200, to_tag=self._dialog.local_tag, sdp=sdp)
        session = Session(
            self._stack,
            self.leg,
            self._dialog,
            exchange.flow,
            caller=False,
            local_sdp=sdp,
            remote_sdp=self._offer,
            phase=Phase.ANSWERED,
        )
        session.register()
        exchange.respond(response, now)
        session.await_ack(exchange, response, offered=self._offer is None, now=now)

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        if not self._exchange.open:
            return
        status = status if 300 <= status <= 699 else 500
        headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
        self._final(status, now, reason=reason, headers=headers)
        self._stack.emit(Ended(leg=self.leg, by_far=False, status=status, reason=reason or None, q850=None))

    def hang_up(self, reason: str | None, now: float) -> None:
        self.refuse(603, reason or "", None, now)

    def cancelled(self, cancel: Request, now: float) -> None:
        if self._exchange.open:
            self._final(487, now)
            self._stack.emit(Cancelled(leg=self.leg, reason=read_reason(cancel.headers)[0]))

    def requested(self, exchange: ServerExchange, now: float) -> None:
        """A request in the early dialog: BYE ends it like CANCEL; changes have to wait for the answer."""
        request = exchange.request
        tag = self._dialog.local_tag
        if (request.from_.tag or "") != self._dialog.remote_tag:
            status = 481
        elif not self._dialog.in_order(request):
            status = 500
        else:
            status = {"BYE": 200, "INFO": 200, "OPTIONS": 200, "UPDATE": 491, "INVITE": 491, "PRACK": 481}.get(
                request.method, 405
            )
        exchange.respond(self._stack.response(request, exchange.flow, status, to_tag=tag), now)
        if request.method == "BYE" and status == 200:
            self.cancelled(request, now)

    def _show(self, status: int, sdp: bytes | None, now: float) -> None:
        if not self._exchange.open:
            return
        self._shown = (status, sdp)
        self._provisional(status, sdp, now)
        if self._remind is None:
            self._remind = self._stack.agenda.at(now + _REMIND_S, self._again)

    def _provisional(self, status: int, sdp: bytes | None, now: float) -> None:
        exchange = self._exchange
        response = self._stack.response(exchange.request, exchange.flow, status, to_tag=self._dialog.local_tag, sdp=sdp)
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
        self._stack.legs.pop(self.leg, None)
        self._stack.dialogs.pop(self._key, None)
        response = self._stack.response(
            exchange.request, exchange.flow, status, reason=reason, to_tag=self._dialog.local_tag, headers=headers
        )
        exchange.respond(response, now)

    def _forget(self) -> None:
        if self._remind is not None:
            self._remind.cancel()
            self._remind = None
