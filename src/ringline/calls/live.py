"""What REST does to a live leg (call flow reference, sections 9 and 11)."""

from __future__ import annotations

from ringline.calls import detection, scripts
from ringline.calls.commands import Ask, Fresh, Play, SendKeys, StopPlay
from ringline.calls.events import (
    EarmuffAsked,
    Event,
    HangUpAsked,
    Instructions,
    KeysAsked,
    ListenAsked,
    MuteAsked,
    PlayAsked,
    StopAsked,
    TransferAsked,
)
from ringline.calls.parties import Hook
from ringline.calls.report import answer_fact
from ringline.calls.state import FAREWELL, Leg, Script
from ringline.calls.turn import Depart, EndLeg, PromptOver, Turn
from ringline.calls.verdict import Side, cancelled, completed


def control(turn: Turn, leg: Leg, event: Event) -> bool:
    """Carry out a REST request on this leg; False when the event is none."""
    match event:
        case HangUpAsked(why=why):
            verdict = completed(Side.PLATFORM, why) if leg.up else cancelled(Side.PLATFORM, why)
            turn.then(EndLeg(leg.id, verdict))
        case MuteAsked(muted=muted):
            leg.muted = muted
        case EarmuffAsked(earmuffed=earmuffed):
            leg.earmuffed = earmuffed
        case TransferAsked():
            _transfer(turn, leg, event)
        case PlayAsked():
            _play(turn, leg, event)
        case StopAsked(kind=kind):
            if leg.prompt and leg.prompt_kind == kind:
                turn.emit(StopPlay(effect=leg.prompt))
                leg.prompt = None
                turn.then(PromptOver(leg.id))
            scripts.hear(turn, leg, event)
        case KeysAsked(digits=digits):
            turn.open_early(leg)
            turn.emit(SendKeys(effect=turn.new_effect(), leg=leg.id, digits=digits))
        case ListenAsked(hook=hook):
            leg.key_hook = hook
            leg.key_hook_active = hook is not None
        case _:
            return False
    return True


def _play(turn: Turn, leg: Leg, event: PlayAsked) -> None:
    """Talk and stream share one slot per leg: the new prompt replaces what plays, the script's prompt too."""
    if leg.prompt:
        turn.emit(StopPlay(effect=leg.prompt))
    turn.open_early(leg)
    leg.prompt = turn.new_effect()
    leg.prompt_kind = event.kind
    ran = leg.script.current if leg.script else None
    scripts.hear(turn, leg, event)
    goes_on = ran is not None and (leg.script is None or leg.script.current is not ran)
    leg.prompt_holds = event.loop != 0 or goes_on
    turn.emit(
        Play(effect=leg.prompt, owner=leg.id, leg=leg.id, source=event.source, loop=event.loop, level=event.level)
    )


def _transfer(turn: Turn, leg: Leg, event: TransferAsked) -> None:
    leg.parting = False  # if it was about to be let go, it is not any more
    leg.timers.pop(FAREWELL, None)
    if event.url is not None:  # fetch first, move then: if it cannot be had, the old script goes on
        leg.transferring = turn.new_effect()
        fact = answer_fact(turn.room, leg)
        hook = Hook(url=event.url, method="GET")
        turn.emit(Ask(effect=leg.transferring, leg=leg.id, kind="answer", hook=hook, fact=fact))
    elif event.script is not None:
        leg.transferring = None
        _move(turn, leg, event.script)


def transfer_instructed(turn: Turn, leg: Leg, event: Instructions) -> None:
    """The script of a transfer by URL is there, or cannot be had."""
    leg.transferring = None
    if event.script is not None:
        _move(turn, leg, event.script)


def _move(turn: Turn, leg: Leg, source: str) -> None:
    """The application has said what happens now: nothing that was asked or begun before counts any more.

    Who has answered is told all the same, if it is still to be found out; it holds nothing up any more.
    """
    scripts.stop(turn, leg)
    scripts.forget_requests(leg)
    if leg.keys is not None:
        leg.keys = None
        detection.begin(turn, leg)
    leg.held = False
    leg.muted = False
    leg.earmuffed = False
    leg.script = Script(source=source)
    turn.then(Depart(leg.id, Fresh()))
