"""What all actions share: how one starts, hears events, stops, and what it says of the script's way on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from ringline.calls.events import Event
from ringline.calls.state import Activity, Leg
from ringline.calls.turn import Inner, Turn


class Go(Enum):
    """Where the script stands after an action was spoken to."""

    WAIT = "wait"
    "The action is still at work."
    NEXT = "next"
    "It is complete: on to the next one."


@dataclass(frozen=True, slots=True)
class Replace:
    """The application answered with another script: run that instead."""

    source: str


Step = Go | Replace


class RunningAction(Activity):
    """An action at work. Subclasses are dataclasses of plain values: they are written down with their leg."""

    __slots__ = ()

    answers: ClassVar[bool] = True
    "Needs audio in both directions, so an inbound leg is answered before it starts."

    def start(self, turn: Turn, leg: Leg) -> Step:
        raise NotImplementedError(type(self).__name__)

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        """Take an event of this leg; those that do not concern it leave it waiting."""
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        """Let go of everything: the script is replaced, or the leg ends."""


class ActionFactory(Protocol):
    """Makes the running state of one NCCO action."""

    answers: ClassVar[bool]
