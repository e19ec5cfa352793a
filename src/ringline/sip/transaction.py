"""What all four transactions share: a table to move by, running timers, and an output to drain."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from ringline.sip.message import Request, Response
from ringline.sip.table import Action, Input, Machine, State, Table
from ringline.sip.timers import Running, Timers

MessageT = TypeVar("MessageT", Request, Response)
OutputT = TypeVar("OutputT")


@dataclass(frozen=True, slots=True)
class Transmit:
    """Bytes to put on the wire."""

    data: bytes
    repeated: bool = False
    "True for a retransmission."


class Transaction(Generic[MessageT, OutputT]):
    """One request and its answers, seen from one side. `MessageT` is what comes in, `OutputT` what is told."""

    _table: Table
    _first: State

    def __init__(self, request: Request, *, reliable: bool, timers: Timers | None = None) -> None:
        self.request = request
        self._reliable = reliable
        self._times = timers or Timers()
        self._machine = Machine(self._table, self._first)
        self._running = Running()
        self._out: deque[OutputT] = deque()
        self._interval = self._times.t1

    @property
    def state(self) -> State:
        return self._machine.state

    def deadline(self) -> float | None:
        """When `tick` is wanted next."""
        return self._running.deadline()

    def poll(self) -> OutputT | None:
        """The next output; drain until None after every call."""
        return self._out.popleft() if self._out else None

    def transport_failed(self, *, now: float) -> None:
        """What we sent could not be delivered."""
        self._step(Input.TRANSPORT_ERROR, now)

    def tick(self, *, now: float) -> None:
        """Let the timers that are due do their work."""
        while (timer := self._running.take(now)) is not None:
            self._step(timer, now)

    def _step(self, what: Input, now: float, message: MessageT | None = None) -> None:
        if self.state is State.TERMINATED:
            return
        before = self.state
        action = self._machine.step(what)
        if self.state is not before:
            self._entered(self.state, now)
        self._do(action, what, now, message)

    def _entered(self, state: State, now: float) -> None:
        """Start the timers of a state."""
        raise NotImplementedError

    def _do(self, action: Action, what: Input, now: float, message: MessageT | None) -> None:
        """Carry out what the table says."""
        raise NotImplementedError
