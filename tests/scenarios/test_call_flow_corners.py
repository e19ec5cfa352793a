"""Corners of the call flow that no other file tells: what is left when something else has just happened."""

from __future__ import annotations

from ringline.calls.parties import MOST_LEGS
from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    record,
    scenario,
    talk,
    text,
    wait,
)


@scenario
async def test_the_end_key_counts_during_the_beep_and_an_empty_recording_is_reported(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("Speak after the tone."),
        record(beep_start=True, end_on_key="#", url=app.url("/rec")),
        talk("You said nothing."),
    )
    await alice.dials(app.number)
    await alice.hears("beep")
    await alice.presses("#")
    await alice.hears("You said nothing.", within_s=2)
    await board.over()
    assert len(app.received("/rec")) == 1
    report = app.received("/rec")[0].json
    assert report["start_time"] == report["end_time"]


@scenario
async def test_another_key_during_the_beep_changes_nothing(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(beep_start=True, end_on_key="#", url=app.url("/rec")), talk("Thank you."))
    await alice.dials(app.number)
    await alice.hears("beep")
    await alice.presses("1")
    await board.passes(5)
    assert app.received("/rec") == []
    await alice.presses("#")
    await alice.hears("Thank you.", to_the_end=True)
    await board.over()


@scenario
async def test_the_leg_that_would_be_one_too_many_is_not_called(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bots = [board.websocket(f"wss://bot{number}.example.com/") for number in range(MOST_LEGS)]
    app.answers(*[connect(bot.number) for bot in bots], talk("We are many."))
    await alice.dials(app.number)
    await alice.hears("We are many.", to_the_end=True)
    assert await app.is_warned("Conversation participant limit reached.")
    assert [len(bot.calls) for bot in bots] == [1] * (MOST_LEGS - 1) + [0]
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_caller_whose_hearing_of_early_media_ends_hears_ringing_until_the_callee_is_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    answered = bob.answers(after_s=2, early_media="Please hold the line.")
    bob.is_a_person(after_s=3)
    app.answers(connect(bob.number, machine_detection="continue"))
    await alice.dials(app.number)
    await alice.hears("Please hold the line.")
    await answered
    await board.passes(1)
    assert alice.hears_now == ["ringback"]
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_script_that_comes_while_the_last_recording_is_stored_runs(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    board.recordings.delay_s = 2
    app.on_event("machine", text('[{"action":"talk","text":"One thing more."},{"action":"wait","timeout":5}]'))
    await app.calls(bob.number, advanced_machine_detection={"mode": "default"}, ncco=[record(), wait(1)])
    await bob.hears("One thing more.", to_the_end=True)
    ended = board.clock.now()
    await bob.is_hung_up()
    assert board.clock.now() - ended >= 4
    await board.over()


@scenario
async def test_a_whisper_that_connects_takes_the_callee_away_from_the_caller(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    carol.answers()
    app.answers(
        connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}), talk("He called on."), wait(9)
    )
    app.replies("/whisper", [talk("Wait."), connect(carol.number)])
    await alice.dials(app.number)
    assert await bob.can_talk_with(carol, within_s=20)
    await alice.hears("He called on.")
    assert not alice.can_hear(bob)
    assert not alice.can_hear(carol)
    assert [event["conversation_uuid_from"] for event in app.transfers(bob.leg)] == [
        app.events(alice.leg)[0]["conversation_uuid"]
    ]
    assert app.events(carol.leg)[0]["conversation_uuid"] == app.transfers(bob.leg)[0]["conversation_uuid_to"]
    carol.hangs_up()
    await board.over()


@scenario
async def test_a_socket_is_told_of_the_keys_that_others_press(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bot = board.websocket()
    app.answers(connect(bot.number), connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.presses("5")
    await bob.presses("#", held_s=0.26)
    await board.passes(1)
    assert bot.call.keys_shown == [("5", 100), ("#", 260)]
    app.call(bob.leg).send_keys("99")
    await board.passes(1)
    assert len(bot.call.keys_shown) == 2
    alice.hangs_up()
    bob.hangs_up()
    await board.over()
