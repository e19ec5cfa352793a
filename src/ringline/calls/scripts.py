"""The script runner: one action after the other, each from where the last one left."""

from __future__ import annotations

from functools import lru_cache

from ringline import ncco
from ringline.calls.actions import Go, Replace, RunningAction, Step, make
from ringline.calls.events import Event
from ringline.calls.state import Leg, Script
from ringline.calls.status import Direction
from ringline.calls.turn import Inner, ScriptDone, Turn


@lru_cache(maxsize=256)
def read(source: str) -> tuple[ncco.Action, ...]:
    """The actions of a script that has been found valid."""
    return ncco.parse(source).actions


def begin(turn: Turn, leg: Leg, source: str, *, whisper: bool = False) -> None:
    """Run a script on the leg from its first action, instead of whatever ran."""
    stop(turn, leg)
    leg.script = Script(source=source, whisper=whisper)
    advance(turn, leg)


def stop(turn: Turn, leg: Leg) -> None:
    """End the running action; what is queued behind it is dropped with the script."""
    if leg.script is not None:
        script, leg.script = leg.script, None
        if isinstance(script.current, RunningAction):
            script.current.stop(turn, leg)


def advance(turn: Turn, leg: Leg) -> None:
    """Start the next action; actions that are done at once are stepped over."""
    step: Step = Go.NEXT
    while step is Go.NEXT:
        script = leg.script
        if script is None:
            return
        actions = read(script.source)
        if script.position >= len(actions):
            script.current = None
            turn.then(ScriptDone(leg.id))
            return
        action, covered = make(turn.room, leg, actions, script.position)
        script.position += covered
        script.current = action
        if action is None:
            turn.error(f"Action not supported: {actions[script.position - 1].action}", leg)
            continue
        if action.answers and not leg.up:
            script.waits_for_answer = True
            if leg.direction is Direction.INBOUND:
                turn.answer(leg)
            return
        step = action.start(turn, leg)
    _apply(turn, leg, step)


def answered(turn: Turn, leg: Leg) -> None:
    """The leg is up: start the action that waited for that."""
    script = leg.script
    if script is not None and script.waits_for_answer and isinstance(script.current, RunningAction):
        script.waits_for_answer = False
        _apply(turn, leg, script.current.start(turn, leg))


def hear(turn: Turn, leg: Leg, event: Event | Inner) -> None:
    """Let the running action know of an event."""
    script = leg.script
    if script is not None and isinstance(script.current, RunningAction) and not script.waits_for_answer:
        _apply(turn, leg, script.current.hear(turn, leg, event))


def _apply(turn: Turn, leg: Leg, step: Step) -> None:
    if isinstance(step, Replace):
        begin(turn, leg, step.source, whisper=leg.script.whisper if leg.script else False)
    elif step is Go.NEXT:
        advance(turn, leg)
