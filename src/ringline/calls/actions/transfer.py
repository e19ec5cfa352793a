"""transfer: move all legs of this conversation into another, for good (NCCO reference: transfer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.commands import Existing, Find
from ringline.calls.events import ConversationFound, Event
from ringline.calls.state import Joining, Leg
from ringline.calls.turn import Depart, Inner, Turn


@dataclass(slots=True, kw_only=True)
class Transferring(RunningAction):
    """A transfer action: the target is looked for first, so that a wrong id costs nothing but an error event."""

    conversation: ConversationId
    can_speak: tuple[LegId, ...] | None = None
    can_hear: tuple[LegId, ...] | None = None
    mute: bool = False
    looking: EffectId | None = None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        if self.conversation == turn.room.id:
            return Go.NEXT  # everybody is there
        self.looking = turn.new_effect()
        turn.emit(Find(effect=self.looking, leg=leg.id, conversation=self.conversation))
        return Go.WAIT

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case ConversationFound(effect=effect, found=found) if effect == self.looking:
                self.looking = None
                if not found:
                    turn.error("Conversation not found.", leg)
                    return Go.NEXT
                self._move_all(turn)
        return Go.WAIT

    def _move_all(self, turn: Turn) -> None:
        """The settings go for every leg that moves; what it finds there is the target's own rule."""
        for leg in turn.room.legs.values():
            if leg.up:
                leg.joining = Joining(can_speak=self.can_speak, can_hear=self.can_hear, mute=self.mute)
                turn.then(Depart(leg.id, Existing(conversation=self.conversation)))
