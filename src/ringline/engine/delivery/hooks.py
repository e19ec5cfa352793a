"""Everything on its way to the applications: notifications of a leg one after the other, questions at once.

A notification is in the store (`Outbox`) until it is delivered or given up, and is sent without waiting for the store.
A question waits for nothing but, where it says so (`Ask.after`), for its turn in a leg's queue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from ringline import ncco
from ringline.accounts import Directory
from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random, get_log, uuid4
from ringline.calls.commands import Ask, Tell
from ringline.calls.events import Event, Instructions, InstructionsFaulty
from ringline.calls.facts import StatusFact
from ringline.calls.parties import Hook
from ringline.engine.delivery import targets
from ringline.engine.delivery.courier import Courier, Measure, Parcel, Trace
from ringline.engine.delivery.outbox import Outbox, event_id
from ringline.engine.delivery.payloads import name_of, payload_of
from ringline.engine.delivery.queues import Queues
from ringline.engine.ports import HttpClient, HttpReply, Store, StoredEvent
from ringline.engine.supervise import Scope
from ringline.webhooks import Attempt, Delivery, Fault, GaveUp, Kind, Outcome, Phase, Reader
from ringline.webhooks import Instructions as Script

log = get_log(__name__)

_KINDS: Final = {"answer": Kind.ANSWER, "event": Kind.EVENT, "remark": Kind.REMARK}
RTC: Final = "rtc"
"The name of what goes to the application's RTC event URL."
CALLBACK: Final = "callback"
"The name of what goes to the callback of a conversation."
_READER: Final = Reader(parse=ncco.parse, looks_like_script=ncco.looks_like_ncco)
_READER_WITHOUT_EXTENSIONS: Final = Reader(
    parse=lambda body: ncco.forbid_extensions(ncco.parse(body)), looks_like_script=ncco.looks_like_ncco
)


class Hooks:
    """Delivers what the heart tells and asks."""

    def __init__(
        self,
        *,
        http: HttpClient,
        store: Store,
        directory: Directory,
        public_url: str,
        clock: Clock,
        random: Random,
        report: Callable[[Event], None],
        trace: Trace,
    ) -> None:
        self._courier = Courier(http=http, directory=directory, clock=clock, random=random, trace=trace)
        self._outbox = Outbox(store, clock)
        self._directory = directory
        self._public_url = public_url
        self._random = random
        self._report = report
        self._trace = trace
        self._queues = Queues("notifications")
        self._questions = Scope("questions")
        self._asked: dict[LegId, list[_Question]] = {}
        self._dropped = 0

    @property
    def busy(self) -> int:
        """How many legs have notifications or questions on their way."""
        return len(self._queues) + len(self._asked)

    @property
    def measure(self) -> Measure:
        """Told of every request: what it was, how it came out, seconds."""
        return self._courier.measure

    @measure.setter
    def measure(self, measure: Measure) -> None:
        self._courier.measure = measure

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: events that wait for their turn, and those dropped because too many did."""
        return {"waiting": self._queues.waiting, "dropped": self._dropped}

    # ── notifications ──────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, room: ConversationId, application: ApplicationId, command: Tell) -> None:
        """Store a notification, and queue it behind those of its leg."""
        fact, hook = command.fact, command.hook
        name = name_of(fact)
        if hook is None:
            self._trace(room, command.leg, {"what": "webhook", "name": name, "text": "no event URL, dropped"})
            return
        event = self._outbox.keep(
            event_id(fact, hook, self._random),
            room=room,
            application=application,
            leg=command.leg,
            hook=hook,
            fact=fact,
            payload=payload_of(fact, region_url=self._public_url),
        )
        self._queue(event)

    def pass_on(
        self, name: str, room: ConversationId, application: ApplicationId, hook: Hook, payload: Mapping[str, Any]
    ) -> None:
        """Store an event of the conversation service, and queue it behind those of its conversation.

        `name` is `RTC` or `CALLBACK`: each has a queue of its own.
        """
        made = uuid4(self._random)
        stored = self._outbox.keep_as(
            name, made, room=room, application=application, leg=None, hook=hook, payload=payload
        )
        self._queue(stored)

    def resume(self, events: Iterable[StoredEvent]) -> int:
        """Deliver what an earlier run could not, in its order and before anything new of the same legs."""
        count = 0
        for event in events:
            if self._outbox.is_too_old(event):
                log.warning("an event of an earlier run was given up: it is too old", leg=event.leg, name=event.name)
                self._outbox.done(event.event_id)
            else:
                count += 1
                self._queue(event)
        return count

    def _queue(self, event: StoredEvent) -> None:
        if not self._queues.put(_queue_of(event), partial(self._notify, event)):
            self._dropped += 1
            log.warning("a notification was dropped: too many wait", leg=event.leg, name=event.name)
            line = {"what": "webhook", "name": event.name, "event_id": event.event_id, "text": "queue full, dropped"}
            self._trace(event.conversation, event.leg, line)
            self._outbox.done(event.event_id)

    async def _notify(self, event: StoredEvent) -> None:
        owner = self._directory.application(event.application)
        rtc = event.name in (RTC, CALLBACK)
        primary = targets.primary(event.url, event.method, owner, kind="event")
        delivery: Delivery[ncco.Ncco] = Delivery(
            Kind.NOTIFICATION,
            primary=targets.of_conversation(event.url, event.method) if rtc else primary,
            payload=event.payload,
        )
        parcel = Parcel(
            event_id=event.event_id, name=event.name, room=event.conversation, leg=event.leg, owner=owner, rtc=rtc
        )
        await self._deliver(delivery, parcel)
        self._outbox.done(event.event_id)

    # ── questions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, room: ConversationId, application: ApplicationId, command: Ask) -> None:
        """Send a request whose answer may be a script."""
        question = _Question(room, application, command, event_id(command.fact, command.hook, self._random))
        self._asked.setdefault(command.leg, []).append(question)
        if isinstance(command.fact, StatusFact):
            # It tells how a leg fares, which must be told even if nobody is left who could use the answer.
            self._outbox.keep(
                question.event_id,
                room=room,
                application=application,
                leg=command.fact.uuid,
                hook=command.hook,
                fact=command.fact,
                payload=payload_of(command.fact, region_url=self._public_url),
            )
        if command.after is not None:
            self._queues.put(command.after, partial(self._question, question), limited=False)
        else:
            self._questions.start(self._question(question), name=command.effect)

    def drop_questions_of(self, leg: LegId) -> None:
        """The leg has ended: what is answered now is of no use to anybody.

        A request under way is let through all the same, for it may tell how another leg ended; it is not repeated.
        """
        for question in self._asked.pop(leg, ()):
            question.dropped = True

    async def _question(self, question: _Question) -> None:
        command = question.command
        owner = self._directory.application(question.application)
        name = name_of(command.fact)
        minimal = owner is not None and owner.settings.answer_fields == "minimal"
        delivery = Delivery(
            _KINDS[command.kind],
            primary=targets.primary(command.hook.url, command.hook.method, owner, kind=command.kind),
            payload=payload_of(command.fact, region_url=self._public_url, minimal=minimal),
            reader=_READER if owner is None or owner.calls_extensions else _READER_WITHOUT_EXTENSIONS,
            fallback=targets.fallback(owner),
        )
        parcel = Parcel(event_id=question.event_id, name=name, room=question.room, leg=command.leg, owner=owner)
        outcome = await self._deliver(delivery, parcel, question)
        if isinstance(command.fact, StatusFact):
            self._outbox.done(question.event_id)
        if question.dropped:
            return
        waiting = self._asked[command.leg]
        waiting.remove(question)
        if not waiting:
            del self._asked[command.leg]
        if isinstance(outcome, Script) and outcome.ncco.notes:
            log.info("a script was read otherwise than written", name=name, leg=command.leg, notes=outcome.ncco.notes)
        script = json.dumps(outcome.ncco.to_json()) if isinstance(outcome, Script) else None
        failed = isinstance(outcome, GaveUp)
        why = outcome.reason if isinstance(outcome, GaveUp) else ""
        self._report(Instructions(effect=command.effect, leg=command.leg, script=script, failed=failed, why=why))

    # ── both ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def drained(self) -> None:
        """Wait until every notification has gone out, or has been given up."""
        await self._queues.drained()

    def close(self) -> None:
        """Nobody waits for answers any more; notifications that are not delivered yet stay in the store."""
        self._questions.close()
        self._queues.close()

    async def _deliver(
        self, delivery: Delivery[ncco.Ncco], parcel: Parcel, question: _Question | None = None
    ) -> Outcome[ncco.Ncco]:
        while True:
            if question is not None and question.dropped and delivery.phase is not Phase.FIRST:
                return GaveUp("")
            match delivery.poll():
                case Outcome() as outcome:
                    return outcome
                case Fault(reason=reason) if question is not None:
                    command = question.command
                    self._report(InstructionsFaulty(effect=command.effect, leg=command.leg, reason=reason))
                case Attempt() as attempt:
                    reply = await self._courier.send(attempt, parcel)
                    if isinstance(reply, HttpReply):
                        delivery.replied(reply.status, reply.body, too_long=reply.too_long)
                    else:
                        delivery.failed(reply.reason)


def _queue_of(event: StoredEvent) -> str:
    """Notifications of a leg wait for each other; so do events of a conversation, per destination."""
    if event.name in (RTC, CALLBACK):
        return f"{event.name} {event.conversation}"
    return event.leg or event.conversation


class _Question:
    """A request whose answer somebody waits for."""

    __slots__ = ("application", "command", "dropped", "event_id", "room")

    def __init__(self, room: ConversationId, application: ApplicationId, command: Ask, event_id: str) -> None:
        self.room = room
        self.application = application
        self.command = command
        self.event_id = event_id
        self.dropped = False
