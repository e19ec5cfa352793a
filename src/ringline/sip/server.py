"""Server transactions: answer a request once, however often it comes (RFC 3261 section 17.2, RFC 6026)."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.sip.message import Request, Response
from ringline.sip.table import Action, Input, State
from ringline.sip.tables import INVITE_SERVER, NON_INVITE_SERVER
from ringline.sip.timers import Timers
from ringline.sip.transaction import Transaction, Transmit


@dataclass(frozen=True, slots=True)
class AckArrived:
    """An ACK came in the transaction of an accepted INVITE (a peer that keeps the branch)."""

    request: Request


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Our failure response was never acknowledged, or could not be sent."""

    why: str


ServerOutput = Transmit | AckArrived | Undelivered


class ServerTransaction(Transaction[Request, ServerOutput]):
    """What both server transactions share."""

    def __init__(self, request: Request, *, reliable: bool, timers: Timers | None = None) -> None:
        super().__init__(request, reliable=reliable, timers=timers)
        self._last: bytes | None = None

    def receive(self, request: Request, *, now: float) -> None:
        """Take a request that matched: a repeat of the first one, or an ACK."""
        self._step(Input.ACK if request.method == "ACK" else Input.REPEAT, now, request)

    def _do(self, action: Action, what: Input, now: float, message: Request | None) -> None:
        match action:
            case Action.SEND if self._last is not None:
                self._out.append(Transmit(self._last))
            case Action.RESEND if self._last is not None:
                self._out.append(Transmit(self._last, repeated=True))
                if what is Input.TIMER_G:
                    self._rearm(now)
            case Action.PASS_UP if message is not None:
                self._out.append(AckArrived(message))
            case Action.TIME_OUT:
                self._out.append(Undelivered("timeout"))
            case Action.REPORT_ERROR:
                self._out.append(Undelivered("unreachable"))
            case _:
                pass

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
