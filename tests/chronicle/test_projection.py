"""The projection of single events, and the small rules around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringline.base import ApplicationId, ConversationId, Instant, LegId
from ringline.calls import Conversation, events
from ringline.calls.events import Event, Opened
from ringline.calls.membership import Actor, Member, Person, Profile, Resumed
from ringline.calls.parties import AppSettings, Party
from ringline.chronicle import Changes, Projector, automatic_name, automatic_person, matches, member_of_leg

START = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
ROOM = ConversationId("CON-1")
LEG = LegId("5a6b7c8d-1111-4222-8333-000000000001")
JAMIE = Person(id="USR-1", name="jamie")


class Tale:
    """A conversation and its projection, fed alike."""

    def __init__(self, **opened: Any) -> None:
        opening = Opened(conversation=ROOM, application=AppSettings(id=ApplicationId("app")), seed="00" * 16, **opened)
        self.seconds = 0.0
        self.heart = Conversation(opening)
        self.projector = Projector(opening, self.now)
        self.first = self.projector.opened()

    @property
    def now(self) -> Instant:
        return Instant(self.seconds, START + timedelta(seconds=self.seconds))

    def goes_on(self, event: Event) -> Changes:
        self.seconds += 1
        self.projector.begin(event, self.now)
        return self.projector.end(self.heart.handle(event, self.now))

    def types(self, event: Event) -> list[str]:
        return [entry.type for entry in self.goes_on(event).entries]


def lasting(**more: Any) -> Tale:
    return Tale(name="room", profile=Profile(name="room", **more))


def member(**changes: Any) -> Member:
    fields: dict[str, Any] = {"id": "MEM-1", "person": JAMIE, "state": "JOINED", "joined_at": START, **changes}
    return Member(**fields)


def test_the_conversation_of_a_call_begins_without_an_event_of_its_own() -> None:
    tale = Tale()
    assert tale.first.entries == ()
    assert tale.first.conversation is not None
    assert tale.first.conversation.name == automatic_name(ROOM)
    assert not tale.first.conversation.lasts


def test_one_that_lasts_begins_with_its_creation_and_is_told_of_changes_and_its_end() -> None:
    tale = lasting(display_name="Room")
    (created,) = tale.first.entries
    assert (created.id, created.type, created.body["display_name"]) == (1, "conversation:created", "Room")
    changed = tale.goes_on(events.ProfileChanged(profile=Profile(name="other")))
    assert [entry.type for entry in changed.entries] == ["conversation:updated"]
    assert changed.conversation is not None
    assert (changed.conversation.name, changed.conversation.updated_at) == ("other", tale.now.wallclock)
    assert tale.types(events.DeleteAsked()) == ["conversation:deleted"]
    assert tale.projector.record.state == "DELETED"
    assert tale.types(events.DeleteAsked()) == []


def test_a_conversation_is_inactive_when_everybody_who_was_in_it_has_left() -> None:
    tale = lasting()
    assert tale.types(events.MemberAdded(member=member(state="INVITED"))) == ["member:invited"]
    assert tale.projector.record.state == "ACTIVE"
    assert tale.types(events.MemberJoined(member="MEM-1", by=Actor(user="USR-1", member="MEM-1"))) == ["member:joined"]
    left = tale.goes_on(events.MemberLeft(member="MEM-1", reason={"text": "bye"}))
    assert [(one.state, one.reason) for one in left.members] == [("LEFT", {"text": "bye"})]
    assert left.conversation is not None
    assert left.conversation.state == "INACTIVE"
    assert tale.types(events.MemberLeft(member="MEM-1")) == []
    assert tale.types(events.MemberJoined(member="MEM-1")) == []


def test_an_ephemeral_event_is_told_without_a_number() -> None:
    tale = lasting()
    (passing,) = tale.goes_on(events.Posted(type="ephemeral", body={"a": 1})).entries
    assert passing.id == 0
    (kept,) = tale.goes_on(events.Posted(type="custom:a", body={"a": 1})).entries
    assert kept.id == 2


def test_numbers_go_on_after_a_restart_and_legs_of_the_run_before_have_left() -> None:
    past = Resumed(
        last_event=41,
        created_at=START - timedelta(days=1),
        updated_at=START,
        members=(member(), member(id="MEM-2", leg=LEG)),
        visited=True,
    )
    tale = lasting_again(past)
    assert [(entry.id, entry.type, entry.member) for entry in tale.first.entries] == [(42, "member:left", "MEM-2")]
    assert [one.id for one in tale.projector.members()] == ["MEM-1"]
    assert tale.projector.record.created_at == START - timedelta(days=1)


def lasting_again(past: Resumed) -> Tale:
    return Tale(name="room", profile=Profile(name="room"), resumed=past)


def test_a_leg_that_is_called_in_is_a_member_with_the_user_it_was_called_for() -> None:
    tale = lasting()
    to, from_ = Party(kind="phone", address="447700900123"), Party(kind="phone", address="")
    invited = tale.goes_on(events.LegInvited(leg=LEG, to=to, from_=from_, person=JAMIE, muted=True))
    assert [entry.type for entry in invited.entries] == ["member:invited", "leg:status:update"]
    assert invited.members[0].id == member_of_leg(ROOM, LEG)
    assert invited.members[0].channel["from"] == {"type": "phone", "number": "Unknown"}
    assert tale.types(events.LegProgress(leg=LEG)) == ["leg:status:update", "sip:ringing"]
    answered = tale.goes_on(events.LegAnswered(leg=LEG))
    assert [entry.type for entry in answered.entries] == [
        "leg:status:update",
        "sip:answered",
        "member:joined",
        "member:media",
    ]
    assert answered.entries[-1].body["media"]["audio_settings"] == {"enabled": True, "earmuffed": False, "muted": True}
    ended = tale.goes_on(events.MemberLeft(member=invited.members[0].id, leg=LEG, reason={"text": "kicked"}))
    assert [entry.type for entry in ended.entries] == [
        "leg:status:update",
        "sip:hangup",
        "sip:status",
        "member:media",
        "member:left",
    ]
    assert ended.entries[-1].body["reason"] == {"text": "kicked"}


@pytest.mark.parametrize(
    ("cause", "code", "reason", "shown"),
    [
        ("response", 486, "busy_here", "busy"),
        ("response", 404, "not_found", "failed"),
        ("response", 603, "rejected", "rejected"),
        ("response", 480, "temporarily_unavailable", "timeout"),
        ("no-response", None, "request_timeout", "timeout"),
        ("no-route", None, "not_found", "failed"),
    ],
)
def test_a_leg_that_comes_to_nothing_says_why(cause: str, code: int | None, reason: str, shown: str) -> None:
    tale = lasting()
    phone = Party(kind="phone", address="447700900123")
    tale.goes_on(events.LegInvited(leg=LEG, to=phone, from_=phone, person=JAMIE))
    told = tale.goes_on(events.LegFailed(leg=LEG, cause=cause, sip_code=code)).entries
    assert [entry.type for entry in told] == ["leg:status:update", "sip:hangup", "sip:status", "member:left"]
    update = told[0].body
    assert update["status"] == shown
    assert update["state"] == {"status": "completed", "successful": False, "reason": reason}
    assert [line["status"] for line in update["statusHistory"]] == ["started", shown]
    assert told[-1].body["reason"]["text"] == reason


def test_stopping_what_does_not_play_is_told_all_the_same() -> None:
    tale = lasting()
    (told,) = tale.goes_on(events.RoomStopAsked(kind="talk")).entries
    assert (told.type, told.body) == ("audio:say:stop", {})


def test_automatic_users_follow_from_their_leg() -> None:
    caller, callee = automatic_person(LEG, inbound=True), automatic_person(LEG, inbound=False)
    assert caller.id == callee.id == caller.name
    assert callee.name.startswith("vapi-user-")
    assert len(callee.name) == len("vapi-user-") + 32
    assert member_of_leg(ROOM, LEG) != member_of_leg(ROOM, LEG, 1)


@pytest.mark.parametrize(
    ("mask", "event_type", "meant"),
    [
        ("", "audio:say", True),
        ("member:*", "member:left", True),
        ("member:*", "membership", False),
        ("a, audio:say ,b", "audio:say", True),
        ("audio:say", "audio:say:done", False),
        (" , ", "anything", True),
    ],
)
def test_a_mask_names_types_and_beginnings(mask: str, event_type: str, meant: bool) -> None:
    assert matches(mask, event_type) is meant
