"""REST transfer: another script for a live leg, in a conversation of its own (call flow reference, section 9)."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.base import ApiError
from ringline.testing import (
    HANGS,
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    conversation,
    ncco,
    read_digits,
    record,
    scenario,
    status,
    stream,
    talk,
    text,
    wait,
)

HOLD = "https://app.example.org/hold.mp3"


@scenario
async def test_a_caller_on_hold_gets_the_new_script_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has(HOLD, seconds=20)
    app.answers(stream(HOLD, loop=0))
    await alice.dials(app.number)
    hold = await alice.hears(HOLD)
    await board.passes(100)
    now = board.clock.now()
    app.call(alice.leg).transfer(talk("Your turn."))
    new = await alice.hears("Your turn.")
    assert hold.ended == pytest.approx(now)
    assert new.began == pytest.approx(now, abs=0.01)
    (move,) = app.transfers()
    assert move["uuid"] == alice.leg
    assert move["conversation_uuid_from"] != move["conversation_uuid_to"]


@scenario
async def test_it_moves_even_when_it_was_alone_and_later_events_carry_the_new_id(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(talk("Bye."))
    await board.over()
    (move,) = app.transfers()
    assert app.events()[-1]["conversation_uuid"] == move["conversation_uuid_to"]
    assert (await app.call(alice.leg).record()).conversation == move["conversation_uuid_to"]


@scenario
async def test_the_child_left_behind_is_hung_up(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(alice.leg).transfer(talk("Just us now."))
    await alice.hears("Just us", to_the_end=False)
    await bob.is_hung_up()
    await board.over()
    assert app.events(bob.leg)[-1]["disconnected_by"] == "platform"


@scenario
async def test_the_owner_left_behind_goes_on_while_its_script_runs(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), wait(10), talk("Are you there?"))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(bob.leg).transfer(talk("A word, Bob."), wait(30))
    await bob.hears("A word")
    assert not alice.has_heard("A word")
    await alice.hears("Are you there?", to_the_end=True)
    assert not bob.has_heard("Are you there?")


@scenario
async def test_in_a_named_conversation_those_left_behind_stay(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(bob.leg).transfer(wait(600))
    await board.passes(60)
    assert not alice.can_hear(bob)
    assert alice.call.state is CallState.ANSWERED


@scenario
async def test_two_parties_are_brought_together_by_name(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(wait(600))
    await alice.dials(app.number)
    await bob.dials(app.number)
    await board.passes(1)
    app.call(alice.leg).transfer(conversation("both"))
    app.call(bob.leg).transfer(conversation("both"))
    assert await alice.can_talk_with(bob)


@scenario
async def test_mute_and_earmuff_are_reset(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(alice.leg).mute()
    app.call(alice.leg).earmuff()
    assert not bob.can_hear(alice)
    assert not alice.can_hear(bob)
    app.call(alice.leg).transfer(conversation("room"))
    assert await alice.can_talk_with(bob)


@scenario
async def test_the_length_timer_keeps_running(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    alice.answers()
    call = await app.calls(alice.number, ncco=[wait(600)], length_timer=60)
    await app.hears_of("answered")
    await board.passes(30)
    call.transfer(wait(600))
    await alice.is_hung_up(within_s=40)
    await board.over()
    assert app.events()[-1]["duration"] == "60"


@scenario
async def test_a_url_is_asked_with_the_fields_of_an_answer(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/new", [talk("From the web.")])
    await alice.dials(app.number)
    await app.hears_of("answered")
    before = app.call(alice.leg).conversation_uuid
    app.call(alice.leg).transfer(url=app.url("/new"))
    await alice.hears("From the web.")
    asked = await app.gets("/new")
    assert asked.method == "GET"
    assert list(asked.query) == ["to", "from", "endpoint_type", "uuid", "conversation_uuid", "region_url"]
    assert asked.query["conversation_uuid"] == before
    assert asked.query["uuid"] == alice.leg


@scenario
async def test_the_old_script_goes_on_until_the_new_one_is_there(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("The old one.", loop=0))
    app.replies("/new", ncco(talk("The new one."), after_s=4))
    await alice.dials(app.number)
    await alice.hears("old")
    app.call(alice.leg).transfer(url=app.url("/new"))
    await board.passes(3.5)
    assert alice.hears_now == ["The old one."]
    assert app.transfers() == []
    await alice.hears("The new one.")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (status(404), "Invalid response code."),
        (HANGS, "Socket timeout."),
        (breaks(), "Connection closed."),
        (text("nonsense"), "Syntax error in NCCO."),
        (text('[{"action":"sing"}]'), "Syntax error in NCCO."),
    ],
    ids=["404", "hangs", "breaks", "no-json", "no-action"],
)
@scenario
async def test_a_url_that_fails_leaves_everything_as_it_was(
    reply: Any, reason: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("The old one.", loop=20), talk("Its end."))
    app.replies("/new", reply)
    await alice.dials(app.number)
    await alice.hears("old")
    app.call(alice.leg).transfer(url=app.url("/new"))
    assert (await app.is_warned(reason)).startswith(reason)
    await alice.hears("Its end.", to_the_end=True)
    await board.over()
    assert app.transfers() == []
    assert len(app.errors()) == 1


@scenario
async def test_the_fallback_helps_a_transfer_too(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.has_fallback([talk("From the fallback.")])
    app.replies("/new", status(500))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(url=app.url("/new"))
    await alice.hears("From the fallback.")
    asked = (await app.gets("/fallback")).json
    assert asked["reason"] == "Invalid response code."
    assert asked["original_request"] == {"url": app.url("/new"), "type": "answer"}
    assert len(app.transfers()) == 1


@scenario
async def test_a_faulty_inline_script_is_refused_and_nothing_changes(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("The old one.", loop=0))
    await alice.dials(app.number)
    await alice.hears("old")
    with pytest.raises(ApiError) as refused:
        app.call(alice.leg).transfer({"action": "sing"})
    assert refused.value.status == 400
    await board.passes(1)
    assert alice.hears_now == ["The old one."]
    assert app.errors() == []


@scenario
async def test_a_second_transfer_overtakes_the_first(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/slow", ncco(talk("Slow."), after_s=4))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(url=app.url("/slow"))
    await board.passes(1)
    app.call(alice.leg).transfer(talk("Quick."), wait(10))
    await alice.hears("Quick.", to_the_end=True)
    await board.over()
    assert not alice.has_heard("Slow.")
    assert len(app.transfers()) == 1


@scenario
async def test_a_hang_up_during_the_fetch_ends_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/slow", ncco(talk("Slow."), after_s=4))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(url=app.url("/slow"))
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    await board.passes(10)
    assert app.transfers() == []
    assert app.errors() == []


@scenario
async def test_many_transfers_in_a_row_leave_one_conversation(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    for number in range(20):
        app.call(alice.leg).transfer(talk(f"Script {number}."), wait(60))
    await alice.hears("Script 19.")
    await board.passes(1)
    moves = app.transfers()
    assert len(moves) == 20
    assert [move["conversation_uuid_from"] for move in moves[1:]] == [
        move["conversation_uuid_to"] for move in moves[:-1]
    ]


@scenario
async def test_asynchronous_keys_and_recordings_when_a_leg_is_transferred(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(record(), connect(bob.number), wait(600))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(bob.leg).transfer(wait(600))
    await board.passes(5)
    assert app.recordings() == []  # the recorded conversation still has a leg
    alice.hangs_up()
    await board.passes(5)
    assert len(app.recordings()) == 1
    assert bob.call.state is CallState.ANSWERED


@scenario
async def test_a_new_input_works_after_a_transfer(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, time_out=10))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(read_digits(max_digits=2, time_out=10, url=app.url("/second")))
    await alice.presses("12")
    assert (await app.gets("/second")).json["dtmf"]["digits"] == "12"
    assert [one for one in app.received("/event") if "dtmf" in one.json] == []
