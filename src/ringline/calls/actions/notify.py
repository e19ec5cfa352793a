"""notify: send the application a payload, and do what it answers (NCCO reference: notify)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ringline.base import EffectId
from ringline.calls.actions.base import Go, Replace, RunningAction, Step
from ringline.calls.commands import Ask
from ringline.calls.events import Event, Instructions
from ringline.calls.facts import NotifyFact
from ringline.calls.parties import Hook
from ringline.calls.state import Leg
from ringline.calls.turn import Inner, Turn


@dataclass(slots=True, kw_only=True)
class Notifying(RunningAction):
    """A notify action; it does not answer the call."""

    payload: Any
    hook: Hook | None
    asking: EffectId | None = None
    answers: ClassVar[bool] = False

    def start(self, turn: Turn, leg: Leg) -> Step:
        if self.hook is None:
            return Go.NEXT
        self.asking = turn.new_effect()
        fact = NotifyFact(payload=self.payload, conversation=turn.room.id, timestamp=turn.at.wallclock)
        turn.emit(Ask(effect=self.asking, leg=leg.id, kind="event", hook=self.hook, fact=fact))
        return Go.WAIT

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case Instructions(effect=effect) if effect == self.asking:
                return Replace(event.script) if event.script else Go.NEXT
        return Go.WAIT
