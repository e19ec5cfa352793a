"""One turn of the heart: the moment, the state it may change, and the commands it gives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ringline.base import EffectId, Instant, LegId, SeededRandom, new_leg_id, uuid4
from ringline.calls.commands import Answer, Command, Existing, Fresh, Named, OpenEarly, Tell
from ringline.calls.facts import ErrorFact, StatusFact
from ringline.calls.state import Leg, Room
from ringline.calls.verdict import Verdict


class Inner:
    """A follow-up inside one turn: derived from an event, so never journaled."""

    __slots__ = ()


class OfLeg(Inner):
    """A follow-up for one leg."""

    __slots__ = ()
    leg: LegId


@dataclass(frozen=True, slots=True)
class EndLeg(OfLeg):
    """This leg has come to its end."""

    leg: LegId
    verdict: Verdict
    far_is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Woke(OfLeg):
    """A timer of this leg has come due."""

    leg: LegId
    timer: str


@dataclass(frozen=True, slots=True)
class Depart(OfLeg):
    """This leg goes to another conversation."""

    leg: LegId
    target: Named | Fresh | Existing


@dataclass(frozen=True, slots=True)
class ScriptDone(OfLeg):
    """The last action of this leg's script is complete."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class ChildReady(OfLeg):
    """A child is answered and through with its keys and its whisper: it may join."""

    leg: LegId
    child: LegId


@dataclass(frozen=True, slots=True)
class ChildRinging(OfLeg):
    """A child alerts."""

    leg: LegId
    child: LegId
    early_media: bool


@dataclass(frozen=True, slots=True)
class ChildEnded(OfLeg):
    """A child has ended, answered or not."""

    leg: LegId
    child: LegId
    verdict: Verdict
    fact: StatusFact
    late: StatusFact | None = None
    "The `completed` that is told after a failure, where the application wants one and the failure is asked about."


@dataclass(frozen=True, slots=True)
class GoOn(OfLeg):
    """It is known who has answered, and the application has had its say: what waited for that goes on."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Remarked(OfLeg):
    """The application has answered a remark about a child."""

    leg: LegId
    about: LegId
    script: str | None


@dataclass(frozen=True, slots=True)
class RecordingSettled(Inner):
    """A recording's file is there (its webhook is on its way), or lost."""

    effect: EffectId


@dataclass(frozen=True, slots=True)
class PromptOver(OfLeg):
    """The REST prompt in this leg has ended."""

    leg: LegId


@dataclass(slots=True)
class Turn:
    """What rules get in hand while one event is worked on."""

    room: Room
    at: Instant
    commands: list[Command] = field(default_factory=list)
    inner: deque[Inner] = field(default_factory=deque)

    def emit(self, command: Command) -> None:
        self.commands.append(command)

    def then(self, follow_up: Inner) -> None:
        """Work on this once the present rule is through."""
        self.inner.append(follow_up)

    def new_effect(self) -> EffectId:
        return EffectId(uuid4(self._random()))

    def new_leg(self) -> LegId:
        return new_leg_id(self._random())

    def _random(self) -> SeededRandom:
        random = SeededRandom(bytes.fromhex(self.room.seed), self.room.effects)
        self.room.effects += 1
        return random

    def wake(self, leg: Leg, name: str, after_s: float) -> None:
        """Set (or set anew) a timer of the leg."""
        leg.timers[name] = self.at.now + after_s

    def answer(self, leg: Leg) -> None:
        """Answer an inbound leg, if that has not been asked for yet."""
        if not leg.up and not leg.answering:
            leg.answering = True
            self.emit(Answer(leg=leg.id))

    def open_early(self, leg: Leg) -> None:
        """Let an inbound caller who is not answered yet hear our audio, if he does not already."""
        if not leg.up and not leg.early_open:
            leg.early_open = True
            self.emit(OpenEarly(leg=leg.id))

    def error(self, reason: str, leg: Leg | None = None) -> None:
        """Tell the application that something in its script could not be done."""
        self.emit(
            Tell(
                leg=leg.id if leg is not None else None,
                hook=self.room.application.event,
                fact=ErrorFact(reason=reason, conversation=self.room.id, timestamp=self.at.wallclock),
            )
        )
