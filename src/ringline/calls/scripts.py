"""The script runner: one action after the other, each from where the last one left."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ringline import ncco
from ringline.calls.actions import Go, Replace, RunningAction, Step, make
from ringline.calls.events import Event
from ringline.calls.state import Leg, Script
from ringline.calls.status import Direction
from ringline.calls.turn import EndLeg, Inner, ScriptDone, Turn
from ringline.calls.verdict import Side, completed, internal_error

MOST_ACTIONS: Final = 100
"So many actions may begin on one leg at once, however its scripts follow each other."
ACTIONS_PER_SECOND: Final = 20.0
"So many may begin on it for long: more than that is a script that goes round without taking time."


@lru_cache(maxsize=256)
def read(source: str) -> tuple[ncco.Action, ...]:
    """The actions of a script that has been found valid."""
    return ncco.parse(source).actions


def begin(turn: Turn, leg: Leg, source: str, *, whisper: bool = False) -> None:
    """Run a script on the leg from its first action, instead of whatever ran."""
    stop(turn, leg)
    leg.script = Script(source=source, whisper=whisper)
    advance(turn, leg)


def replace(turn: Turn, leg: Leg, source: str) -> None:
    """Run a script that came back for a remark, instead of whatever runs or is being fetched."""
    leg.asking = None
    begin(turn, leg, source)


def forget_requests(leg: Leg) -> None:
    """Whatever is answered from now on to what was asked for this leg so far, it does not count any more."""
    leg.asking = None
    leg.transferring = None
    leg.remarks.clear()


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
        if script.position < len(actions) and _runs_wild(turn, leg):
            _rein_in(turn, leg)
            return
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


def _runs_wild(turn: Turn, leg: Leg) -> bool:
    """Count one more action; True when that is more than a script which takes time would begin."""
    elapsed_s = turn.at.now - leg.pace_since
    leg.pace = max(0.0, leg.pace - elapsed_s * ACTIONS_PER_SECOND) + 1
    leg.pace_since = turn.at.now
    return leg.pace > MOST_ACTIONS


def _rein_in(turn: Turn, leg: Leg) -> None:
    """The script goes round without taking time: it would never end, so the leg does."""
    leg.script = None
    why = f"{MOST_ACTIONS} may begin at once, and {ACTIONS_PER_SECOND:g} a second for long"
    turn.error(f"Too many actions: {why}.", leg)
    why = f"too many actions: {why}"
    turn.then(EndLeg(leg.id, completed(Side.PLATFORM, why) if leg.up else internal_error(why)))


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
