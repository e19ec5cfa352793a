"""Phones that transfer calls: REFER (RFC 3515), and INVITE with Replaces (RFC 3891).

Blind: the leg that the phone talks with (its partner) is connected to somebody else as by a `connect`, in the same
conversation. The phone is told how far that is, and let go of when the two can talk; should it come to nothing, the
phone keeps its call. Attended: the phone has two calls, and its partners meet in the older conversation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ringline.calls.commands import Dial, Existing, Play, StopPlay, TellReferrer, Tone
from ringline.calls.events import HandedOver, LegReplaces, PlayEnded, ReferAsked
from ringline.calls.parties import Party
from ringline.calls.report import tell_status
from ringline.calls.state import FULL, RING, Joining, Leg, Referral, Room
from ringline.calls.status import Direction, Status
from ringline.calls.turn import ChildEnded, ChildReady, ChildRinging, Depart, EndLeg, Turn
from ringline.calls.verdict import Side, Verdict, cancelled, completed, rejected

_PENDING: Final = 491
_DECLINED: Final = 603
_GIVEN_UP: Final = 487
_BY_DETAIL: Final = {"cannot_route": 404, "restricted": 403, "invalid_number": 484, "number_out_of_service": 410}


def asked(turn: Turn, leg: Leg, event: ReferAsked) -> None:
    """A phone refers its partner to somebody else."""
    room = turn.room
    partner = partner_of(room, leg)
    if not leg.up or partner is None:
        turn.emit(TellReferrer(leg=leg.id, status=_DECLINED, reason="There is nobody to transfer"))
    elif any(each.referral is not None for each in room.legs.values()):
        turn.emit(TellReferrer(leg=leg.id, status=_PENDING, reason="A transfer is under way"))
    elif len(room.legs) >= room.application.most_legs:
        turn.error(FULL, leg)
        turn.emit(TellReferrer(leg=leg.id, status=_DECLINED, reason="The conversation is full"))
    else:
        turn.emit(TellReferrer(leg=leg.id, status=100))
        _call(turn, leg, partner, event)


def hear(turn: Turn, partner: Leg, event: ChildRinging | ChildReady | ChildEnded) -> bool:
    """Take what happens to the leg that a partner was referred to; False when it is not about that one."""
    referral = partner.referral
    if referral is None or event.child != referral.child:
        return False
    match event:
        case ChildRinging(early_media=early):
            _ringing(turn, partner, referral, early=early)
        case ChildReady():
            _connected(turn, partner, referral)
        case ChildEnded(verdict=verdict):
            _close(turn, partner, referral)
            turn.emit(TellReferrer(leg=referral.referrer, status=_status_of(verdict)))
    return True


def tone_ended(turn: Turn, partner: Leg, event: PlayEnded) -> None:
    """The ringing that a partner hears has come to an end."""
    if partner.referral is not None:
        partner.referral = replace(partner.referral, ringback=None)
    if event.failure:
        turn.error(event.failure, partner)


def abandon(turn: Turn, partner: Leg) -> None:
    """The partner has gone while somebody was being called for it."""
    referral = partner.referral
    if referral is None:
        return
    _close(turn, partner, referral)
    turn.then(EndLeg(referral.child, cancelled(Side.PLATFORM, "who was to be connected is gone")))
    turn.emit(TellReferrer(leg=referral.referrer, status=_GIVEN_UP))


def handed_over(turn: Turn, leg: Leg, event: HandedOver) -> None:
    """The phone's partners in its two calls meet: those here go there, unless this is where they meet."""
    if not leg.up:
        return
    if event.asked:
        turn.emit(TellReferrer(leg=leg.id, status=200))
    if event.conversation != turn.room.id:
        for other in list(turn.room.legs.values()):
            if other is not leg and other.up and other.joined:
                other.joining = Joining()
                turn.then(Depart(other.id, Existing(conversation=event.conversation)))
    turn.then(EndLeg(leg.id, completed(Side.PLATFORM, "it has transferred its call")))


def replaces(turn: Turn, event: LegReplaces) -> None:
    """Another phone of the same user calls in to go on with a call: it is answered, and then the old leg ends."""
    old = turn.room.legs.get(event.replaced)
    leg = Leg(
        id=event.leg,
        direction=Direction.INBOUND,
        from_=event.from_,
        to=event.to,
        created_at=turn.at.wallclock,
        event=old.event if old is not None else turn.room.application.event,
        sip_headers=event.sip_headers,
        length_limit_s=turn.room.application.inbound_limit_s,
        replaces=event.replaced,
    )
    turn.room.legs[leg.id] = leg
    tell_status(turn, leg)
    if old is None or not old.up or partner_of(turn.room, old) is None:
        turn.then(EndLeg(leg.id, rejected("there is nobody to talk with")))
    else:
        turn.answer(leg)


def took_over(turn: Turn, leg: Leg) -> None:
    """The phone that takes a call over is answered: the other one is let go of."""
    old = turn.room.legs.get(leg.replaces) if leg.replaces is not None else None
    leg.replaces = None
    if old is not None:
        turn.then(EndLeg(old.id, completed(Side.PLATFORM, "another phone has taken the call over")))


def partner_of(room: Room, leg: Leg) -> Leg | None:
    """Whom a leg talks with: who has connected it, whom it has connected, else who was here first."""
    others = [other for other in room.legs.values() if other is not leg and other.up and other.joined]
    nearest = sorted(others, key=lambda other: other.id != leg.parent and other.parent != leg.id)
    return nearest[0] if leg.joined and nearest else None


def _call(turn: Turn, leg: Leg, partner: Leg, event: ReferAsked) -> None:
    far = partner.from_ if partner.direction is Direction.INBOUND else partner.to
    number = far.address if far.kind in ("phone", "sip", "vbc") else ""
    child = Leg(
        id=turn.new_leg(),
        direction=Direction.OUTBOUND,
        from_=Party(kind="phone", address=number),
        to=event.to,
        created_at=turn.at.wallclock,
        event=partner.event_hook,
        parent=partner.id,
        ring_limit_s=event.ring_limit_s,
    )
    partner.referral = Referral(referrer=leg.id, child=child.id)
    turn.room.legs[child.id] = child
    tell_status(turn, child)
    turn.emit(Dial(leg=child.id, to=child.to, from_=child.from_))
    turn.wake(child, RING, child.ring_limit_s)


def _ringing(turn: Turn, partner: Leg, referral: Referral, *, early: bool) -> None:
    if not referral.alerted:
        turn.emit(TellReferrer(leg=referral.referrer, status=183 if early else 180))
    if early:
        _hush(turn, partner, referral)
        partner.hears_early = referral.child
        partner.referral = replace(referral, alerted=True, ringback=None)
    elif partner.hears_early is None and referral.ringback is None:
        effect = turn.new_effect()
        to = turn.room.legs[referral.child].to
        tone = Tone(name="ringback-us" if to.kind == "phone" and to.address.startswith("1") else "ringback")
        turn.emit(Play(effect=effect, owner=partner.id, leg=partner.id, source=tone, loop=0))
        partner.referral = replace(referral, alerted=True, ringback=effect)


def _connected(turn: Turn, partner: Leg, referral: Referral) -> None:
    _close(turn, partner, referral)
    turn.room.legs[referral.child].joined = True
    turn.emit(TellReferrer(leg=referral.referrer, status=200))
    if referral.referrer in turn.room.legs:
        turn.then(EndLeg(referral.referrer, completed(Side.PLATFORM, "it has transferred its call")))


def _close(turn: Turn, partner: Leg, referral: Referral) -> None:
    _hush(turn, partner, referral)
    partner.referral = None


def _hush(turn: Turn, partner: Leg, referral: Referral) -> None:
    if partner.hears_early == referral.child:
        partner.hears_early = None
    if referral.ringback is not None:
        turn.emit(StopPlay(effect=referral.ringback))


def _status_of(verdict: Verdict) -> int:
    """The SIP status that says to the phone how the call to the other has ended."""
    if verdict.sip_code is not None and verdict.sip_code >= 300:
        return verdict.sip_code
    if verdict.detail in _BY_DETAIL:
        return _BY_DETAIL[verdict.detail]
    if verdict.status is Status.TIMEOUT:
        return 408
    return _GIVEN_UP if verdict.status in (Status.CANCELLED, Status.COMPLETED) else 480
