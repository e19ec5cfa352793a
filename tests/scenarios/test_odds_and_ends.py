"""Rare moments: two things at once, late requests, actions this version cannot run."""

from __future__ import annotations

import pytest

from ringline.testing import (
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    ncco,
    read_digits,
    record,
    scenario,
    status,
    talk,
    wait,
)


@scenario
async def test_a_transfer_while_a_recording_is_being_stored_keeps_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recordings.delay_s = 10.0
    app.answers(record(), talk("Good bye."))
    await alice.dials(app.number)
    await alice.hears("bye.", to_the_end=True)
    await board.passes(1)
    app.call(alice.leg).transfer(wait(20), talk("Still here."))
    await alice.hears("Still here.")


@scenario
async def test_a_transfer_by_url_is_waited_for_when_the_old_script_ends_meanwhile(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(2))
    app.replies("/new", ncco(talk("Here it is."), after_s=4))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    app.call(alice.leg).transfer(url=app.url("/new"))
    await alice.hears("Here it is.", to_the_end=True)


@scenario
async def test_when_it_cannot_be_had_the_call_ends_then(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(2))
    app.replies("/new", status(500, after_s=4))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    app.call(alice.leg).transfer(url=app.url("/new"))
    await alice.is_hung_up(within_s=10)
    assert board.clock.now() == pytest.approx(1005, abs=0.3)
    await board.over()
    assert len(app.errors()) == 1


@scenario
async def test_keys_on_answer_of_a_rest_call_come_before_its_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, ncco=[talk("Hello.")], endpoint={"dtmfAnswer": "1P2p#w"})
    hello = await bob.hears("Hello.")
    assert bob.keys_received == "12#"
    answered = next(one.at for one in app.requests if one.json.get("status") == "answered")
    assert hello.began - answered >= 1.6


@scenario
async def test_a_callee_may_be_asked_whether_he_takes_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/screen")}}))
    app.replies(
        "/screen", [talk("Press one to take it.", barge_in=True), read_digits(max_digits=1, url=app.url("/taken"))]
    )
    app.replies("/taken", [talk("Connecting.")])
    await alice.dials(app.number)
    await bob.hears("Press one")
    await bob.presses("1")
    assert (await app.gets("/taken")).json["uuid"] == bob.leg
    await bob.hears("Connecting.", to_the_end=True)
    assert await alice.can_talk_with(bob)


@scenario
async def test_a_caller_who_leaves_during_the_whisper_takes_the_callee_along(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(talk("Hi."), connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}))
    app.replies("/whisper", [talk("For ever.", loop=0)])
    await alice.dials(app.number)
    await bob.hears("For ever.")
    alice.hangs_up()
    await bob.is_hung_up(within_s=1)


@scenario
async def test_early_media_may_follow_plain_ringing(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Hi."), connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    tone = await alice.hears("ringback")
    bob.rings(early_media="The subscriber is being paged.")
    await alice.hears("being paged.")
    assert tone.cut
    assert app.statuses(bob.leg) == ["started", "ringing"]
    await bob.answers()
    assert await alice.can_talk_with(bob)


@scenario
async def test_caller_and_callee_hang_up_in_the_same_moment(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    bob.hangs_up()
    await board.over()
    assert app.statuses().count("completed") == 2


@scenario
async def test_an_answer_that_crosses_our_cancel_is_hung_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers(after_s=5.0)
    await app.calls(bob.number, ncco=[talk("Hello.")], ringing_timer=5)
    await board.over()
    assert app.statuses()[-1] in ("timeout", "completed")
    assert bob.call.state is CallState.ENDED


@scenario
async def test_a_conference_that_starts_anew_is_recorded_anew(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("room", record=True))
    await alice.dials(app.number)
    await board.passes(5)
    alice.hangs_up()
    await board.over()
    await board.passes(60)
    await bob.dials(app.number)
    await board.passes(5)
    bob.hangs_up()
    await board.over()
    await board.passes(1)
    assert len(app.recordings()) == 2
    assert len({fields["conversation_uuid"] for fields in app.recordings()}) == 1


@scenario
async def test_somebody_who_joins_while_the_recording_of_the_last_round_is_stored(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    board.recordings.delay_s = 20
    app.answers(conversation("room", record=True))
    await alice.dials(app.number)
    await board.passes(5)
    alice.hangs_up()
    await board.over()
    await bob.dials(app.number)
    await board.passes(5)
    bob.hangs_up()
    await board.over()
    await board.passes(60)
    assert len(app.recordings()) == 2
