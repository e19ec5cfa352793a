"""Phones that transfer calls: blind and attended (REFER), and a call that another phone of the same user takes over."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.accounts import Limits, Policy
from ringline.testing import Phone, Phones, Switchboard, WebApplication, connect, conversation, scenario, talk


async def _in_a_call(app: WebApplication, phones: Phones) -> list[Phone]:
    """Alice has called the application, which has connected her to Bob; Carol has a phone, too."""
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(connect(bob.number))
    bob.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    return [alice, bob, carol]


# ── blind ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_caller_is_connected_to_somebody_else_and_the_referrer_is_let_go(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers(after_s=2)
    outcome = bob.transfers(carol)
    await board.passes(1)
    assert bob.call.transfer == [100, 180]
    assert alice.hears_now == ["ringback"]
    assert alice.can_hear(bob)
    assert await outcome == 200
    assert await alice.can_talk_with(carol)
    assert alice.hears_now == []
    assert (await bob.is_hung_up()).transfer == [100, 180, 200]
    # As by a `connect`: a leg of the same conversation, with its own events.
    assert app.statuses(carol.leg) == ["started", "ringing", "answered"]
    first = app.events(carol.leg)[0]
    assert (first["direction"], first["to"], first["from"]) == ("outbound", carol.number, alice.number)
    assert first["conversation_uuid"] == app.events(alice.leg)[0]["conversation_uuid"]
    assert app.events(bob.leg)[-1]["disconnected_by"] == "platform"
    carol.hangs_up()
    await alice.is_hung_up()
    await board.over()
    assert app.statuses(alice.leg)[-1] == "completed"


@scenario
async def test_a_caller_transfers_whom_he_was_connected_to(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers()
    assert await alice.transfers(carol) == 200
    assert await bob.can_talk_with(carol)
    await alice.is_hung_up()
    assert carol.call.caller == bob.number
    bob.hangs_up()
    await carol.is_hung_up()


@scenario
async def test_early_audio_of_the_target_is_heard_by_who_waits_for_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers(after_s=5, early_media="You are being connected.")
    outcome = bob.transfers(carol)
    await alice.hears("being connected")
    assert bob.call.transfer == [100, 183]
    assert not carol.can_hear(alice)
    assert await outcome == 200
    assert await alice.can_talk_with(carol)


@pytest.mark.parametrize(
    ("refuse", "told"),
    [
        (lambda carol: carol.is_busy(), 486),
        (lambda carol: carol.declines(), 603),
        (lambda carol: carol.rejects(404), 404),
        (lambda carol: carol.is_unreachable(), 408),
        (lambda carol: carol.never_answers(), 408),
    ],
)
@scenario
async def test_when_the_target_fails_the_referrer_keeps_its_call(
    refuse: Any, told: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    refuse(carol)
    assert await bob.transfers(carol) == told
    assert await alice.can_talk_with(bob)
    assert alice.hears_now == []
    carol.answers()
    assert await bob.transfers(carol) == 200
    assert await alice.can_talk_with(carol)


@scenario
async def test_the_referrer_may_hang_up_while_the_target_rings(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers(after_s=3)
    bob.transfers(carol)
    bob.hangs_up()
    await board.passes(1)
    assert alice.hears_now == ["ringback"]
    assert await alice.can_talk_with(carol)
    assert bob.call.transfer == [100]


@scenario
async def test_the_referrer_who_owns_the_call_may_hang_up_while_the_target_rings(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers(after_s=3)
    alice.transfers(carol)
    await board.passes(0.5)
    alice.hangs_up()
    assert await bob.can_talk_with(carol)


@scenario
async def test_nobody_is_left_when_the_referrer_has_gone_and_the_target_fails(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.declines(after_s=2)
    bob.transfers(carol)
    bob.hangs_up()
    await alice.is_hung_up()
    await board.over()
    assert app.statuses(carol.leg)[-1] == "rejected"


@scenario
async def test_the_partner_hangs_up_while_the_target_rings(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    outcome = bob.transfers(carol)
    await board.passes(1)
    alice.hangs_up()
    assert await outcome == 487
    await carol.is_hung_up()
    await bob.is_hung_up()
    await board.over()
    assert app.statuses(carol.leg) == ["started", "ringing", "cancelled"]


@scenario
async def test_a_second_transfer_has_to_wait_for_the_end_of_the_first(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    carol.answers(after_s=2)
    first = bob.transfers(carol)
    await board.passes(0.5)
    assert await alice.transfers(carol) == 491
    assert await first == 200
    assert await alice.can_talk_with(carol)
    assert len(carol.calls) == 1


@scenario
async def test_who_was_transferred_to_may_transfer_on(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    (dave,) = phones("dave")
    carol.answers()
    dave.answers()
    assert await bob.transfers(carol) == 200
    assert await carol.transfers(dave) == 200
    assert await alice.can_talk_with(dave)
    await carol.is_hung_up()


@scenario
async def test_who_talks_with_nobody_has_nobody_to_transfer(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, carol = phones("alice", "carol")
    app.answers(talk("A long text about nothing in particular."))
    await alice.dials(app.number)
    await alice.hears("long text")
    assert await alice.transfers(carol) == 603
    assert carol.calls == []
    await alice.hears("particular", to_the_end=True)


@scenario
async def test_a_transfer_out_of_a_conference_leaves_the_others_together(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol, dave = phones("alice", "bob", "carol", "dave")
    app.answers(conversation("room"))
    for one in (alice, bob, carol):
        await one.dials(app.number)
    assert await alice.can_talk_with(carol)
    dave.answers()
    assert await bob.transfers(dave) == 200
    assert await dave.can_talk_with(carol)
    assert await dave.can_talk_with(alice)
    await bob.is_hung_up()


@scenario
async def test_the_script_of_who_is_transferred_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(connect(bob.number), talk("You are both on the line now, and this is a long announcement."))
    bob.answers()
    carol.answers()
    await alice.dials(app.number)
    await alice.hears("both on the line")
    assert await bob.transfers(carol) == 200
    assert await alice.can_talk_with(carol)
    await alice.hears("announcement", to_the_end=True)


@scenario
async def test_rest_may_take_the_partner_away_while_the_target_rings(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    outcome = bob.transfers(carol)
    await board.passes(1)
    board.call(app, alice.leg).transfer(talk("Somewhere else."))
    assert await outcome == 487
    await carol.is_hung_up()
    await alice.hears("Somewhere else.", to_the_end=True)
    await bob.is_hung_up()


@scenario
async def test_rest_may_give_the_target_up(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    outcome = bob.transfers(carol)
    await board.passes(1)
    board.call(app, carol.leg).hang_up()
    assert await outcome == 487
    assert await alice.can_talk_with(bob)


# ── attended ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _consulting(app: WebApplication, phones: Phones) -> list[Phone]:
    """Alice talks with Bob, who has called Carol beside that."""
    alice, bob, carol = await _in_a_call(app, phones)
    app.answers(connect(carol.number))
    carol.answers()
    await bob.dials(app.number)
    assert await bob.can_talk_with(carol)
    return [alice, bob, carol]


@scenario
async def test_the_partners_of_two_calls_meet_in_the_older_conversation(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _consulting(app, phones)
    older = app.events(alice.leg)[0]["conversation_uuid"]
    younger = app.events(carol.leg)[0]["conversation_uuid"]
    assert await bob.brings_together() == 200
    assert await alice.can_talk_with(carol)
    await bob.is_hung_up()
    await board.passes(1)
    assert [call.state.value for call in bob.calls] == ["ended", "ended"]
    (moved,) = app.transfers()
    assert moved["uuid"] == carol.leg
    assert (moved["conversation_uuid_from"], moved["conversation_uuid_to"]) == (younger, older)
    assert [app.statuses(call.leg)[-1] for call in bob.calls] == ["completed", "completed"]
    alice.hangs_up()
    await carol.is_hung_up()
    await board.over()


@scenario
async def test_it_may_be_asked_for_in_the_younger_call_too(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _consulting(app, phones)
    assert await bob.brings_together(bob.calls[1], bob.calls[0]) == 200
    assert await alice.can_talk_with(carol)
    await board.passes(1)
    (moved,) = app.transfers()
    assert moved["uuid"] == carol.leg


@scenario
async def test_a_call_that_is_not_answered_yet_cannot_be_brought_together(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    app.answers(connect(carol.number))
    await bob.dials(app.number)
    await carol.rings()
    assert await bob.brings_together() == 603
    assert alice.can_hear(bob) or not bob.is_free
    bob.hangs_up()
    await carol.is_hung_up()
    assert alice.call.state.value == "answered"


@scenario
async def test_a_consultation_that_has_just_ended_cannot_be_brought_together(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _consulting(app, phones)
    carol.hangs_up()
    assert await bob.brings_together() == 603
    await board.passes(1)
    assert alice.call.state.value == bob.calls[0].state.value == "answered"


@scenario
async def test_the_partner_of_a_conference_is_brought_into_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol, dave = phones("alice", "bob", "carol", "dave")
    app.answers(conversation("room"))
    for one in (alice, dave, bob):
        await one.dials(app.number)
    assert await bob.can_talk_with(dave)
    app.answers(connect(carol.number))
    carol.answers()
    await bob.dials(app.number)
    assert await bob.can_talk_with(carol)
    assert await bob.brings_together() == 200
    assert await carol.can_talk_with(alice)
    assert await carol.can_talk_with(dave)


@scenario
async def test_calls_of_two_applications_are_not_brought_together(phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    one, other = board.application("one"), board.application("other")
    one.answers(connect(bob.number))
    bob.answers()
    await alice.dials(one.number)
    assert await alice.can_talk_with(bob)
    other.answers(connect(carol.number))
    carol.answers()
    await bob.dials(other.number)
    assert await bob.can_talk_with(carol)
    assert await bob.brings_together() == 603
    assert await bob.can_talk_with(carol)


# ── taken over ─────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_another_phone_goes_on_with_the_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, mobile = await _in_a_call(app, phones)
    await mobile.takes_over(bob)
    assert await alice.can_talk_with(mobile)
    await bob.is_hung_up()
    await board.passes(1)
    assert app.statuses(mobile.leg) == ["started", "answered"]
    assert app.events(mobile.leg)[0]["conversation_uuid"] == app.events(alice.leg)[0]["conversation_uuid"]
    alice.hangs_up()
    await mobile.is_hung_up()


@scenario
async def test_a_call_that_is_over_is_not_taken_over(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, mobile = await _in_a_call(app, phones)
    alice.hangs_up()
    await mobile.takes_over(bob)
    assert (await mobile.is_hung_up()).code == 603


# ── limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario(limits=Limits(default=Policy(deny=("447700900003",))))
async def test_whom_nobody_may_call_nobody_is_transferred_to(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    assert await bob.transfers(carol) == 404
    assert carol.calls == []
    assert await alice.can_talk_with(bob)


@scenario(conversation_legs=2)
async def test_a_full_conversation_takes_no_target(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = await _in_a_call(app, phones)
    assert await bob.transfers(carol) == 603
    assert await alice.can_talk_with(bob)
    assert app.errors() == ["Conversation participant limit reached."]
