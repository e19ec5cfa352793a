"""Who hears whom, worked out from the legs' settings."""

from __future__ import annotations

from typing import Final

from ringline.base import LegId
from ringline.calls.commands import Arrange
from ringline.calls.state import Leg, Room
from ringline.calls.turn import Turn

Hearing = tuple[tuple[LegId, tuple[LegId, ...]], ...]
"Per member, in order of joining: the members it hears."
CROWD: Final = 50
"Larger rooms are arranged as a crowd, with exceptions."


def arrangement(room: Room) -> Hearing:
    """Work out the room's mixing plan.

    L hears S when: S is another leg, S is not muted, L is not earmuffed, `S.canSpeak` is absent or contains L, and
    `L.canHear` is absent or contains S. A caller may hear a ringing child's early audio; the child hears nobody yet.
    """
    members = _members(room)
    return tuple((listener.id, _heard_by(listener, members, room)) for listener in members)


def crowd(room: Room) -> tuple[tuple[LegId, ...], tuple[LegId, ...], Hearing]:
    """The same of a large room: its members, those whom nobody hears, and who hears otherwise than all the others."""
    members = _members(room)
    silent = [leg for leg in members if not leg.joined or leg.muted or leg.hushed or leg.can_speak is not None]
    whispered_to = {one: True for leg in members for one in leg.can_speak or ()}
    others = [
        leg
        for leg in members
        if not leg.joined
        or leg.earmuffed
        or leg.can_hear is not None
        or leg.hears_early in room.legs
        or leg.id in whispered_to
    ]
    hears = tuple((listener.id, _heard_by(listener, members, room)) for listener in others)
    return tuple(leg.id for leg in members), tuple(leg.id for leg in silent), hears


def _members(room: Room) -> list[Leg]:
    early = {leg.hears_early: leg for leg in room.legs.values() if leg.hears_early in room.legs}
    return [leg for leg in room.legs.values() if leg.joined or leg.id in early or leg.hears_early in room.legs]


def _heard_by(listener: Leg, members: list[Leg], room: Room) -> tuple[LegId, ...]:
    early = listener.hears_early
    if not listener.joined:
        return (early,) if early is not None and early in room.legs else ()
    return tuple(
        speaker.id
        for speaker in members
        if (speaker.joined and _audible(speaker, listener)) or (speaker.id == early and not listener.earmuffed)
    )


def arrange(turn: Turn) -> None:
    """Put the present plan into force, if it differs from the last: before anything is played or recorded under it."""
    room = turn.room
    if len(room.legs) > CROWD:
        members, silent, plan = crowd(room)
    else:
        members, silent, plan = (), (), arrangement(room)
    present = members or tuple(leg for leg, _ in plan)
    muted = tuple(leg for leg in present if room.legs[leg].muted or room.legs[leg].hushed)
    if (plan, muted, (members, silent)) != (room.arranged, room.arranged_muted, room.arranged_crowd):
        room.arranged, room.arranged_muted, room.arranged_crowd = plan, muted, (members, silent)
        turn.emit(Arrange(hears=plan, muted=muted, crowd=members, silent=silent))


def _audible(speaker: Leg, listener: Leg) -> bool:
    return (
        speaker.id != listener.id
        and not speaker.muted
        and not speaker.hushed
        and not listener.earmuffed
        and (speaker.can_speak is None or listener.id in speaker.can_speak)
        and (listener.can_hear is None or speaker.id in listener.can_hear)
    )
