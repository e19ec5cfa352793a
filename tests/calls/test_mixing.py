"""Who hears whom, worked out from the legs' settings."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls.mixing import arrangement, crowd
from ringline.calls.parties import AppSettings, Party
from ringline.calls.state import Leg, Room
from ringline.calls.status import Direction

NAMES = [LegId(f"leg-{number}") for number in range(4)]
SOMEBODY = Party(kind="phone", address="447700900001")
LISTS = st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple)


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    room = Room(id=ConversationId("CON-1"), application=AppSettings(id=ApplicationId("a")), seed="00")
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        room.legs[name] = Leg(
            id=name,
            direction=Direction.INBOUND,
            from_=SOMEBODY,
            to=SOMEBODY,
            created_at=datetime(2026, 3, 2, tzinfo=UTC),
            joined=draw(st.booleans()),
            muted=draw(st.booleans()),
            earmuffed=draw(st.booleans()),
            can_speak=draw(LISTS),
            can_hear=draw(LISTS),
            hears_early=draw(st.none() | st.sampled_from(NAMES)),
        )
    return room


@given(rooms())
def test_the_documented_rule_decides_every_pair_of_members(room: Room) -> None:
    plan = dict(arrangement(room))
    for listener in room.legs.values():
        for speaker in room.legs.values():
            if not (listener.joined and speaker.joined) or listener.hears_early == speaker.id:
                continue
            expected = (
                listener is not speaker
                and not speaker.muted
                and not listener.earmuffed
                and (speaker.can_speak is None or listener.id in speaker.can_speak)
                and (listener.can_hear is None or speaker.id in listener.can_hear)
            )
            assert (speaker.id in plan[listener.id]) == expected


@given(rooms())
def test_the_plan_names_each_leg_once_in_order_of_joining_and_only_members(room: Room) -> None:
    plan = arrangement(room)
    order = [leg for leg, _ in plan]
    assert order == [leg for leg in room.legs if leg in order]
    for leg, heard in plan:
        assert len(set(heard)) == len(heard)
        assert set(heard) <= set(order)
        assert leg not in heard or room.legs[leg].hears_early == leg


@given(rooms())
def test_who_waits_hears_nobody_but_early_audio(room: Room) -> None:
    for leg, heard in arrangement(room):
        if not room.legs[leg].joined:
            assert set(heard) <= {room.legs[leg].hears_early}


@given(rooms())
def test_a_crowd_and_its_exceptions_mean_the_same_plan(room: Room) -> None:
    members, silent, others = crowd(room)
    heard = {leg: set(members) - set(silent) - {leg} for leg in members}
    heard.update({leg: set(voices) for leg, voices in others})
    assert heard == {leg: set(voices) for leg, voices in arrangement(room)}
    assert list(members) == [leg for leg, _ in arrangement(room)]
