"""How a leg ends: what ends it, its verdict, and what is told and left behind (call flow reference, section 8)."""

from __future__ import annotations

from typing import Final

from ringline.calls import conference, detection, referrals, scripts
from ringline.calls.actions import Connecting
from ringline.calls.commands import Release, StopPlay, Tell
from ringline.calls.events import DeleteAsked, LegFailed, MemberLeft, Orphaned
from ringline.calls.report import publish, status_fact
from ringline.calls.state import Leg
from ringline.calls.status import Direction, Status
from ringline.calls.turn import ChildEnded, EndLeg, Turn
from ringline.calls.verdict import (
    Side,
    Verdict,
    cancelled,
    completed,
    declined,
    internal_error,
    invalid_number,
    no_response,
    no_route,
    of_sip,
    refusal_code,
    rejected,
    unavailable,
)

_NOT_HANDED_ON: Final = frozenset({401, 407, 408})
"Answers that are between us and where a number is forwarded: a login, or silence."


def deleted(turn: Turn, event: DeleteAsked) -> None:
    """The conversation is no more: whoever is in it is hung up."""
    turn.room.deleted = True
    for leg in list(turn.room.legs.values()):
        why = event.why
        turn.then(EndLeg(leg.id, completed(Side.PLATFORM, why) if leg.up else cancelled(Side.PLATFORM, why)))


def removed(turn: Turn, event: MemberLeft) -> None:
    """A member is gone: so is its leg, if it is here."""
    leg = turn.room.legs.get(event.leg) if event.leg is not None else None
    if leg is None:
        return
    why = "its member left"
    if event.by is None or leg.person is None or event.by.user != leg.person.id:
        verdict = completed(Side.PLATFORM, why) if leg.up else cancelled(Side.PLATFORM, why)
    elif leg.up:  # the person at its other end
        verdict = completed(Side.FAR, why)
    else:
        verdict = cancelled(Side.FAR, why) if leg.direction is Direction.INBOUND else declined(why)
    turn.then(EndLeg(leg.id, verdict))


def failed(turn: Turn, leg: Leg, event: LegFailed) -> None:
    """An outbound leg came to nothing."""
    if error := event.error or ("Rate limit exceeded." if event.cause == "limit" else ""):
        turn.error(error, leg)
    match event.cause:
        case "response" if event.sip_code is not None:
            verdict = of_sip(event.sip_code, event.q850)
        case "no-response":
            verdict = no_response()
        case "invalid-number":
            verdict = invalid_number(event.why)
        case "limit":
            verdict = rejected(event.why)
        case "no-route":
            verdict = no_route(event.why)
        case "unavailable":
            verdict = unavailable(event.why)
        case "declined":
            verdict = declined(event.why)
        case _:
            verdict = internal_error(event.why, sip_code=event.sip_code)
    turn.then(EndLeg(leg.id, verdict, far_is_gone=event.cause in ("response", "no-response")))


def end(turn: Turn, leg: Leg, verdict: Verdict, *, far_is_gone: bool) -> None:
    """The leg has come to its end: nothing of it is left behind."""
    silence(turn, leg)
    detection.abandon(turn, leg)
    referrals.abandon(turn, leg)
    scripts.stop(turn, leg)
    leg.status = verdict.status
    leg.timers.clear()
    fact = status_fact(turn, leg, verdict)
    parent = turn.room.legs.get(leg.parent) if leg.parent else None
    late = None
    if verdict.status is not Status.COMPLETED and turn.room.application.completed_after_failure:
        late = status_fact(turn, leg, completed(verdict.side, verdict.why, sip_code=verdict.sip_code))
    if not _claimed(parent, leg, verdict):
        for told in (fact, late):
            if told is not None:
                turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=told))
        late = None
    forwarded = leg.direction is Direction.INBOUND and leg.inline_script is not None
    if leg.status_callback is not None and (forwarded or verdict.status is Status.COMPLETED):
        turn.emit(Tell(leg=leg.id, hook=leg.status_callback, fact=fact))
    publish(turn, leg, verdict)
    turn.emit(Release(leg=leg.id, sip_code=_sip_refusal(leg, verdict), far_is_gone=far_is_gone))
    del turn.room.legs[leg.id]
    if parent is not None:
        turn.then(ChildEnded(parent.id, leg.id, verdict, fact, late))
    if turn.room.name is not None:
        conference.left(turn, leg)


def orphaned(turn: Turn, event: Orphaned) -> None:
    """Nobody holds the legs any more: each gets its end now, by the platform."""
    for leg in list(turn.room.legs.values()):
        verdict = completed(Side.PLATFORM, event.why) if leg.up else internal_error(event.why)
        turn.then(EndLeg(leg.id, verdict))


def as_told_to_the_caller(leg: Leg, child: Verdict) -> Verdict:
    """A script that could only try to connect, and failed: the caller, never answered, shares the callee's fate."""
    status, detail = child.status, child.detail
    if status in (Status.TIMEOUT, Status.CANCELLED):
        status, detail = Status.UNANSWERED, "unavailable"
    told = Verdict(status=status, side=Side.PLATFORM, detail=detail)
    code = refusal_code(told)
    if leg.inline_script is not None and child.sip_code is not None and child.sip_code not in _NOT_HANDED_ON:
        code = child.sip_code  # a number that is forwarded answers as where it is forwarded
    return Verdict(status=status, side=Side.PLATFORM, detail=detail, sip_code=code, why="nobody could be connected")


def silence(turn: Turn, leg: Leg) -> None:
    """Cut what plays in this leg only."""
    conference.stop_hold_music(turn, leg)
    if leg.prompt:
        turn.emit(StopPlay(effect=leg.prompt))
        leg.prompt = None


def _claimed(parent: Leg | None, leg: Leg, verdict: Verdict) -> bool:
    if parent is None or parent.script is None:
        return False
    current = parent.script.current
    return isinstance(current, Connecting) and current.claims(leg.id, verdict)


def _sip_refusal(leg: Leg, verdict: Verdict) -> int | None:
    if leg.direction is not Direction.INBOUND or verdict.status is Status.COMPLETED:
        return None
    forwarded = leg.inline_script is not None and verdict.sip_code is not None
    return verdict.sip_code if forwarded else refusal_code(verdict)
