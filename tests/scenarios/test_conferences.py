"""`conversation`: named rooms, moderators, hold music, and who hears whom in them."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.testing import (
    CallState,
    Phone,
    Phones,
    Switchboard,
    WebApplication,
    conversation,
    scenario,
    talk,
)

MUSIC = "https://app.example.org/music.mp3"


async def joins(phone: Phone, app: WebApplication, name: str = "room", **options: Any) -> None:
    """Let a phone call in and go to a conference."""
    app.answers(conversation(name, **options))
    await phone.dials(app.number)
    await app.hears_of("answered", phone.leg)


@scenario
async def test_all_callers_of_one_name_meet_under_one_id(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    for phone in (alice, bob, carol):
        await joins(phone, app)
    assert await alice.can_talk_with(bob)
    assert await bob.can_talk_with(carol)
    assert await alice.can_talk_with(carol)
    moves = app.transfers()
    assert len({move["conversation_uuid_to"] for move in moves}) == 1
    assert len({move["conversation_uuid_from"] for move in moves}) == 3


@scenario
async def test_nothing_after_a_conversation_runs(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("room"), talk("Never heard."))
    await alice.dials(app.number)
    await board.passes(100)
    assert alice.heard == []
    assert alice.call.state is CallState.ANSWERED


@scenario
async def test_the_name_belongs_to_the_application(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    other = board.application("other")
    await joins(alice, app)
    await joins(bob, other)
    await board.passes(1)
    assert not alice.can_hear(bob)
    assert app.transfers()[0]["conversation_uuid_to"] != other.transfers()[0]["conversation_uuid_to"]


@scenario
async def test_the_same_name_is_the_same_conversation_also_after_it_was_empty(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app)
    alice.hangs_up()
    await board.over()
    await board.passes(47 * 3600)
    await joins(bob, app)
    await board.passes(1)
    first, second = app.transfers()
    assert first["conversation_uuid_to"] == second["conversation_uuid_to"]


@scenario
async def test_an_empty_conversation_is_forgotten_after_its_lifetime(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.changes(conversations_ttl_h=1)
    await joins(alice, app)
    alice.hangs_up()
    await board.over()
    await board.passes(3601)
    await joins(bob, app)
    await board.passes(1)
    first, second = app.transfers()
    assert first["conversation_uuid_to"] != second["conversation_uuid_to"]


@scenario(inbound_limit_s=86400)
async def test_a_conversation_never_expires_while_somebody_is_in_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.changes(conversations_ttl_h=1)
    await joins(alice, app)
    await board.passes(5 * 3600)
    await joins(bob, app)
    assert await alice.can_talk_with(bob)


@scenario
async def test_attendees_hear_music_and_not_each_other_until_the_moderator_comes(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    anna, ben, chair = phones("anna", "ben", "chair")
    board.files.has(MUSIC, seconds=20)
    await joins(anna, app, start_on_enter=False, music_on_hold_url=[MUSIC])
    await joins(ben, app, start_on_enter="false", music_on_hold_url=MUSIC)
    music = await anna.hears(MUSIC)
    await ben.hears(MUSIC)
    assert not anna.can_hear(ben)
    await board.passes(100)  # it is looped
    assert anna.hears_now == [MUSIC]
    await joins(chair, app, end_on_exit=True)
    assert await anna.can_talk_with(ben)
    assert await anna.can_talk_with(chair)
    assert music.ended is not None
    assert ben.hears_now == []
    chair.hangs_up()
    await anna.is_hung_up()
    await ben.is_hung_up()
    await board.over()
    for leg in (anna.leg, ben.leg):
        assert app.events(leg)[-1]["disconnected_by"] == "platform"
    assert app.events(chair.leg)[-1]["disconnected_by"] == "user"


@scenario
async def test_without_music_attendees_wait_in_silence(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    anna, ben = phones("anna", "ben")
    await joins(anna, app, start_on_enter=False)
    await joins(ben, app, start_on_enter=False)
    await board.passes(30)
    assert anna.heard == []
    assert not anna.can_hear(ben)


@scenario
async def test_a_late_attendee_joins_directly(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    chair, ben = phones("chair", "ben")
    board.files.has(MUSIC)
    await joins(chair, app)
    await joins(ben, app, start_on_enter=False, music_on_hold_url=MUSIC)
    assert await ben.can_talk_with(chair)
    assert ben.heard == []


@scenario
async def test_it_stays_started_when_the_moderator_leaves(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    chair, anna, ben = phones("chair", "anna", "ben")
    await joins(chair, app)
    await joins(anna, app, start_on_enter=False)
    chair.hangs_up()
    await joins(ben, app, start_on_enter=False)
    assert await anna.can_talk_with(ben)


@scenario
async def test_once_empty_it_must_be_started_anew(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    chair, anna, ben = phones("chair", "anna", "ben")
    await joins(chair, app)
    chair.hangs_up()
    await board.over()
    await joins(anna, app, start_on_enter=False)
    await joins(ben, app, start_on_enter=False)
    await board.passes(1)
    assert not anna.can_hear(ben)


@scenario
async def test_hold_music_that_cannot_be_had_is_reported(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (anna,) = phones("anna")
    board.files.fails(MUSIC)
    await joins(anna, app, start_on_enter=False, music_on_hold_url=MUSIC)
    assert await app.is_warned("Stream URL not reachable")
    assert anna.call.state is CallState.ANSWERED


@scenario
async def test_a_supervisor_is_heard_by_the_agent_only_and_hears_both(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    customer, agent, supervisor = phones("customer", "agent", "supervisor")
    await joins(customer, app)
    await joins(agent, app)
    await joins(supervisor, app, can_speak=[agent.leg], can_hear=[customer.leg, agent.leg])
    assert await customer.can_talk_with(agent)
    await board.passes(1)
    assert supervisor.can_hear(customer)
    assert supervisor.can_hear(agent)
    assert agent.can_hear(supervisor)
    assert not customer.can_hear(supervisor)


@scenario
async def test_an_empty_list_means_nobody(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    await joins(alice, app)
    await joins(bob, app, can_speak=[])
    await joins(carol, app, can_hear=[])
    await board.passes(1)
    assert not alice.can_hear(bob)
    assert bob.can_hear(alice)
    assert alice.can_hear(carol)
    assert not carol.can_hear(alice)


@scenario
async def test_lists_may_name_somebody_who_comes_later(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    await joins(alice, app)
    known = await app.calls(bob.number, ncco=[conversation("room")])
    await joins(carol, app, can_speak=known.uuid)
    assert await bob.can_talk_with(carol)
    assert not alice.can_hear(carol)


@scenario
async def test_mute_is_heard_by_nobody_until_rest_unmutes(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app)
    await joins(bob, app, mute="true")
    await board.passes(1)
    assert not alice.can_hear(bob)
    assert bob.can_hear(alice)
    app.call(bob.leg).unmute()
    assert alice.can_hear(bob)


@scenario
async def test_can_speak_wins_over_mute(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app)
    await joins(bob, app, mute=True, can_speak=[alice.leg])
    await board.passes(1)
    assert alice.can_hear(bob)


@scenario
async def test_what_the_action_wished_is_forgotten_when_the_leg_moves_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app)
    await joins(bob, app, mute=True, can_hear=[], end_on_exit=True, url=app.url("/bob"))
    await board.passes(1)
    app.call(bob.leg).transfer(conversation("another"))
    await alice.is_hung_up()  # leaving by transfer counts as leaving
    await joins(alice, app, name="another")
    assert await alice.can_talk_with(bob)
    bob.hangs_up()
    await board.passes(5)
    assert alice.call.state is CallState.ANSWERED
    assert app.events(bob.leg, path="/event")[-1]["status"] == "completed"


@scenario
async def test_status_events_in_a_conversation_go_to_its_own_url(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    await joins(alice, app, url=app.url("/room"))
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    assert [one.json["status"] for one in app.received("/room") if "status" in one.json] == ["completed"]
    assert app.statuses()[:3] == ["started", "ringing", "answered"]


@scenario
async def test_a_recorded_conversation_gives_one_recording(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app, record="true", url=app.url("/first"))
    await joins(bob, app, record=True, url=app.url("/second"))
    assert await alice.can_talk_with(bob)
    await alice.says("For the minutes.")
    alice.hangs_up()
    await bob.says("Still recorded.")
    bob.hangs_up()
    await board.over()
    await board.passes(1)
    (made,) = board.recordings.made
    assert made.texts() == ["For the minutes.", "Still recorded."]
    assert len([one for one in app.received("/first") if "recording_url" in one.json]) == 1
    assert len(app.recordings()) == 1


@scenario
async def test_a_moderated_conversation_is_recorded_from_the_moderators_arrival(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    anna, chair = phones("anna", "chair")
    await joins(anna, app, start_on_enter=False, record=True)
    await board.passes(30)
    assert board.recordings.made == []
    await joins(chair, app, end_on_exit=True)
    await board.passes(10)
    chair.hangs_up()
    await board.over()
    await board.passes(1)
    assert len(app.recordings()) == 1
    assert board.recordings.made[0].seconds == pytest.approx(10, abs=0.5)


@scenario
async def test_the_fifty_first_is_turned_away(app: WebApplication, board: Switchboard) -> None:
    crowd = [board.phone(f"guest{number}") for number in range(51)]
    for guest in crowd:
        await joins(guest, app)
    late = crowd[-1]
    await late.is_hung_up(within_s=5)
    assert await app.is_warned("Conversation participant limit reached.")
    assert all(guest.call.state is CallState.ANSWERED for guest in crowd[:-1])
    assert await crowd[0].can_talk_with(crowd[49])


@scenario
async def test_one_leg_alone_stays_without_end(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    await joins(alice, app)
    await joins(bob, app)
    await board.passes(1)
    bob.hangs_up()
    await board.passes(3600)
    assert alice.call.state is CallState.ANSWERED
    assert app.statuses(alice.leg) == ["started", "ringing", "answered"]
