"""Events, commands and state written as JSON and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls import journal
from ringline.calls.codec import CodecError, dump, load, register
from ringline.calls.commands import AudioFile, Existing, Move, Play
from ringline.calls.events import LegArrived, OutgoingLeg, PlayAsked
from ringline.calls.parties import Hook, Party
from ringline.calls.state import Leg, Script
from ringline.calls.status import Direction, Status
from ringline.calls.verdict import Side, Verdict

assert journal.FORMAT == 1  # importing it makes every class known

ALICE = Party(kind="phone", address="447700900001")
SHOP = Party(kind="phone", address="442079460000")
LEG = LegId("2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001")


def there_and_back(value: Any) -> Any:
    return load(json.loads(json.dumps(dump(value))))


def a_leg() -> Leg:
    return Leg(
        id=LEG,
        direction=Direction.INBOUND,
        from_=ALICE,
        to=SHOP,
        created_at=datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC),
        status=Status.ANSWERED,
        event=Hook(url="https://app.example.org/event"),
        timers={"length": 8200.5},
        script=Script(source="[]", position=1),
        last_outcome=Verdict(status=Status.BUSY, side=Side.FAR, sip_code=486),
        can_speak=(),
        can_hear=(LEG,),
    )


def test_a_leg_with_all_its_state_comes_back_equal() -> None:
    leg = a_leg()
    assert there_and_back(leg) == leg


def test_an_empty_list_and_an_absent_one_stay_different() -> None:
    leg = there_and_back(a_leg())
    assert leg.can_speak == ()
    leg.can_speak = None
    assert there_and_back(leg).can_speak is None


@pytest.mark.parametrize(
    "value",
    [
        LegArrived(leg=a_leg(), source=ConversationId("CON-1")),
        Move(leg=a_leg(), target=Existing(conversation=ConversationId("CON-2"))),
        PlayAsked(leg=LEG, kind="stream", source=AudioFile(url="https://example.org/a.mp3"), loop=0, level=-0.4),
        Play(effect=EffectId("e"), owner=None, leg=None, source=AudioFile(url="https://example.org/a.mp3")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_events_and_commands_come_back_equal(value: Any) -> None:
    assert there_and_back(value) == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.dictionaries(st.sampled_from(["=", "@", "#"]) | st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["=", "@", "#"]) | st.text(), JSON))
def test_somebody_elses_json_survives_whatever_its_keys_are(headers: dict[str, Any]) -> None:
    party = Party(kind="websocket", address="wss://example.org", details={"headers": headers})
    event = OutgoingLeg(leg=LEG, to=party, from_=SHOP, script=None, answer=None, event=None)
    assert there_and_back(event) == event


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_keep_their_microseconds(moment: datetime) -> None:
    assert there_and_back(moment) == moment


def test_fields_at_their_default_are_left_out() -> None:
    assert dump(Hook(url="https://example.org")) == {"=": "Hook", "url": "https://example.org"}


@pytest.mark.parametrize(
    "faulty", [{"=": "NoSuchClass"}, {"=": "Hook", "url": "x", "colour": "red"}, {"=": "Hook"}], ids=str
)
def test_what_this_version_does_not_know_is_refused(faulty: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        load(faulty)


def test_what_is_no_data_cannot_be_written_down() -> None:
    with pytest.raises(CodecError):
        dump({1, 2})
    with pytest.raises(CodecError):
        dump(timedelta(seconds=1))


def test_two_classes_of_one_name_are_a_mistake() -> None:
    class Hook:
        """Another one."""

    with pytest.raises(AssertionError):
        register(Hook)
