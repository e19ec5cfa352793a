"""Everything around the heart, as simple as it can be: carries commands out on paper and remembers what is due.

It knows several conversations, for legs move between them. Nothing happens by itself: what a command leads to (a prompt
that ends, an answer of the application, a far end that picks up) waits in `pending` until a test lets it happen.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ringline.base import ApplicationId, ConversationId, EffectId, Instant, LegId
from ringline.calls import Conversation, commands, entry, events
from ringline.calls.codec import dump
from ringline.calls.events import Event
from ringline.calls.facts import StatusFact
from ringline.calls.parties import AppSettings, Hook
from ringline.calls.state import Leg
from ringline.calls.status import FINAL, NEXT, Status

START: Final = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
CARD: Final = (commands.OpenPayment, commands.CollectCard, commands.ChargeCard)
_STOPS: Final = ("Stop", "Un")


@dataclass
class Place:
    """One conversation and its journal."""

    heart: Conversation
    lines: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False
    inbox: deque[Event] = field(default_factory=deque)
    working: bool = False


@dataclass
class Due:
    """Something asked for that has not come to its end."""

    command: Any
    place: ConversationId
    stopped: bool = False


class World:
    """All conversations of one application, and what is due in them."""

    def __init__(self, *, settings: AppSettings | None = None) -> None:
        self.settings = settings or AppSettings(
            id=ApplicationId("0b9d0c55-2222-4333-8444-955566677788"),
            answer=Hook(url="https://app.example.org/answer", method="GET"),
            event=Hook(url="https://app.example.org/event"),
            numbers=("442079460000",),
        )
        self.seconds = 0.0
        self.places: dict[ConversationId, Place] = {}
        self.named: dict[str, ConversationId] = {}
        self.where: dict[LegId, ConversationId] = {}
        self.pending: dict[EffectId, Due] = {}
        self.dialled: set[LegId] = set()
        self.to_answer: set[LegId] = set()
        self.paying: set[LegId] = set()
        "Legs whose keys nobody but the collector sees."
        self.released: dict[LegId, commands.Release] = {}
        self.statuses: dict[LegId, list[Status]] = {}
        self._count = 0

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> Instant:
        return Instant(1000.0 + self.seconds, START + timedelta(seconds=self.seconds))

    def open(self, name: str | None = None) -> ConversationId:
        self._count += 1
        conversation = ConversationId(f"CON-00000000-0000-4000-8000-{self._count:012d}")
        opened = events.Opened(
            conversation=conversation, application=self.settings, seed=f"{self._count:032x}", name=name
        )
        self.places[conversation] = Place(Conversation(opened), [entry(dump(opened), (), self.now)])
        return conversation

    def new_leg(self) -> LegId:
        self._count += 1
        return LegId(f"00000000-0000-4000-9000-{self._count:012d}")

    def begins(self, leg: LegId, event: Event) -> None:
        """A leg comes into being, in a conversation of its own."""
        self.where[leg] = self.open()
        self.post(self.where[leg], event)

    def happens(self, leg: LegId, event: Event) -> None:
        """An event of a leg, in the conversation where the leg now is; none when it has ended."""
        if leg in self.where:
            self.post(self.where[leg], event)

    def post(self, where: ConversationId, event: Event) -> None:
        """Give a conversation an event; what comes while it works waits its turn, as the engine has it."""
        place = self.places[where]
        place.inbox.append(event)
        if place.working:
            return
        place.working = True
        try:
            while place.inbox and not place.closed:
                self._work(where, place, place.inbox.popleft())
        finally:
            place.working = False

    def _work(self, where: ConversationId, place: Place, event: Event) -> None:
        written = dump(event)
        at = self.now
        try:
            given = place.heart.handle(event, at)
        except Exception:
            place.lines.append(entry(written, (), at))  # a journal that fails when it is run again
            raise
        place.lines.append(entry(written, given, at))
        for command in given:
            self._carry_out(where, command)

    def passes(self, seconds: float) -> None:
        """Time passes; whoever has a deadline meanwhile is told at that moment, as the engine does."""
        end = self.seconds + seconds
        for _ in range(10_000):
            due = [(when, id_) for id_, place in self.places.items() if (when := _deadline(place)) is not None]
            when, where = min(due, default=(float("inf"), None))
            if where is None or when - 1000.0 > end:
                self.seconds = end
                return
            self.seconds = max(self.seconds, when - 1000.0) + 0.001
            self.post(where, events.Ticked())
        raise AssertionError("timers go off without end")

    # ── what comes of commands ─────────────────────────────────────────────────────────────────────────────────────

    def ends_prompt(self, effect: EffectId, failure: str | None = None) -> None:
        due = self.pending.pop(effect)
        play: commands.Play = due.command
        ended = events.PlayEnded(
            effect=effect, leg=play.owner, played_ms=1000, stopped=due.stopped, failure=None if due.stopped else failure
        )
        self.post(self.where.get(play.owner, due.place) if play.owner else due.place, ended)

    def finishes_recording(self, effect: EffectId, *, failed: bool = False) -> None:
        due = self.pending.pop(effect)
        now = self.now.wallclock
        if failed:
            self.post(due.place, events.RecordingFailed(effect=effect, why="the disk is full"))
            return
        url = "https://ringline.example.net/v1/files/1"
        done = events.RecordingDone(effect=effect, recording="r", url=url, size=1, start_time=now, end_time=now)
        self.post(due.place, done)

    def of_kind(self, kind: type[Any]) -> list[EffectId]:
        return [effect for effect, due in self.pending.items() if isinstance(due.command, kind)]

    # ── carrying out ───────────────────────────────────────────────────────────────────────────────────────────────

    def _carry_out(self, where: ConversationId, command: Any) -> None:
        effect: EffectId | None = getattr(command, "effect", None)
        if isinstance(command, commands.Tell | commands.Ask) and isinstance(command.fact, StatusFact):
            self._tell(command.fact)
        match command:
            case commands.Dial(leg=leg):
                self.where[leg] = where
                self.dialled.add(leg)
            case commands.Answer(leg=leg):
                assert leg not in self.to_answer, "answered twice"
                self.to_answer.add(leg)
            case commands.Release(leg=leg):
                self._release(command)
            case commands.Find(effect=effect, leg=leg):
                there = command.conversation in self.places and not self.places[command.conversation].closed
                found = there and command.conversation != where
                self.happens(leg, events.ConversationFound(effect=effect, leg=leg, found=found))
            case commands.Move():
                self._move(where, command)
            case commands.Close():
                self.places[where].closed = True
            case commands.ClosePayment(leg=leg):
                self._forget_card(leg)
            case commands.StopListening(effect=effect, finish=True):
                self.pending[effect].stopped = True  # what was understood is still to be told
            case _ if effect is None:
                pass
            case _ if type(command).__name__.startswith(_STOPS):
                self._stop(effect)
            case _:
                before = self.pending.get(effect)
                listening = before is not None and isinstance(before.command, commands.Detect) and before.command.early
                assert before is None or listening, "one effect twice"
                self.pending[effect] = Due(command, where)
                if isinstance(command, commands.OpenPayment):
                    self.paying.add(command.leg)

    def _tell(self, fact: StatusFact) -> None:
        told = self.statuses.setdefault(fact.uuid, [])
        status = Status(fact.status)
        allowed = NEXT[told[-1]] if told else (Status.STARTED,)
        assert status in allowed, f"{fact.uuid}: {status} after {told}"
        told.append(status)

    def _stop(self, effect: EffectId) -> None:
        due = self.pending.get(effect)
        if due is None:
            return
        if isinstance(due.command, commands.Play | commands.StartRecording):
            due.stopped = True  # its end is still to be told
        else:
            del self.pending[effect]

    def _forget_card(self, leg: LegId) -> None:
        self.paying.discard(leg)
        for effect, due in list(self.pending.items()):
            if isinstance(due.command, CARD) and due.command.leg == leg:
                del self.pending[effect]

    def _release(self, command: commands.Release) -> None:
        leg = command.leg
        assert leg not in self.released, "released twice"
        self.released[leg] = command
        self.where.pop(leg, None)
        self.dialled.discard(leg)
        self.to_answer.discard(leg)
        self.paying.discard(leg)
        for effect, due in list(self.pending.items()):
            whose = getattr(due.command, "owner", None) or getattr(due.command, "leg", None)
            if whose == leg and not isinstance(due.command, commands.StartRecording):
                del self.pending[effect]

    def _move(self, where: ConversationId, command: commands.Move) -> None:
        match command.target:
            case commands.Named(name=name):
                if name not in self.named:
                    self.named[name] = self.open(name)
                target = self.named[name]
            case commands.Existing(conversation=conversation):
                target = conversation
            case _:
                target = self.open()
        self.where[command.leg.id] = target
        self.post(target, events.LegArrived(leg=command.leg, source=where))

    # ── what must always hold ──────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Whatever has happened: these hold between any two events."""
        homes: dict[LegId, ConversationId] = {}
        for where, place in self.places.items():
            for id_ in place.heart.legs:
                assert id_ not in homes, f"{id_} is in {homes[id_]} and in {where}"
                homes[id_] = where
        assert homes == self.where, "a leg is not in the conversation that its events go to"
        for id_, told in self.statuses.items():
            assert (told[-1] in FINAL) == (id_ in self.released), f"{id_}: {told}, released: {id_ in self.released}"
        for where, place in self.places.items():
            assert not (place.closed and (place.heart.legs or place.heart.room.recordings)), (
                "closed with something in it"
            )
            assert place.heart.room.name or place.heart.legs or place.heart.room.recordings or place.closed, (
                f"{where} is empty, unnamed and not closed"
            )
            for leg in _legs(place):
                for owner, effect in _awaited(leg):
                    assert effect in self.pending, f"{leg.id} waits for ever: nothing will end {owner}"
            for effect in place.heart.room.recordings:
                assert effect in self.pending, "a recording nobody makes"
        for effect, due in self.pending.items():
            whose = getattr(due.command, "owner", None)
            assert whose is None or whose in self.where, (
                f"{effect} ({type(due.command).__name__}) has outlived its owner"
            )


def _deadline(place: Place) -> float | None:
    return None if place.closed else place.heart.deadline()


def _legs(place: Place) -> Iterator[Leg]:
    for id_ in place.heart.legs:
        leg = place.heart.leg(id_)
        assert leg is not None
        yield leg


def _awaited(leg: Leg) -> Iterator[tuple[str, EffectId]]:
    """Every result that the leg, or the action that runs on it, waits for."""
    running: list[Any] = [leg, leg.referral, leg.script.current if leg.script is not None else None]
    for holder in running:
        if holder is None:
            continue
        for spec in dataclasses.fields(holder):
            content = getattr(holder, spec.name)
            if "EffectId" in str(spec.type) and isinstance(content, str):
                yield f"{type(holder).__name__}.{spec.name}", EffectId(content)
