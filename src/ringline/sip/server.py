"""Server transactions: answer a request once, however often it comes (RFC 3261 section 17.2, RFC 6026)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ringline.sip.client import Transmit
from ringline.sip.message import Request, Response
from ringline.sip.table import Action, Input, Machine, State, Table
from ringline.sip.tables import INVITE_SERVER, NON_INVITE_SERVER
from ringline.sip.timers import Running, Timers


@dataclass(frozen=True, slots=True)
class AckArrived:
    """An ACK came in the transaction of an accepted INVITE (a peer that keeps the branch)."""

    request: Request


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Our failure response was never acknowledged, or could not be sent."""

    why: str


ServerOutput = Transmit | AckArrived | Undelivered


class ServerTransaction:
    """What both server transactions share."""

    _table: Table
    _first: State

    def __init__(self, request: Request, *, reliable: bool, timers: Timers | None = None) -> None:
        self.request = request
        self._reliable = reliable
        self._times = timers or Timers()
        self._machine = Machine(self._table, self._first)
        self._running = Running()
        self._out: deque[ServerOutput] = deque()
        self._last: bytes | None = None
        self._interval = self._times.t1

    @property
    def state(self) -> State:
        return self._machine.state

    def deadline(self) -> float | None:
        """When `tick` is wanted next."""
        return self._running.deadline()

    def poll(self) -> ServerOutput | None:
        """The next output; drain until None after every call."""
        return self._out.popleft() if self._out else None

    def tick(self, *, now: float) -> None:
        """Let the timers that are due do their work."""
        while (timer := self._running.take(now)) is not None:
            self._step(timer, now)

    def transport_failed(self, *, now: float) -> None:
        """A response could not be sent."""
        self._step(Input.TRANSPORT_ERROR, now)

    def receive(self, request: Request, *, now: float) -> None:
        """Take a request that matched: a repeat of the first one, or an ACK."""
        self._step(Input.ACK if request.method == "ACK" else Input.REPEAT, now, request)

    def _step(self, what: Input, now: float, request: Request | None = None) -> None:
        if self.state is State.TERMINATED:
            return
        before = self.state
        action = self._machine.step(what)
        if self.state is not before:
            self._entered(self.state, now)
        match action:
            case Action.SEND if self._last is not None:
                self._out.append(Transmit(self._last))
            case Action.RESEND if self._last is not None:
                self._out.append(Transmit(self._last, repeated=True))
                if what is Input.TIMER_G:
                    self._rearm(now)
            case Action.PASS_UP if request is not None:
                self._out.append(AckArrived(request))
            case Action.TIME_OUT:
                self._out.append(Undelivered("timeout"))
            case Action.REPORT_ERROR:
                self._out.append(Undelivered("unreachable"))
            case _:
                pass

    def _entered(self, state: State, now: float) -> None:
        raise NotImplementedError

    def _rearm(self, now: float) -> None:
        self._interval = min(self._interval * 2, self._times.t2)
        self._running.start(Input.TIMER_G, now + self._interval)


class InviteServer(ServerTransaction):
    """INVITE server transaction (RFC 3261 section 17.2.1; Accepted state: RFC 6026 section 7.1)."""

    _table = INVITE_SERVER
    _first = State.PROCEEDING

    def respond(self, response: Response, *, now: float) -> None:
        """Send a response; a 2xx is repeated by the caller, a failure by the transaction.

        Raises:
            LocalProtocolError: a final response was sent before.
        """
        what = Input.PROVISIONAL if response.status < 200 else Input.SUCCESS if response.status < 300 else Input.FAILURE
        self._last = bytes(response)
        self._step(what, now)

    def _entered(self, state: State, now: float) -> None:
        self._running.clear()
        if state is State.ACCEPTED:
            self._running.start(Input.TIMER_L, now + self._times.patience)
        elif state is State.COMPLETED:
            if not self._reliable:
                self._running.start(Input.TIMER_G, now + self._interval)
            self._running.start(Input.TIMER_H, now + self._times.patience)
        elif state is State.CONFIRMED:
            self._running.start(Input.TIMER_I, now if self._reliable else now + self._times.t4)


class NonInviteServer(ServerTransaction):
    """Server transaction of every other method (RFC 3261 section 17.2.2)."""

    _table = NON_INVITE_SERVER
    _first = State.TRYING

    def respond(self, response: Response, *, now: float) -> None:
        """Send a response; only the first final one counts."""
        if self.state is not State.COMPLETED:
            self._last = bytes(response)
        self._step(Input.PROVISIONAL if response.status < 200 else Input.FINAL, now)

    def _entered(self, state: State, now: float) -> None:
        if state is State.COMPLETED:
            self._running.start(Input.TIMER_J, now if self._reliable else now + self._times.patience)
        elif state is State.TERMINATED:
            self._running.clear()
