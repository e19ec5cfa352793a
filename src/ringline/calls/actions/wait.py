"""wait: silence for a while (NCCO reference: wait)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.events import Event
from ringline.calls.state import ACTION, Leg
from ringline.calls.turn import Inner, Turn, Woke


@dataclass(slots=True, kw_only=True)
class Waiting(RunningAction):
    """A wait action; keys do not interrupt it."""

    seconds: float
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        turn.wake(leg, ACTION, self.seconds)
        return Go.WAIT

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case Woke(timer=timer) if timer == ACTION:
                return Go.NEXT
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        leg.timers.pop(ACTION, None)
