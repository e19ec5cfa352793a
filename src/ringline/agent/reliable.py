"""Provisional responses that are repeated until a PRACK comes (RFC 3262), on the side of the callee."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ringline.agent.agenda import Alarm
from ringline.agent.exchange import ServerExchange
from ringline.agent.stack import Stack
from ringline.base import RemoteProtocolError, integer
from ringline.sip import Request, Response, read_rack


@dataclass(slots=True)
class _Waiting:
    rseq: int
    data: bytes
    has_sdp: bool
    interval: float
    repeat: Alarm
    end: Alarm


class ReliableProvisionals:
    """One at a time, in order."""

    def __init__(self, stack: Stack, exchange: ServerExchange, on_expired: Callable[[float], None]) -> None:
        """`on_expired` is told when no PRACK came for 64*T1: the call has to be refused (RFC 3262 section 3)."""
        self._stack = stack
        self._exchange = exchange
        self._on_expired: Callable[[float], None] | None = on_expired
        self._rseq = 1 + integer(stack.random, 2**16)
        self._queue: deque[Response] = deque()
        self._waiting: _Waiting | None = None

    @property
    def holds_sdp(self) -> bool:
        """Whether an answer of ours is not acknowledged yet: a 2xx has to wait for that."""
        waiting = self._waiting
        return any(response.body for response in self._queue) or (waiting is not None and waiting.has_sdp)

    def send(self, response: Response, now: float) -> None:
        """Send it, when those before it have been acknowledged."""
        self._queue.append(response)
        self._next(now)

    def acknowledged(self, prack: Request, now: float) -> bool | None:
        """Take a PRACK: whether the response it is about held SDP; None when there is no such response."""
        try:
            rack = read_rack(prack)
        except RemoteProtocolError:
            return None
        waiting = self._waiting
        if waiting is None or (rack.rseq, rack.cseq, rack.method) != (
            waiting.rseq,
            self._exchange.request.cseq[0],
            "INVITE",
        ):
            return None
        self._drop()
        self._next(now)
        return waiting.has_sdp

    def stop(self) -> None:
        """The final response is out."""
        self._queue.clear()
        self._drop()
        self._on_expired = None

    def _next(self, now: float) -> None:
        if self._waiting is not None or not self._queue:
            return
        response = self._queue.popleft()
        response.headers.add("Require", "100rel")
        response.headers.add("RSeq", str(self._rseq))
        timers, agenda = self._stack.config.timers, self._stack.agenda
        self._waiting = _Waiting(
            rseq=self._rseq,
            data=bytes(response),
            has_sdp=bool(response.body),
            interval=timers.t1,
            repeat=agenda.at(now + timers.t1, self._again),
            end=agenda.at(now + timers.patience, self._expired),
        )
        self._rseq += 1
        self._exchange.respond(response, now)

    def _again(self, now: float) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._exchange.repeat(waiting.data)
            waiting.interval *= 2
            waiting.repeat = self._stack.agenda.at(now + waiting.interval, self._again)

    def _expired(self, now: float) -> None:
        on_expired = self._on_expired
        self.stop()
        if on_expired is not None:
            on_expired(now)

    def _drop(self) -> None:
        if self._waiting is not None:
            self._waiting.repeat.cancel()
            self._waiting.end.cancel()
            self._waiting = None
