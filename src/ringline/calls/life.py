"""The life of a leg: how it begins, rings, is answered and gets its script (call flow reference, sections 3 and 4)."""

from __future__ import annotations

from ringline.calls import conference, detection, referrals, scripts
from ringline.calls.actions import Connecting
from ringline.calls.commands import Alert, Ask, Dial, SendKeys
from ringline.calls.endings import as_told_to_the_caller
from ringline.calls.events import IncomingLeg, Instructions, LegInvited, LegProgress, LegRated, OutgoingLeg
from ringline.calls.moves import enter
from ringline.calls.parties import Hook
from ringline.calls.remarks import remark
from ringline.calls.report import answer_fact, publish, tell_status
from ringline.calls.state import FULL, LENGTH, RING, Leg
from ringline.calls.status import Direction, Status
from ringline.calls.turn import ChildReady, ChildRinging, EndLeg, Remarked, ScriptDone, Turn
from ringline.calls.verdict import Side, completed, internal_error


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
    enter(turn, leg)
    tell_status(turn, leg)
    if event.script is None and room.application.answer is None:
        turn.then(EndLeg(leg.id, internal_error("the application has no answer URL")))
        return
    turn.emit(Alert(leg=leg.id))
    if event.from_.kind != "app":  # nothing rings for a user of an app: webhooks tell of no `ringing` of app legs
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
    _call(turn, leg)


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
    _call(turn, leg)


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
            turn.then(EndLeg(leg.id, as_told_to_the_caller(leg, leg.last_outcome)))
        else:
            turn.answer(leg)


def rated(leg: Leg, event: LegRated) -> None:
    """It is known what the leg costs."""
    leg.rate, leg.rate_step_s, leg.network = event.rate, event.step_s, event.network


def _call(turn: Turn, leg: Leg) -> None:
    """A leg that goes out enters, and its far end is called for as long as it may ring."""
    enter(turn, leg)
    tell_status(turn, leg)
    turn.emit(Dial(leg=leg.id, to=leg.to, from_=leg.from_))
    turn.wake(leg, RING, leg.ring_limit_s)


def _ask_for_script(turn: Turn, leg: Leg, hook: Hook) -> None:
    leg.asking = turn.new_effect()
    turn.emit(Ask(effect=leg.asking, leg=leg.id, kind="answer", hook=hook, fact=answer_fact(turn.room, leg)))
