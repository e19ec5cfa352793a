"""Who hears whom, worked out from the legs' settings."""

from __future__ import annotations

from ringline.base import LegId
from ringline.calls.commands import Arrange
from ringline.calls.state import Leg, Room
from ringline.calls.turn import Turn

Hearing = tuple[tuple[LegId, tuple[LegId, ...]], ...]
"Per member, in order of joining: the members it hears."


def arrangement(room: Room) -> Hearing:
    """Work out the room's mixing plan.

    L hears S when: S is another leg, S is not muted, L is not earmuffed, `S.canSpeak` is absent or contains L, and
    `L.canHear` is absent or contains S. A caller may hear a ringing child's early audio; the child hears nobody yet.
    """
    early = {leg.hears_early: leg for leg in room.legs.values() if leg.hears_early in room.legs}
    members = [leg for leg in room.legs.values() if leg.joined or leg.id in early or leg.hears_early in room.legs]
    plan = []
    for listener in members:
        if listener.joined:
            heard = tuple(
                speaker.id
                for speaker in members
                if (speaker.joined and _audible(speaker, listener))
                or (speaker.id == listener.hears_early and not listener.earmuffed)
            )
        else:
            heard = (listener.hears_early,) if listener.hears_early in room.legs else ()
        plan.append((listener.id, tuple(one for one in heard if one is not None)))
    return tuple(plan)


def arrange(turn: Turn) -> None:
    """Put the present plan into force, if it differs from the last: before anything is played or recorded under it."""
    room = turn.room
    plan = arrangement(room)
    muted = tuple(leg for leg, _ in plan if room.legs[leg].muted or room.legs[leg].hushed)
    if (plan, muted) != (room.arranged, room.arranged_muted):
        room.arranged, room.arranged_muted = plan, muted
        turn.emit(Arrange(hears=plan, muted=muted))


def _audible(speaker: Leg, listener: Leg) -> bool:
    return (
        speaker.id != listener.id
        and not speaker.muted
        and not speaker.hushed
        and not listener.earmuffed
        and (speaker.can_speak is None or listener.id in speaker.can_speak)
        and (listener.can_hear is None or speaker.id in listener.can_hear)
    )
