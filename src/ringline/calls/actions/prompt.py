"""talk and stream: play something to the conversation, then go on (NCCO reference: talk, stream)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ringline.base import EffectId
from ringline.calls.actions.base import Go, RunningAction, Step
from ringline.calls.commands import Play, Source, StopPlay
from ringline.calls.events import Event, PlayAsked, PlayEnded, StopAsked
from ringline.calls.mixing import arrange
from ringline.calls.state import Leg
from ringline.calls.turn import Inner, PromptOver, Turn


@dataclass(slots=True, kw_only=True)
class Prompt:
    """What one talk or stream action plays."""

    kind: str
    "`talk` or `stream`."
    source: Source
    loop: int
    level: float


def play(
    turn: Turn, leg: Leg, prompt: Prompt, *, yields_to_keys: bool = False, yields_to_speech: EffectId | None = None
) -> EffectId:
    """Start a prompt of the leg's script: heard by the whole conversation once the leg takes part in it."""
    effect = turn.new_effect()
    arrange(turn)
    turn.emit(
        Play(
            effect=effect,
            owner=leg.id,
            leg=None if leg.joined else leg.id,
            source=prompt.source,
            loop=prompt.loop,
            level=prompt.level,
            yields_to_keys=yields_to_keys,
            yields_to_speech=yields_to_speech,
        )
    )
    return effect


@dataclass(slots=True, kw_only=True)
class Prompting(RunningAction):
    """A talk or stream without barge-in."""

    prompt: Prompt
    effect: EffectId | None = None
    answers: ClassVar[bool] = True

    def start(self, turn: Turn, leg: Leg) -> Step:
        if leg.prompt is None:
            self.effect = play(turn, leg, self.prompt)
        return Go.WAIT  # a REST prompt that still plays is heard to its end first

    def hear(self, turn: Turn, leg: Leg, event: Event | Inner) -> Step:
        match event:
            case PlayEnded(effect=effect) if effect == self.effect:
                if event.failure:
                    turn.error(event.failure, leg)
                return Go.NEXT
            case PromptOver() if self.effect is None:
                self.effect = play(turn, leg, self.prompt)
            case StopAsked(kind=kind) if kind == self.prompt.kind and self.effect:
                self.stop(turn, leg)
                return Go.NEXT
            case PlayAsked() if self.effect:
                self.stop(turn, leg)
                return Go.NEXT
        return Go.WAIT

    def stop(self, turn: Turn, leg: Leg) -> None:
        if self.effect:
            turn.emit(StopPlay(effect=self.effect))
            self.effect = None
