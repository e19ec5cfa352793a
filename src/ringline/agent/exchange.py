"""A request and its answers: transactions tied to where they go and who waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ringline.agent.agenda import Alarm
from ringline.base import LegId
from ringline.sip import (
    AckArrived,
    Answer,
    Destination,
    Flow,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    Request,
    Response,
    State,
    Transmit,
    Unanswered,
    Undelivered,
)

if TYPE_CHECKING:
    from ringline.agent.stack import Stack

AnswerHandler = Callable[[Response, Flow, float], None]
SilenceHandler = Callable[[str, float], None]
ClientKey = tuple[str, str]
ServerKey = tuple[str, ...]


def _nobody_waits(*_told: object) -> None:
    """Takes what comes of a transaction that is over: nothing."""


class ClientExchange:
    """A request of ours on its way."""

    def __init__(
        self,
        stack: Stack,
        key: ClientKey,
        transaction: InviteClient | NonInviteClient,
        target: Flow | Destination,
        *,
        leg: LegId | None,
        on_answer: AnswerHandler,
        on_silence: SilenceHandler,
    ) -> None:
        self.key = key
        self.target = target
        self._stack = stack
        self._transaction = transaction
        self._leg = leg
        self._on_answer = on_answer
        self._on_silence = on_silence
        self._flow: Flow | None = None
        self._alarm: Alarm | None = None

    @property
    def request(self) -> Request:
        return self._transaction.request

    def start(self, now: float) -> None:
        self._stack.trace(self._leg, "out", self.request, self.target)
        self._transaction.start(now=now)
        self._pump(now)

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        self._flow = flow
        self._transaction.receive(response, now=now)
        self._pump(now)

    def transport_failed(self, now: float) -> None:
        self._transaction.transport_failed(now=now)
        self._pump(now)

    def give_up(self, now: float) -> None:
        """Forget it; nobody waits any more."""
        self._transaction.give_up(now=now)
        self._pump(now)

    def _ring(self, now: float) -> None:
        self._alarm = None
        self._transaction.tick(now=now)
        self._pump(now)

    def _pump(self, now: float) -> None:
        while (output := self._transaction.poll()) is not None:
            match output:
                case Transmit(data):
                    self._stack.send(data, self.target)
                case Answer(response):
                    flow = self._flow
                    if flow is not None:
                        self._stack.trace(self._leg, "in", response, flow)
                        self._on_answer(response, flow, now)
                case Unanswered(why):
                    self._on_silence(why, now)
        self._alarm = self._stack.rearm(self._alarm, self._transaction.deadline(), self._ring)
        if self._transaction.state is State.TERMINATED:
            self._stack.forget_client(self)
            # Who waited for this one may know it: let go of, so that nothing is left for the garbage collector.
            self._on_answer, self._on_silence = _nobody_waits, _nobody_waits


class ServerExchange:
    """A request to us, and our answer on its way."""

    def __init__(
        self,
        stack: Stack,
        key: ServerKey,
        transaction: InviteServer | NonInviteServer,
        flow: Flow,
        reply_to: Flow,
        *,
        leg: LegId | None,
        merge_key: tuple[str, str, int] | None = None,
    ) -> None:
        self.key = key
        self.merge_key = merge_key
        self.flow = flow
        self.owner: Callable[[Request, float], None] | None = None
        "Takes an ACK that comes in the transaction of an accepted INVITE."
        self.on_cancel: Callable[[Request, float], None] | None = None
        self._stack = stack
        self._transaction = transaction
        self._reply_to = reply_to
        self._leg = leg
        self._alarm: Alarm | None = None

    @property
    def request(self) -> Request:
        return self._transaction.request

    @property
    def open(self) -> bool:
        """True until a final response was given."""
        return self._transaction.state in (State.TRYING, State.PROCEEDING)

    def respond(self, response: Response, now: float) -> None:
        """Send a response; a second final one is not sent."""
        if not self.open:
            return
        self._stack.trace(self._leg, "out", response, self._reply_to)
        self._transaction.respond(response, now=now)
        self._pump(now)

    def repeat(self, data: bytes) -> None:
        """Send a 2xx or a reliable 1xx again: their repeats are not the transaction's business (RFC 6026, RFC 3262)."""
        self._stack.send(data, self._reply_to)

    def receive(self, request: Request, now: float) -> None:
        self._transaction.receive(request, now=now)
        self._pump(now)

    def _ring(self, now: float) -> None:
        self._alarm = None
        self._transaction.tick(now=now)
        self._pump(now)

    def _pump(self, now: float) -> None:
        while (output := self._transaction.poll()) is not None:
            match output:
                case Transmit(data):
                    self._stack.send(data, self._reply_to)
                case AckArrived(request):
                    if self.owner is not None:
                        self.owner(request, now)
                case Undelivered():
                    # The far end never acknowledged our failure: it is gone, and the call was over anyway.
                    pass
        self._alarm = self._stack.rearm(self._alarm, self._transaction.deadline(), self._ring)
        if self._transaction.state is State.TERMINATED:
            self._stack.forget_server(self)
            self.owner = self.on_cancel = None
