"""Machine detection: who has answered, and what follows from it (call flow reference, section 10)."""

from __future__ import annotations

from typing import Final

from ringline.base import EffectId
from ringline.calls.commands import Detect, StopDetecting
from ringline.calls.events import BeepHeard, MachineVerdict
from ringline.calls.remarks import remark
from ringline.calls.report import publish
from ringline.calls.state import BEEP, DETECTION, Detection, Leg
from ringline.calls.status import Status
from ringline.calls.turn import ChildRinging, EndLeg, GoOn, Turn
from ringline.calls.verdict import Side, completed

LONGEST_S: Final = 10.0
"A detector decides within 5 s; one that has said nothing after this has found nobody but a person."
DETECTABLE: Final = ("phone", "sip")
"Kinds of far ends at which a machine may be found; the wish is ignored for all others."


def wished(basic: str | None, behavior: str | None, mode: str | None, beep_timeout_s: float | None) -> Detection | None:
    """What a request asks for: `basic` is its `machine_detection`, `mode` that of the advanced kind, which wins.

    The basic detection holds the call up as mode `detect` does. None: nothing is asked for.
    """
    if mode is not None:
        return Detection(mode=mode, hangs_up=behavior == "hangup", beep_timeout_s=beep_timeout_s or 45)
    return Detection(hangs_up=basic == "hangup", basic=True) if basic is not None else None


def for_far_end(detection: Detection | None, kind: str) -> Detection | None:
    """The wish, where a machine may answer."""
    return detection if kind in DETECTABLE else None


def early(turn: Turn, leg: Leg) -> None:
    """Audio comes before the answer: listen already, for a greeting or an announcement that goes on beyond it.

    Not where keys are to be sent first: who hears those is not the one who is asked for.
    """
    if leg.detection is not None and leg.detecting is None and not leg.up and not leg.dtmf_answer:
        leg.detecting = turn.new_effect()
        turn.emit(_detect(leg, leg.detecting, leg.detection, early=True))


def begin(turn: Turn, leg: Leg) -> bool:
    """Listen for who has answered, if that is wished for; True: nothing else goes on before it is known."""
    if leg.detection is None:
        return False
    leg.detecting = leg.detecting or turn.new_effect()
    turn.emit(_detect(leg, leg.detecting, leg.detection, early=False))
    turn.wake(leg, DETECTION, LONGEST_S)
    leg.held = leg.detection.waits
    if leg.held and leg.parent is not None:  # the caller goes on hearing ringing
        turn.then(ChildRinging(leg.parent, leg.id, early_media=False))
    return leg.held


def judged(turn: Turn, leg: Leg, event: MachineVerdict) -> None:
    """The detector has made up its mind."""
    if event.effect != leg.detecting or leg.status is Status.MACHINE or not leg.up:
        return
    leg.timers.pop(DETECTION, None)
    if event.verdict == "machine":
        _machine(turn, leg)
    else:
        _human(turn, leg)


def beeped(turn: Turn, leg: Leg, event: BeepHeard) -> None:
    """The machine's tone is over. Only a machine beeps, so one that was not recognised before is now."""
    if event.effect != leg.detecting or not leg.up:
        return
    if leg.status is not Status.MACHINE:
        leg.timers.pop(DETECTION, None)
        _machine(turn, leg)
    if leg.detecting is not None:
        _beep(turn, leg, "beep_start")


def undecided(turn: Turn, leg: Leg) -> None:
    """The detector has not said anything for so long that it never will."""
    abandon(turn, leg)
    _human(turn, leg)


def no_beep(turn: Turn, leg: Leg) -> None:
    """The beep has been waited for long enough."""
    if leg.detecting is not None:
        turn.emit(StopDetecting(effect=leg.detecting))
        _beep(turn, leg, "beep_timeout")


def abandon(turn: Turn, leg: Leg) -> None:
    """Nobody wants to know any more."""
    if leg.detecting is not None:
        turn.emit(StopDetecting(effect=leg.detecting))
        leg.detecting = None


def _detect(leg: Leg, effect: EffectId, wish: Detection, *, early: bool) -> Detect:
    return Detect(effect=effect, leg=leg.id, beep=wish.wants_beep, early=early, window_s=wish.window_s)


def _human(turn: Turn, leg: Leg) -> None:
    leg.detecting = None
    leg.status = Status.HUMAN
    _say(turn, leg)


def _machine(turn: Turn, leg: Leg) -> None:
    leg.status = Status.MACHINE
    wish = leg.detection or Detection()
    if wish.hangs_up:
        leg.detecting = None
        remark(turn, leg, leaves=True)
        turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "a machine answered")))
        return
    if not wish.wants_beep:
        leg.detecting = None
        _say(turn, leg)
        return
    turn.wake(leg, BEEP, wish.beep_timeout_s)
    if wish.waits:
        publish(turn, leg)  # the one event is that of the beep
    else:
        _say(turn, leg)


def _beep(turn: Turn, leg: Leg, sub_state: str) -> None:
    leg.timers.pop(BEEP, None)
    leg.detecting = None
    _say(turn, leg, sub_state)


def _say(turn: Turn, leg: Leg, sub_state: str | None = None) -> None:
    if not remark(turn, leg, sub_state=sub_state) and leg.held:
        turn.then(GoOn(leg.id))
