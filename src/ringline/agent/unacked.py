"""A 2xx to an INVITE, repeated until its ACK comes (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from ringline.agent.agenda import Alarm
from ringline.agent.exchange import ServerExchange
from ringline.agent.stack import Stack
from ringline.sip import Response


class Unacked:
    """Repeats at T1, 2*T1 … T2, over every transport; gives up after 64*T1."""

    def __init__(
        self,
        stack: Stack,
        exchange: ServerExchange,
        response: Response,
        *,
        offered: bool,
        now: float,
        on_expired: Callable[[float], None],
    ) -> None:
        """`offered` says that the SDP in it is an offer, so that the ACK brings the answer."""
        timers = stack.config.timers
        self.cseq = exchange.request.cseq[0]
        self.offered = offered
        self._stack = stack
        self._exchange = exchange
        self._data = bytes(response)
        self._interval = timers.t1
        self._repeat: Alarm | None = stack.agenda.at(now + timers.t1, self._again)
        self._end: Alarm = stack.agenda.at(now + timers.patience, self._expired)
        self._on_expired = on_expired

    def stop(self) -> None:
        """The ACK is here, or nobody waits for it any more."""
        if self._repeat is not None:
            self._repeat.cancel()
        self._end.cancel()

    def _again(self, now: float) -> None:
        self._exchange.repeat(self._data)
        self._interval = min(self._interval * 2, self._stack.config.timers.t2)
        self._repeat = self._stack.agenda.at(now + self._interval, self._again)

    def _expired(self, now: float) -> None:
        self.stop()
        self._on_expired(now)
