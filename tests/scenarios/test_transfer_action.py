"""`transfer` in a script: all legs of a conversation go to another one, for good."""

from __future__ import annotations

import pytest

from ringline.testing import (
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    scenario,
    stream,
    talk,
    transfer,
    wait,
)


async def named_room(app: WebApplication, phones: Phones) -> str:
    """Let a host open a named conversation; give its id."""
    (host,) = phones("host")
    app.answers(conversation("room"))
    await host.dials(app.number)
    await app.gets("/event", where=lambda received: received.json.get("type") == "transfer")
    return str(app.transfers(host.leg)[0]["conversation_uuid_to"])


@scenario
async def test_both_legs_of_a_call_arrive_and_talk_with_those_who_are_there(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    room = await named_room(app, phones)
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number), transfer(room), talk("Never heard."))
    await alice.dials(app.number)
    await bob.answers()
    await board.passes(5)
    for phone in (alice, bob):
        (moved,) = app.transfers(phone.leg)
        assert moved["conversation_uuid_to"] == room
    host = board.phone("host")
    assert await alice.can_talk_with(host)
    assert await bob.can_talk_with(host)
    assert await alice.can_talk_with(bob)
    assert "Never heard." not in alice.heard_words


@scenario
async def test_a_transfer_to_where_everybody_is_already_moves_nobody(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.on(
        lambda asked: asked.path == "/answer",
        lambda asked: [transfer(asked.query["conversation_uuid"]), talk("Here we are.")],
    )
    await alice.dials(app.number)
    await alice.hears("Here we are.")
    await alice.is_hung_up()
    assert app.transfers(alice.leg) == []


@scenario
async def test_there_is_no_way_back_into_a_conversation_that_ended_with_the_leaving(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.transfer(transfer(str(call.conversation_uuid)), talk("Still here."))
    await alice.hears("Still here.")
    await alice.is_hung_up()
    assert app.errors() == ["Conversation not found."]


@scenario
async def test_who_was_brought_there_stays_when_others_leave(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    room = await named_room(app, phones)
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number), transfer(room))
    await alice.dials(app.number)
    await bob.answers()
    await board.passes(1)
    bob.hangs_up()
    board.phone("host").hangs_up()
    await board.passes(60)
    assert alice.call.state is CallState.ANSWERED


@scenario
async def test_its_settings_go_for_every_leg_it_moves(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    room = await named_room(app, phones)
    (alice,) = phones("alice")
    host = board.phone("host")
    app.answers(transfer(room, mute=True))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await board.passes(1)
    assert alice.can_hear(host)
    assert not host.can_hear(alice)


@pytest.mark.parametrize("target", ["CON-2c5c8f9e-6c52-4d7e-9d25-0f6d5e6ab001", "nonsense"])
@scenario
async def test_an_unknown_conversation_is_an_error_event_and_the_script_goes_on(
    target: str, app: WebApplication, phones: Phones
) -> None:
    (alice,) = phones("alice")
    app.answers(transfer(target), talk("Still here."))
    await alice.dials(app.number)
    await alice.hears("Still here.")
    assert await app.is_warned("Conversation not found.")


@scenario
async def test_a_conversation_of_another_application_is_as_good_as_none(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    room = await named_room(app, phones)
    other = board.application("other")
    (alice,) = phones("alice")
    other.answers(transfer(room), talk("Still here."))
    await alice.dials(other.number)
    await alice.hears("Still here.")
    assert await other.is_warned("Conversation not found.")


@scenario
async def test_a_call_can_be_brought_into_another_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    music = "https://app.example.org/music.mp3"
    board.files.has(music, seconds=600)
    app.answers(stream(music, loop=0))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    app.answers(transfer(str(app.events(alice.leg)[0]["conversation_uuid"])))
    await bob.dials(app.number)
    await app.hears_of("answered", bob.leg)
    await board.passes(1)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await bob.is_hung_up()
