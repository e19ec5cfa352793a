"""Who is hung up when somebody leaves (call flow reference, section 8)."""

from __future__ import annotations

import pytest

from ringline.testing import (
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    read_digits,
    record,
    scenario,
    talk,
    wait,
)


@scenario
async def test_the_only_leg_leaves(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60), talk("Never."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.hangs_up()
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "completed"]


@scenario
async def test_a_child_leaves_while_the_owners_script_runs(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), wait(20), talk("Still here."))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    bob.hangs_up()
    await app.hears_of("completed", bob.leg)
    await alice.hears("Still here.", to_the_end=True)
    await alice.is_hung_up()
    await board.over()
    assert app.events(bob.leg)[-1]["disconnected_by"] == "user"
    assert app.events(alice.leg)[-1]["disconnected_by"] == "platform"


@scenario
async def test_a_child_leaves_after_the_owners_script_and_the_owner_is_hung_up_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    bob.hangs_up()
    await alice.is_hung_up(within_s=0.5)
    await board.over()
    ends = [(event["uuid"], event["disconnected_by"]) for event in app.events() if event["status"] == "completed"]
    assert ends == [(bob.leg, "user"), (alice.leg, "platform")]


@scenario
async def test_the_owner_leaves_and_the_one_child_is_hung_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), wait(60), talk("Never."))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await bob.is_hung_up(within_s=0.5)
    await board.over()
    ends = [(event["uuid"], event["disconnected_by"]) for event in app.events() if event["status"] == "completed"]
    assert ends == [(alice.leg, "user"), (bob.leg, "platform")]


@scenario
async def test_the_owner_leaves_and_two_children_talk_on_until_one_is_left(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    carol.answers()
    app.answers(connect(bob.number), connect(carol.number), wait(600))
    await alice.dials(app.number)
    assert await alice.can_talk_with(carol)
    alice.hangs_up()
    assert await bob.can_talk_with(carol)
    await board.passes(60)
    assert bob.call.state is carol.call.state is CallState.ANSWERED
    bob.hangs_up()
    await carol.is_hung_up(within_s=0.5)


@scenario
async def test_in_a_named_conversation_the_others_stay(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(conversation("room"))
    for phone in (alice, bob, carol):
        await phone.dials(app.number)
    assert await alice.can_talk_with(carol)
    bob.hangs_up()
    alice.hangs_up()
    await board.passes(600)
    assert carol.call.state is CallState.ANSWERED


@pytest.mark.parametrize("who", ["alice", "bob"])
@scenario
async def test_a_rest_hang_up_is_as_if_that_leg_hung_up_by_the_platform(
    who: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(board.phone(who).leg).hang_up()
    await alice.is_hung_up(within_s=0.5)
    await bob.is_hung_up(within_s=0.5)
    await board.over()
    ends = [event for event in app.events() if event["status"] == "completed"]
    assert ends[0]["uuid"] == board.phone(who).leg
    assert {event["disconnected_by"] for event in ends} == {"platform"}


@scenario
async def test_a_finished_script_hangs_up_the_leg_that_is_alone(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("That was all."))
    await alice.dials(app.number)
    said = await alice.hears("all.", to_the_end=True)
    await alice.is_hung_up()
    assert board.clock.now() == said.ended


@scenario
async def test_pending_prompts_inputs_and_recordings_are_dropped_or_closed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        record(), talk("Press.", barge_in=True, loop=0), read_digits(url=app.url("/input")), talk("Never heard.")
    )
    await alice.dials(app.number)
    await alice.hears("Press.")
    alice.hangs_up()
    await board.over()
    await board.passes(1)
    assert app.received("/input") == []
    assert len(app.recordings()) == 1
    assert app.errors() == []


@scenario
async def test_an_error_code_inside_the_dialog_is_shown(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.is_gone_with(481)
    await board.over()
    end = app.events()[-1]
    assert (end["status"], end["sip_code"], end["disconnected_by"]) == ("completed", 481, "user")
