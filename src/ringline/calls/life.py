"""The life of a leg: how it begins, is answered, moves and ends (call flow reference, sections 3, 4 and 8)."""

from __future__ import annotations

from ringline.calls import conference, scripts
from ringline.calls.actions import Conferring, Connecting
from ringline.calls.commands import Alert, Ask, Dial, Move, Release, SendKeys, StopPlay, Tell
from ringline.calls.events import IncomingLeg, Instructions, LegArrived, LegFailed, LegProgress, OutgoingLeg
from ringline.calls.facts import TransferFact
from ringline.calls.parties import Hook
from ringline.calls.report import answer_fact, publish, status_fact, tell_status
from ringline.calls.state import LENGTH, RING, Leg
from ringline.calls.status import Direction, Status
from ringline.calls.turn import ChildEnded, ChildReady, ChildRinging, Depart, EndLeg, ScriptDone, Turn
from ringline.calls.verdict import (
    Side,
    Verdict,
    completed,
    internal_error,
    invalid_number,
    no_response,
    no_route,
    of_sip,
    refusal_code,
    rejected,
    unavailable,
)


def incoming(turn: Turn, event: IncomingLeg) -> None:
    """A call comes in: let it ring, and ask the application what to do."""
    room = turn.room
    leg = Leg(
        id=event.leg,
        direction=Direction.INBOUND,
        from_=event.from_,
        to=event.to,
        created_at=turn.at.wallclock,
        event=room.application.event,
        sip_headers=event.sip_headers,
        length_limit_s=room.application.inbound_limit_s,
    )
    _enter(turn, leg)
    tell_status(turn, leg)
    if room.application.answer is None:
        turn.then(EndLeg(leg.id, internal_error("the application has no answer URL")))
        return
    turn.emit(Alert(leg=leg.id))
    leg.status = Status.RINGING
    tell_status(turn, leg)
    _ask_for_script(turn, leg, room.application.answer)


def outgoing(turn: Turn, event: OutgoingLeg) -> None:
    """The application calls somebody by REST."""
    leg = Leg(
        id=event.leg,
        direction=Direction.OUTBOUND,
        from_=event.from_,
        to=event.to,
        created_at=turn.at.wallclock,
        event=event.event or turn.room.application.event,
        answer=event.answer,
        inline_script=event.script,
        ring_limit_s=event.ring_limit_s,
        length_limit_s=event.length_limit_s,
        dtmf_answer=event.dtmf_answer,
    )
    _enter(turn, leg)
    tell_status(turn, leg)
    turn.emit(Dial(leg=leg.id, to=leg.to, from_=leg.from_))
    turn.wake(leg, RING, leg.ring_limit_s)


def progress(turn: Turn, leg: Leg, event: LegProgress) -> None:
    """The far end alerts: said once, however often it says so."""
    if leg.status is Status.STARTED and leg.to.kind not in ("websocket", "app"):
        leg.status = Status.RINGING
        turn.wake(leg, RING, leg.ring_limit_s)
        tell_status(turn, leg)
    if not leg.up and leg.parent is not None:
        turn.then(ChildRinging(leg.parent, leg.id, event.early_media))


def answered(turn: Turn, leg: Leg) -> None:
    """Audio flows both ways."""
    if leg.up:
        return
    leg.status = Status.ANSWERED
    leg.answered_at = turn.at.wallclock
    leg.answered_now = turn.at.now
    leg.timers.pop(RING, None)
    turn.wake(leg, LENGTH, leg.length_limit_s)
    tell_status(turn, leg)
    if leg.direction is Direction.INBOUND:
        leg.joined = True
        scripts.answered(turn, leg)
        return
    if leg.parent is None:
        leg.joined = True
    elif leg.on_answer is not None:  # what it hears now is not for its caller, who goes on hearing ringing
        turn.then(ChildRinging(leg.parent, leg.id, early_media=False))
    if leg.dtmf_answer:
        leg.keys = turn.new_effect()
        turn.emit(SendKeys(effect=leg.keys, leg=leg.id, digits=leg.dtmf_answer))
    else:
        after_keys(turn, leg)


def after_keys(turn: Turn, leg: Leg) -> None:
    """The keys of `dtmfAnswer` are out: whisper, join, or run the call's script."""
    leg.keys = None
    if leg.parent is not None:
        if leg.on_answer is not None:
            _ask_for_script(turn, leg, leg.on_answer)
        else:
            turn.then(ChildReady(leg.parent, leg.id))
    elif leg.inline_script is not None:
        scripts.begin(turn, leg, leg.inline_script)
    elif leg.answer is not None:
        _ask_for_script(turn, leg, leg.answer)
    else:
        turn.then(ScriptDone(leg.id))


def instructed(turn: Turn, leg: Leg, event: Instructions) -> None:
    """The application has said what to do with a leg that waited for its first script."""
    leg.asking = None
    if event.script is not None:
        scripts.begin(turn, leg, event.script, whisper=leg.parent is not None)
        if not leg.up:
            publish(turn, leg)  # from now on REST may steer it
        return
    if leg.parent is not None:
        turn.then(ChildReady(leg.parent, leg.id))  # a whisper that cannot be had does not cost the call
    elif leg.up:
        turn.then(EndLeg(leg.id, completed(Side.PLATFORM, event.why)))
    else:
        turn.then(EndLeg(leg.id, internal_error(event.why)))


def script_done(turn: Turn, leg: Leg) -> None:
    """The last action is complete: a whisper joins, a caller who was never answered hears how it went."""
    if leg.script is not None and leg.script.current is not None:
        return
    whisper = leg.script is not None and leg.script.whisper
    leg.script = None
    if whisper and leg.parent is not None:
        turn.then(ChildReady(leg.parent, leg.id))
    elif not leg.up and leg.direction is Direction.INBOUND:
        if leg.last_outcome is not None and not leg.answering:
            turn.then(EndLeg(leg.id, _as_told_to_the_caller(leg.last_outcome)))
        else:
            turn.answer(leg)


def _as_told_to_the_caller(child: Verdict) -> Verdict:
    """A script that could only try to connect, and failed: the caller, never answered, shares the callee's fate."""
    status, detail = child.status, child.detail
    if status in (Status.TIMEOUT, Status.CANCELLED):
        status, detail = Status.UNANSWERED, "unavailable"
    told = Verdict(status=status, side=Side.PLATFORM, detail=detail)
    return Verdict(
        status=status, side=Side.PLATFORM, detail=detail, sip_code=refusal_code(told), why="nobody could be connected"
    )


def failed(turn: Turn, leg: Leg, event: LegFailed) -> None:
    """An outbound leg came to nothing."""
    match event.cause:
        case "response" if event.sip_code is not None:
            verdict = of_sip(event.sip_code, event.q850)
        case "no-response":
            verdict = no_response()
        case "invalid-number":
            verdict = invalid_number(event.why)
        case "limit":
            turn.error("Rate limit exceeded.", leg)
            verdict = rejected(event.why)
        case "no-route":
            verdict = no_route(event.why)
        case "unavailable":
            verdict = unavailable(event.why)
        case _:
            verdict = internal_error(event.why, sip_code=event.sip_code)
    turn.then(EndLeg(leg.id, verdict, far_is_gone=event.cause in ("response", "no-response")))


def end(turn: Turn, leg: Leg, verdict: Verdict, *, far_is_gone: bool) -> None:
    """The leg has come to its end: nothing of it is left behind."""
    _silence(turn, leg)
    scripts.stop(turn, leg)
    leg.status = verdict.status
    leg.timers.clear()
    fact = status_fact(turn, leg, verdict)
    parent = turn.room.legs.get(leg.parent) if leg.parent else None
    if not _claimed(parent, leg, verdict):
        turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=fact))
        if verdict.status is not Status.COMPLETED and turn.room.application.completed_after_failure:
            late = completed(verdict.side, verdict.why, sip_code=verdict.sip_code)
            turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=status_fact(turn, leg, late)))
    publish(turn, leg, verdict)
    turn.emit(Release(leg=leg.id, sip_code=_sip_refusal(leg, verdict), far_is_gone=far_is_gone))
    del turn.room.legs[leg.id]
    if parent is not None:
        turn.then(ChildEnded(parent.id, leg.id, verdict, fact))
    if turn.room.name is not None:
        conference.left(turn, leg)


def depart(turn: Turn, leg: Leg, event: Depart) -> None:
    """The leg leaves for another conversation, with everything that is its own."""
    _silence(turn, leg)
    if leg.parent in turn.room.legs and leg.parent is not None and not leg.joined:  # taken away while it whispered
        verdict = completed(Side.PLATFORM, "it was taken to another conversation")
        turn.then(ChildEnded(leg.parent, leg.id, verdict, status_fact(turn, leg)))
    leg.joined = False
    leg.hears_early = None
    leg.parent = None
    del turn.room.legs[leg.id]
    if turn.room.name is not None:
        conference.left(turn, leg)
        conference.forget_wishes(turn, leg)
    turn.emit(Move(leg=leg, target=event.target))


def arrive(turn: Turn, event: LegArrived) -> None:
    """A leg comes from another conversation."""
    leg = event.leg
    _enter(turn, leg)
    fact = TransferFact(uuid=leg.id, source=event.source, target=turn.room.id, timestamp=turn.at.wallclock)
    turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=fact))
    publish(turn, leg)
    current = leg.script.current if leg.script else None
    if leg.joining is not None:
        conference.enter_by_transfer(turn, leg, leg.joining)
    elif isinstance(current, Conferring):
        conference.enter(turn, leg, current)
    else:
        leg.joined = leg.up
        scripts.advance(turn, leg)


def _enter(turn: Turn, leg: Leg) -> None:
    turn.room.legs[leg.id] = leg
    if turn.room.first_leg is None:
        turn.room.first_leg = leg.id


def _ask_for_script(turn: Turn, leg: Leg, hook: Hook) -> None:
    leg.asking = turn.new_effect()
    turn.emit(Ask(effect=leg.asking, leg=leg.id, kind="answer", hook=hook, fact=answer_fact(turn.room, leg)))


def _silence(turn: Turn, leg: Leg) -> None:
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
    if leg.direction is Direction.INBOUND and verdict.status is not Status.COMPLETED:
        return refusal_code(verdict)
    return None
