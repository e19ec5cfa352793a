"""`talk` and `stream`: what is heard, by whom, how often, and what happens when it cannot be had."""

from __future__ import annotations

import pytest

from ringline.testing import (
    SECONDS_PER_CHARACTER,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    scenario,
    stream,
    talk,
    wait,
)

MUSIC = "https://app.example.org/music.mp3"


@scenario
async def test_prompts_follow_one_another(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC, seconds=4.0, says="music")
    app.answers(talk("First."), stream(MUSIC), talk("Last."))
    await alice.dials(app.number)
    first = await alice.hears("First.", to_the_end=True)
    music = await alice.hears("music", to_the_end=True)
    last = await alice.hears("Last.", to_the_end=True)
    assert first.ended is not None
    assert music.ended is not None
    assert first.ended <= music.began <= first.ended + 0.1
    assert music.ended - music.began == pytest.approx(4.0, abs=0.01)
    assert music.ended <= last.began <= music.ended + 0.1


@scenario
async def test_a_looped_prompt_is_repeated(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC, seconds=4.0)
    app.answers(talk("Twice.", loop=2), stream(MUSIC, loop="3"))
    await alice.dials(app.number)
    twice = await alice.hears("Twice.", to_the_end=True)
    assert twice.rounds(0) == pytest.approx(2.0, abs=0.02)
    assert (await alice.hears(MUSIC, to_the_end=True)).rounds(0) == pytest.approx(3.0, abs=0.02)


@scenario
async def test_loop_nought_plays_until_a_transfer_replaces_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("For ever.", loop=0), talk("Never."))
    await alice.dials(app.number)
    await board.passes(3000)
    assert alice.hears_now == ["For ever."]
    app.call(alice.leg).transfer(talk("Something new."))
    await alice.hears("Something new.", to_the_end=True)
    await alice.is_hung_up()
    assert not alice.has_heard("Never")


@scenario
async def test_the_level_becomes_decibels(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC)
    app.answers(talk("Quiet.", level="-0.4"), stream(MUSIC, level=1))
    await alice.dials(app.number)
    assert (await alice.hears("Quiet.")).sound.level_db == pytest.approx(-4.8)
    assert (await alice.hears(MUSIC)).sound.level_db == pytest.approx(12.0)


@scenario
async def test_language_and_style_reach_the_voice(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Bonjour.", language="fr-fr", style=1), talk("Good day.", language="en-us", premium=True))
    await alice.dials(app.number)
    await alice.hears("Good day.")
    french, american = board.voice.requests
    assert (french.language, french.style) == ("fr-FR", 1)
    assert (american.language, american.style, american.premium) == ("en-US", 0, True)


@scenario
async def test_the_old_voice_name_is_understood(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello.", voice_name="Amy"), talk("Hallo.", voice_name="Amy", language="de-DE"))
    await alice.dials(app.number)
    await alice.hears("Hallo.")
    assert [request.language for request in board.voice.requests] == ["en-GB", "de-DE"]


@scenario
async def test_tags_of_ssml_are_not_spoken(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("<speak>Good <emphasis>morning</emphasis></speak>"))
    await alice.dials(app.number)
    assert "<" not in (await alice.hears("morning")).text


@scenario
async def test_text_that_cannot_be_spoken_is_reported_and_skipped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC)
    board.voice.fails("no voice")
    app.answers(talk("Hello."), stream(MUSIC))
    await alice.dials(app.number)
    await alice.hears(MUSIC)
    assert await app.is_warned("Text-to-speech") == "Text-to-speech failed. no voice"


@scenario
async def test_a_file_that_cannot_be_had_is_reported_and_skipped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.fails(MUSIC, "404 Not Found")
    app.answers(stream(MUSIC), talk("Anyway."))
    await alice.dials(app.number)
    await alice.hears("Anyway.")
    reason = await app.is_warned("Stream URL")
    assert reason.startswith("Stream URL not reachable or not a supported audio file.")


@scenario
async def test_slow_speech_delays_only_its_own_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    board.files.has(MUSIC)
    board.voice.delay_s = 6.0
    app.replies("/answer", None)
    app.answers(talk("Late."))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    app.answers(stream(MUSIC))
    await bob.dials(app.number)
    await bob.hears(MUSIC, within_s=1.0)
    await alice.hears("Late.")


@scenario
async def test_after_connect_a_talk_is_heard_by_both(app: WebApplication, phones: Phones) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number), talk("This call is recorded."))
    bob.answers()
    await alice.dials(app.number)
    await bob.hears("recorded", to_the_end=True)
    await alice.hears("recorded", to_the_end=True)
    assert await alice.can_talk_with(bob)


@scenario
async def test_what_is_said_before_a_conference_is_heard_by_the_caller_only(
    app: WebApplication, phones: Phones
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Welcome to the meeting."), conversation("meeting"))
    await alice.dials(app.number)
    await alice.hears("meeting", to_the_end=True)
    await bob.dials(app.number)
    await bob.hears("meeting", to_the_end=True)
    assert await alice.can_talk_with(bob)
    assert len(alice.heard) == 1


@scenario
async def test_rest_speech_is_heard_by_one_leg_only(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number))
    bob.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    app.call(bob.leg).talk("A word in your ear.")
    await bob.hears("in your ear.", to_the_end=True)
    assert alice.heard == []
    assert await alice.can_talk_with(bob)


@scenario
async def test_a_prompt_lasts_as_long_as_its_text(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    words = "x" * 1500
    app.answers(talk(words))
    await alice.dials(app.number)
    heard = await alice.hears("xxx", to_the_end=True, within_s=120)
    assert heard.seconds(0) == pytest.approx(1500 * SECONDS_PER_CHARACTER, abs=0.01)


@scenario
async def test_a_file_of_an_hour_is_played_to_its_end(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC, seconds=3600)
    app.answers(stream(MUSIC))
    await alice.dials(app.number)
    heard = await alice.hears(MUSIC, to_the_end=True, within_s=3700)
    assert heard.seconds(0) == pytest.approx(3600, abs=0.1)


@scenario
async def test_hanging_up_drops_what_plays(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("A long story, never told to its end.", loop=0), talk("Nor this."))
    await alice.dials(app.number)
    await alice.hears("A long")
    alice.hangs_up()
    await board.over()
    assert app.errors() == []
    assert app.events()[-1]["disconnected_by"] == "user"


@scenario
async def test_a_wait_is_silent_and_takes_its_time(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Before."), wait(2.5), talk("After."))
    await alice.dials(app.number)
    before = await alice.hears("Before.", to_the_end=True)
    await alice.presses("1#")  # keys do not interrupt it
    after = await alice.hears("After.")
    assert before.ended is not None
    assert after.began - before.ended == pytest.approx(2.5, abs=0.05)


@scenario
async def test_the_engine_an_action_asks_for_reaches_the_voices(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("One.", provider="polly", provider_options={"voice": "Joanna", "speed": 2, "list": [1], "x" * 65: "y"}),
        talk("Two.", provider_options={"voice": "ignored"}),
    )
    await alice.dials(app.number)
    await alice.hears("Two.", to_the_end=True)
    one, two = board.voice.requests
    assert (one.provider, one.options) == ("polly", {"voice": "Joanna", "speed": "2"})
    assert (two.provider, two.options) == (None, {})
    assert one.application == two.application == app.id


@scenario
async def test_broken_markup_is_spoken_without_its_tags_and_is_no_error(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("<speak>Hello <b>there</speak>"), talk("Next."))
    await alice.dials(app.number)
    await alice.hears("Next.", to_the_end=True)
    assert "error" not in app.statuses(alice.leg)
