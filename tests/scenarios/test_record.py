"""`record`: what is in a recording, when it ends, and when the application hears of it."""

from __future__ import annotations

import pytest

from ringline.testing import (
    STARTS_AT,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    read_digits,
    record,
    scenario,
    stream,
    talk,
    wait,
)


@scenario
async def test_voicemail_ends_with_the_key_and_is_reported_before_the_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("Leave a message, then press hash."),
        record(end_on_key="#", end_on_silence=4, url=app.url("/rec"), beep_start=True),
        talk("Thank you."),
    )
    await alice.dials(app.number)
    await alice.hears("press hash.", to_the_end=True)
    await alice.hears("beep", to_the_end=True)
    await alice.says("Call me back.")
    await alice.presses("#")
    thanks = await alice.hears("Thank you.")
    (received,) = app.received("/rec")
    assert received.at <= thanks.began
    (made,) = board.recordings.made
    assert made.texts() == ["Call me back."]
    assert made.seconds == pytest.approx(len("Call me back.") * 0.06, abs=0.15)
    assert list(received.json) == [
        "start_time",
        "recording_url",
        "size",
        "recording_uuid",
        "end_time",
        "conversation_uuid",
        "timestamp",
    ]
    assert made.stored is not None
    assert received.json["recording_url"] == f"https://ringline.example.net/v1/files/{made.stored.file_id}"
    assert received.json["size"] == made.stored.size
    assert received.json["recording_uuid"] != made.stored.file_id
    assert received.json["start_time"].endswith("Z")
    assert "." not in received.json["start_time"]
    assert await board.store.file(made.stored.file_id) == made.stored


@scenario
async def test_silence_ends_a_recording(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(end_on_silence="3"), talk("Done."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(2.0)
    await alice.says("A few words after a pause.")
    ended_speaking = board.clock.now()
    done = await alice.hears("Done.")
    assert done.began == pytest.approx(ended_speaking + 3, abs=0.1)


@scenario
async def test_a_caller_who_never_speaks_ends_after_the_silence(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(record(end_on_silence=5), talk("Done."))
    await alice.dials(app.number)
    assert (await alice.hears("Done.")).began == pytest.approx(1005, abs=0.2)


@scenario
async def test_time_out_alone_blocks(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(time_out=5, url=app.url("/rec")), talk("Five seconds later."))
    await alice.dials(app.number)
    later = await alice.hears("Five")
    (received,) = app.received("/rec")
    assert received.at <= later.began
    assert later.began == pytest.approx(1005, abs=0.2)
    assert board.recordings.made[0].seconds == pytest.approx(5, abs=0.05)


@scenario
async def test_for_old_applications_time_out_alone_runs_in_the_background(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.changes(record_timeout_blocks=False)
    app.answers(record(time_out=5), talk("At once."), wait(20))
    await alice.dials(app.number)
    assert (await alice.hears("At once.")).began < 1001
    await board.passes(10)
    assert len(app.recordings()) == 1
    assert board.recordings.made[0].seconds == pytest.approx(5, abs=0.05)


@scenario
async def test_a_recording_without_condition_covers_the_connected_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(record(), connect(bob.number))
    bob.answers(after_s=2)
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.says("Hello Bob.")
    await bob.says("Hello Alice.")
    bob.hangs_up()
    await board.over()
    (made,) = board.recordings.made
    assert made.texts() == ["Hello Bob.", "Hello Alice."]
    assert (made.container, made.channels) == ("mp3", 1)
    assert len(app.recordings()) == 1
    assert app.recordings()[0]["conversation_uuid"] == app.events(alice.leg)[-1]["conversation_uuid"]


@scenario
async def test_prompts_are_in_the_recording(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(), talk("This is recorded."))
    await alice.dials(app.number)
    await board.over()
    assert board.recordings.made[0].texts() == ["This is recorded."]


@scenario
async def test_a_recording_alone_does_not_keep_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(url=app.url("/rec")))
    await alice.dials(app.number)
    await alice.is_hung_up(within_s=5)
    await board.over()
    (received,) = app.received("/rec")
    completed = next(one for one in app.requests if one.json.get("status") == "completed")
    assert received.at < completed.at
    assert received.json["size"] >= 0


@scenario
async def test_split_puts_the_caller_left_and_what_it_hears_right(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(record(split="conversation", format="wav"), connect(bob.number), talk("You are connected."))
    bob.answers()
    await alice.dials(app.number)
    await alice.hears("connected.", to_the_end=True)
    await alice.says("I am left.")
    await bob.says("I am right.")
    alice.hangs_up()
    await board.over()
    (made,) = board.recordings.made
    assert (made.container, made.channels) == ("wav", 2)
    assert made.texts(0) == ["I am left."]
    assert [text for text in made.texts(1) if text != "ringback"] == ["You are connected.", "I am right."]


@scenario
async def test_channels_give_everybody_a_track_in_order_of_joining(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(record(channels=2), connect(bob.number), connect(carol.number))
    bob.answers()
    carol.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(carol)
    await alice.says("One.")
    await bob.says("Two.")
    await carol.says("Three.")
    bob.hangs_up()
    carol.hangs_up()
    await board.over()
    (made,) = board.recordings.made
    assert made.texts(0) == ["One."]
    assert made.texts(1) == ["Two.", "Three."]


@scenario
async def test_mp3_with_more_than_two_channels_becomes_wav(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(channels=3, format="mp3"), talk("Hello."))
    await alice.dials(app.number)
    await board.over()
    assert (board.recordings.made[0].container, board.recordings.made[0].channels) == ("wav", 3)


@scenario
async def test_two_recordings_are_independent(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(url=app.url("/all")), talk("First."), record(url=app.url("/part"), time_out=4), talk("Last."))
    await alice.dials(app.number)
    await board.over()
    whole, part = board.recordings.made
    assert whole.texts() == ["First.", "Last."]
    assert part.texts() == []
    assert (len(app.received("/all")), len(app.received("/part"))) == (1, 1)


@scenario
async def test_hanging_up_closes_a_blocking_recording_and_reports_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(end_on_key="#"), talk("Never said."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("Half a mess")
    alice.hangs_up()
    await board.over()
    await board.passes(1)
    assert len(app.recordings()) == 1
    assert board.recordings.made[0].texts() == ["Half a mess"]


@scenario
async def test_a_replaced_script_closes_a_blocking_recording(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(end_on_key="#"), talk("Never said."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(3)
    app.call(alice.leg).transfer(talk("Elsewhere."))
    await alice.hears("Elsewhere.")
    assert len(app.recordings()) == 1
    assert board.recordings.made[0].seconds == pytest.approx(3, abs=0.1)


@scenario
async def test_a_background_recording_goes_on_when_an_answer_replaces_the_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), read_digits(max_digits=1))
    app.on_digits("1", reply=[talk("Still recorded.")])
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await board.over()
    assert board.recordings.made[0].texts() == ["Still recorded."]
    assert len(app.recordings()) == 1


@scenario
async def test_a_recording_ends_when_its_conversation_is_left_by_all(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), talk("Before."), conversation("room"))
    await alice.dials(app.number)
    await alice.hears("Before.", to_the_end=True)
    await board.passes(5)
    assert len(app.recordings()) == 1
    assert board.recordings.made[0].seconds < 3
    assert alice.call.state.value == "answered"


@scenario
async def test_a_muted_leg_is_silent_in_the_recording(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(record(), connect(bob.number))
    bob.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.says("Heard.")
    app.call(alice.leg).mute()
    await alice.says("Not heard.")
    app.call(alice.leg).unmute()
    await alice.says("Heard again.")
    bob.hangs_up()
    await board.over()
    assert board.recordings.made[0].texts() == ["Heard.", "Heard again."]


@scenario
async def test_a_leg_muted_while_alone_is_silent_in_the_recording(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), wait(10))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).mute()
    await alice.says("Not heard.")
    await board.over()
    assert board.recordings.made[0].texts() == []


@scenario
async def test_a_lost_recording_is_reported_and_the_call_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recordings.full = "the disk is full"
    board.expects_trouble("a recording was lost")
    app.answers(record(time_out=3), talk("Anyway."))
    await alice.dials(app.number)
    await alice.hears("Anyway.")
    assert await app.is_warned("Recording failed.") == "Recording failed. It could not be stored."
    assert app.recordings() == []


@scenario
async def test_a_recording_that_cannot_start_is_reported_and_the_call_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recordings.refusing = "no space"
    board.expects_trouble("a recording cannot be started")
    app.answers(record(end_on_key="#"), talk("Anyway."))
    await alice.dials(app.number)
    await alice.hears("Anyway.")
    assert "no space" not in await app.is_warned("Recording failed.")


@scenario
async def test_a_slow_disk_delays_the_next_action_but_not_the_end(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recordings.delay_s = 60.0
    app.answers(record(), talk("Hello."))
    await alice.dials(app.number)
    hello = await alice.hears("Hello.", to_the_end=True)
    await alice.is_hung_up(within_s=10)
    assert hello.ended is not None
    assert board.clock.now() == pytest.approx(hello.ended + 3, abs=0.2)
    await board.passes(70)
    assert len(app.recordings()) == 1


@scenario
async def test_only_the_leg_that_records_ends_it_by_key(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number), record(end_on_key="5"), talk("Recorded."))
    bob.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await bob.presses("5")
    await board.passes(3)
    assert app.recordings() == []
    await alice.presses("5")
    await alice.hears("Recorded.")
    assert len(app.recordings()) == 1


@scenario
async def test_other_keys_do_not_end_it(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(end_on_key="*", time_out=10), talk("Done."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("0123456789#")
    assert app.recordings() == []
    await alice.presses("*")
    await alice.hears("Done.")
    assert board.clock.now() < 1005


@scenario
async def test_the_times_of_a_recording_are_its_own(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has("https://app.example.org/intro.mp3", seconds=10)
    app.answers(stream("https://app.example.org/intro.mp3"), record(time_out=20))
    await alice.dials(app.number)
    await board.over()
    (fields,) = app.recordings()
    assert STARTS_AT.isoformat().startswith("2026-03-02T09:15:30")
    assert (fields["start_time"], fields["end_time"]) == ("2026-03-02T09:15:40Z", "2026-03-02T09:16:00Z")
