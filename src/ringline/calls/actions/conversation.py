"""conversation: move the leg into a named conversation, for good (NCCO reference: conversation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.base import LegId
from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.commands import Named
from ringline.calls.parties import Hook, TranscriptionWish
from ringline.calls.state import Leg
from ringline.calls.turn import Depart, Turn


@dataclass(slots=True, kw_only=True)
class Conferring(RunningAction):
    """A leg in a named conversation, or on its way there. It ends only when the leg leaves."""

    name: str
    hold_music: str | None = None
    start_on_enter: bool = True
    end_on_exit: bool = False
    record: bool = False
    transcription: TranscriptionWish | None = None
    mute: bool = False
    can_speak: tuple[LegId, ...] | None = None
    can_hear: tuple[LegId, ...] | None = None
    hook: Hook | None = None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        turn.then(Depart(leg.id, Named(name=self.name)))
        return Go.WAIT
