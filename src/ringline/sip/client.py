"""Client transactions: send a request until it is answered (RFC 3261 section 17.1, RFC 6026)."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.sip.message import Request, Response
from ringline.sip.table import Action, Input, State
from ringline.sip.tables import INVITE_CLIENT, NON_INVITE_CLIENT
from ringline.sip.timers import Timers
from ringline.sip.transaction import Transaction, Transmit


@dataclass(frozen=True, slots=True)
class Answer:
    """A response for the transaction's user."""

    response: Response


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No final response: `timeout`, or `unreachable` when the transport failed."""

    why: str


ClientOutput = Transmit | Answer | Unanswered


class ClientTransaction(Transaction[Response, ClientOutput]):
    """What both client transactions share."""

    def __init__(self, request: Request, *, reliable: bool, timers: Timers | None = None) -> None:
        super().__init__(request, reliable=reliable, timers=timers)
        self._data = bytes(request)

    def give_up(self, *, now: float) -> None:
        """The user waits no longer; nothing is reported."""
        self._step(Input.GIVE_UP, now)

    def _do(self, action: Action, what: Input, now: float, message: Response | None) -> None:
        match action:
            case Action.PASS_UP if message is not None:
                self._out.append(Answer(message))
            case Action.RESEND:
                self._out.append(Transmit(self._data, repeated=True))
                self._rearm(now)
            case Action.TIME_OUT:
                self._out.append(Unanswered("timeout"))
            case Action.REPORT_ERROR:
                self._out.append(Unanswered("unreachable"))
            case _:
                pass

    def _rearm(self, now: float) -> None:
        raise NotImplementedError


class InviteClient(ClientTransaction):
    """INVITE client transaction (RFC 3261 section 17.1.1; Accepted state: RFC 6026 section 7.2)."""

    _table = INVITE_CLIENT
    _first = State.CALLING

    def __init__(
        self, request: Request, *, reliable: bool, timers: Timers | None = None, patience: float | None = None
    ) -> None:
        """`patience` replaces 64*T1 as the time to wait for any answer, where there is another server to try."""
        super().__init__(request, reliable=reliable, timers=timers)
        self._patience = patience if patience is not None else self._times.patience
        self._ack: bytes | None = None

    def start(self, *, now: float) -> None:
        """Send the request."""
        self._out.append(Transmit(self._data))
        if not self._reliable:
            self._running.start(Input.TIMER_A, now + self._interval)
        self._running.start(Input.TIMER_B, now + self._patience)

    def receive(self, response: Response, *, now: float) -> None:
        """Take a response that matched."""
        what = Input.PROVISIONAL if response.status < 200 else Input.SUCCESS if response.status < 300 else Input.FAILURE
        self._step(what, now, response)

    def _do(self, action: Action, what: Input, now: float, message: Response | None) -> None:
        if action is Action.ACK_AND_PASS_UP and message is not None:
            self._ack = bytes(failure_ack(self.request, message))
            self._out.append(Transmit(self._ack))
            self._out.append(Answer(message))
        elif action is Action.RESEND_ACK and self._ack is not None:
            self._out.append(Transmit(self._ack, repeated=True))
        else:
            super()._do(action, what, now, message)

    def _entered(self, state: State, now: float) -> None:
        self._running.clear()
        if state is State.ACCEPTED:
            self._running.start(Input.TIMER_M, now + self._times.patience)
        elif state is State.COMPLETED:
            self._running.start(Input.TIMER_D, now if self._reliable else now + self._times.d)

    def _rearm(self, now: float) -> None:
        self._interval *= 2
        self._running.start(Input.TIMER_A, now + self._interval)


class NonInviteClient(ClientTransaction):
    """Client transaction of every other method (RFC 3261 section 17.1.2)."""

    _table = NON_INVITE_CLIENT
    _first = State.TRYING

    def start(self, *, now: float) -> None:
        """Send the request."""
        self._out.append(Transmit(self._data))
        if not self._reliable:
            self._running.start(Input.TIMER_E, now + self._interval)
        self._running.start(Input.TIMER_F, now + self._times.patience)

    def receive(self, response: Response, *, now: float) -> None:
        """Take a response that matched."""
        self._step(Input.PROVISIONAL if response.status < 200 else Input.FINAL, now, response)

    def _entered(self, state: State, now: float) -> None:
        if state is State.COMPLETED:
            self._running.clear()
            self._running.start(Input.TIMER_K, now if self._reliable else now + self._times.t4)
        elif state is State.TERMINATED:
            self._running.clear()

    def _rearm(self, now: float) -> None:
        in_proceeding = self.state is State.PROCEEDING
        self._interval = self._times.t2 if in_proceeding else min(self._interval * 2, self._times.t2)
        self._running.start(Input.TIMER_E, now + self._interval)


def failure_ack(request: Request, response: Response) -> Request:
    """The ACK of a failure: same branch and route as the INVITE, the To of the response (RFC 3261 section 17.1.1.3)."""
    return _same_hop(request, "ACK", to=response.headers.get("To"))


def cancel_request(request: Request) -> Request:
    """The CANCEL of a request: the same in everything but the method (RFC 3261 section 9.1)."""
    return _same_hop(request, "CANCEL", to=None)


def _same_hop(request: Request, method: str, *, to: str | None) -> Request:
    new = Request(method=method, uri=request.uri, encoding=request.encoding)
    new.headers.add("Via", request.headers.split("Via")[0])
    for name in ("Route", "From", "To", "Call-ID"):
        for value in request.headers.all(name):
            new.headers.add(name, to if name == "To" and to else value)
    new.headers.add("CSeq", f"{request.cseq[0]} {method}")
    new.headers.add("Max-Forwards", "70")
    return new
