"""The life of a leg: how it begins, is answered, moves and ends (call flow reference, sections 3, 4 and 8)."""

from __future__ import annotations

from typing import Final

from ringline.calls import conference, detection, referrals, scripts
from ringline.calls.actions import Conferring, Connecting
from ringline.calls.commands import Alert, Ask, Dial, Move, Release, SendKeys, StopPlay, Tell
from ringline.calls.events import (
    DeleteAsked,
    IncomingLeg,
    Instructions,
    LegArrived,
    LegFailed,
    LegInvited,
    LegProgress,
    LegRated,
    MemberLeft,
    Orphaned,
    OutgoingLeg,
)
from ringline.calls.facts import TransferFact
from ringline.calls.parties import Hook
from ringline.calls.remarks import remark
from ringline.calls.report import answer_fact, publish, status_fact, tell_status
from ringline.calls.state import FULL, LENGTH, RING, Leg
from ringline.calls.status import Direction, Status
from ringline.calls.turn import ChildEnded, ChildReady, ChildRinging, Depart, EndLeg, Remarked, ScriptDone, Turn
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
        custom_data=event.custom_data,
        inline_script=event.script,
        status_callback=event.status_callback,
        length_limit_s=room.application.inbound_limit_s,
        person=event.person,
        early_open=event.from_.kind == "app",  # its audio stands before it calls
    )
    _enter(turn, leg)
    tell_status(turn, leg)
    if event.script is None and room.application.answer is None:
        turn.then(EndLeg(leg.id, internal_error("the application has no answer URL")))
        return
    turn.emit(Alert(leg=leg.id))
    leg.status = Status.RINGING
    tell_status(turn, leg)
    if event.script is not None:
        scripts.begin(turn, leg, event.script)
        return
    assert room.application.answer is not None
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
        detection=detection.for_far_end(event.detection, event.to.kind),
    )
    _enter(turn, leg)
    tell_status(turn, leg)
    turn.emit(Dial(leg=leg.id, to=leg.to, from_=leg.from_))
    turn.wake(leg, RING, leg.ring_limit_s)


def invited(turn: Turn, event: LegInvited) -> None:
    """The application calls somebody into this conversation by REST."""
    if len(turn.room.legs) >= turn.room.application.most_legs or turn.room.deleted:
        turn.error(FULL)
        return
    leg = Leg(
        id=event.leg,
        direction=Direction.OUTBOUND,
        from_=event.from_,
        to=event.to,
        created_at=turn.at.wallclock,
        event=turn.room.application.event,
        ring_limit_s=event.ring_limit_s,
        length_limit_s=event.length_limit_s,
        person=event.person,
        invited=True,
        muted=event.muted,
        earmuffed=event.earmuffed,
    )
    _enter(turn, leg)
    tell_status(turn, leg)
    turn.emit(Dial(leg=leg.id, to=leg.to, from_=leg.from_))
    turn.wake(leg, RING, leg.ring_limit_s)


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


def progress(turn: Turn, leg: Leg, event: LegProgress) -> None:
    """The far end alerts: said once, however often it says so."""
    if leg.status is Status.STARTED and leg.to.kind not in ("websocket", "app"):
        leg.status = Status.RINGING
        turn.wake(leg, RING, leg.ring_limit_s)
        tell_status(turn, leg)
    if event.early_media:
        detection.early(turn, leg)
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
        referrals.took_over(turn, leg)
        scripts.answered(turn, leg)
        return
    if leg.invited:
        conference.take_part(turn, leg)
    elif leg.parent is None:
        leg.joined = True
    elif leg.on_answer is not None:  # what it hears now is not for its caller, who goes on hearing ringing
        turn.then(ChildRinging(leg.parent, leg.id, early_media=False))
    if leg.dtmf_answer:
        leg.keys = turn.new_effect()
        turn.emit(SendKeys(effect=leg.keys, leg=leg.id, digits=leg.dtmf_answer))
    else:
        after_keys(turn, leg)


def after_keys(turn: Turn, leg: Leg) -> None:
    """The keys of `dtmfAnswer` are out: find out who it is, if that is wished for, and go on."""
    leg.keys = None
    if not detection.begin(turn, leg):
        go_on(turn, leg)


def go_on(turn: Turn, leg: Leg, script: str | None = None) -> None:
    """Nothing stands in the way of an answered leg any more: whisper, join, or run the call's script.

    `script` came back for the event that told who has answered: it runs instead of the call's own.
    """
    leg.held = False
    if leg.parent is not None:
        if leg.on_answer is not None:
            _ask_for_script(turn, leg, leg.on_answer)
        else:
            turn.then(ChildReady(leg.parent, leg.id))
    elif script is not None:
        scripts.begin(turn, leg, script)
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


def disconnected(turn: Turn, leg: Leg, why: str) -> None:
    """The application has dropped a WebSocket: it is told so, and asked what to do now.

    A child has ended with that, and the leg that connected it waits for the answer. A leg without such another one
    stays, without a far end, for the script that may come back.
    """
    if not leg.up:
        turn.then(EndLeg(leg.id, internal_error(why, sip_code=None), far_is_gone=True))
    elif leg.status is not Status.DISCONNECTED:
        leg.status = Status.DISCONNECTED
        remark(turn, leg)
        if leg.id not in leg.remarks.values():
            turn.then(EndLeg(leg.id, completed(Side.FAR, why), far_is_gone=True))


def remarked(turn: Turn, leg: Leg, event: Instructions) -> None:
    """The application has answered a remark: a script that came back replaces this leg's."""
    about = leg.remarks.pop(event.effect)
    if about == leg.id:
        _remarked_on_itself(turn, leg, event.script)
        return
    current = leg.script.current if leg.script else None
    if isinstance(current, Connecting) and current.child == about:
        scripts.hear(turn, leg, Remarked(leg.id, about, event.script))  # it runs once the child has joined
    elif event.script is not None:
        scripts.replace(turn, leg, event.script)
    child = turn.room.legs.get(about)
    if child is not None and child.held:
        go_on(turn, child)


def _remarked_on_itself(turn: Turn, leg: Leg, script: str | None) -> None:
    if leg.held:
        go_on(turn, leg, script)
    elif script is not None:
        scripts.replace(turn, leg, script)
    elif leg.status is Status.DISCONNECTED:
        turn.then(EndLeg(leg.id, completed(Side.FAR, "its socket is closed"), far_is_gone=True))


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
            turn.then(EndLeg(leg.id, _as_told_to_the_caller(leg, leg.last_outcome)))
        else:
            turn.answer(leg)


def _as_told_to_the_caller(leg: Leg, child: Verdict) -> Verdict:
    """A script that could only try to connect, and failed: the caller, never answered, shares the callee's fate."""
    status, detail = child.status, child.detail
    if status in (Status.TIMEOUT, Status.CANCELLED):
        status, detail = Status.UNANSWERED, "unavailable"
    told = Verdict(status=status, side=Side.PLATFORM, detail=detail)
    code = refusal_code(told)
    if leg.inline_script is not None and child.sip_code is not None and child.sip_code not in _NOT_HANDED_ON:
        code = child.sip_code  # a number that is forwarded answers as where it is forwarded
    return Verdict(status=status, side=Side.PLATFORM, detail=detail, sip_code=code, why="nobody could be connected")


def rated(leg: Leg, event: LegRated) -> None:
    """It is known what the leg costs."""
    leg.rate, leg.rate_step_s, leg.network = event.rate, event.step_s, event.network


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
    _silence(turn, leg)
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


def depart(turn: Turn, leg: Leg, event: Depart) -> None:
    """The leg leaves for another conversation, with everything that is its own."""
    _silence(turn, leg)
    referrals.abandon(turn, leg)
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
    leg.moves += 1
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
    if leg.direction is not Direction.INBOUND or verdict.status is Status.COMPLETED:
        return None
    forwarded = leg.inline_script is not None and verdict.sip_code is not None
    return verdict.sip_code if forwarded else refusal_code(verdict)
