"""`input` with speech: when listening begins and ends, what keys and speech do to each other, what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ringline.cli._timeline import timeline
from ringline.testing import (
    Phones,
    Received,
    Switchboard,
    WebApplication,
    connect,
    read_digits,
    read_speech,
    record,
    scenario,
    stream,
    talk,
)

ERROR = "ERR1: Failed to analyze audio"
MUSIC = "https://app.example.org/music.mp3"


def speech_of(received: Received) -> Mapping[str, Any]:
    speech: Mapping[str, Any] = received.json["speech"]
    return speech


# ── what ends it ───────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_silence_after_speech_ends_it(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), end_on_silence=1.5), talk("Thank you."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales please", confidence=0.9405097)
    silent_at = board.clock.now()
    received = await app.gets("/input")
    assert received.at == pytest.approx(silent_at + 1.5, abs=0.05)
    assert received.json["speech"] == {
        "timeout_reason": "end_on_silence_timeout",
        "results": [{"confidence": "0.9405097", "text": "sales please"}],
    }
    assert received.json["dtmf"] == {"digits": None, "timed_out": False}
    assert list(received.json) == ["speech", "dtmf", "from", "to", "uuid", "conversation_uuid", "timestamp"]
    await alice.hears("Thank you.")


@scenario
async def test_a_pause_shorter_than_end_on_silence_does_not(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), end_on_silence=2))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    await alice.is_silent(1.8)
    await alice.says("or support", confidence=0.5)
    received = await app.gets("/input")
    assert speech_of(received)["results"] == [{"confidence": "0.5", "text": "sales or support"}]


@scenario
async def test_nothing_said_in_time_ends_it(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), start_timeout=4, save_audio=True), talk("Nobody there?"))
    await alice.dials(app.number)
    answered = await app.gets("/event", where=lambda received: received.json.get("status") == "answered")
    received = await app.gets("/input")
    assert received.at == pytest.approx(answered.at + 4, abs=0.05)
    assert received.json["speech"] == {"timeout_reason": "start_timeout", "results": []}
    assert received.json["dtmf"] == {"digits": None, "timed_out": False}
    await alice.hears("Nobody there?")


@scenario
async def test_the_longest_speech_ends_it_in_the_middle(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), max_duration=3))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.is_silent(5)
    began = board.clock.now()
    alice.says("a" * 50 + " " + "b" * 49, seconds=6)
    received = await app.gets("/input")
    assert received.at == pytest.approx(began + 3, abs=0.03)
    assert speech_of(received)["timeout_reason"] == "max_duration"
    assert speech_of(received)["results"][0]["text"] == "a" * 50


@scenario
async def test_a_click_is_no_speech(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), start_timeout=3))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("x", seconds=0.05)
    assert speech_of(await app.gets("/input"))["timeout_reason"] == "start_timeout"


@scenario
async def test_numbers_out_of_range_are_clamped(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), end_on_silence=0, sensitivity=0, start_timeout="0", max_duration=99))
    await alice.dials(app.number)
    await app.hears_of("answered")
    request = board.recogniser.requests[0]
    assert (request.end_on_silence_s, request.sensitivity) == (0.4, 10)
    received = await app.gets("/input", within_s=1.2)
    assert speech_of(received)["timeout_reason"] == "start_timeout"


@scenario
async def test_what_was_said_before_it_listens_is_not_heard(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Wait until I have finished."), read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await alice.hears("Wait")
    await alice.says("hello")
    await alice.hears("finished.", to_the_end=True)
    await alice.says("sales")
    assert [result["text"] for result in speech_of(await app.gets("/input"))["results"]] == ["sales"]


# ── keys and speech together ───────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_key_switches_speech_off(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"maxDigits": 2}))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.says("two")
    await alice.presses("2")
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": "12", "timed_out": False}
    assert received.json["speech"] == {"error": "Speech overridden by DTMF", "results": []}


@scenario
async def test_after_a_key_only_the_rules_of_keys_apply(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"timeOut": 2}, start_timeout=30))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(7)
    pressed_at = board.clock.now()
    await alice.presses("1")
    received = await app.gets("/input")
    assert received.at == pytest.approx(pressed_at + 2, abs=0.05)
    assert received.json["dtmf"] == {"digits": "1", "timed_out": True}


@scenario
async def test_a_lone_hash_that_submits_overrides_speech_too(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"submitOnHash": True}))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("#")
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": "", "timed_out": False}
    assert speech_of(received)["error"] == "Speech overridden by DTMF"


@scenario
async def test_speech_switches_keys_off(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"maxDigits": 1}))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.says("sales department")
    await alice.is_silent(0.3)
    await alice.presses("1")
    received = await app.gets("/input")
    assert received.json["dtmf"] == {"digits": None, "timed_out": False}
    assert speech_of(received)["results"][0]["text"] == "sales department"


@pytest.mark.parametrize(("time_out", "start_timeout"), [(3, 8), (9, 2)])
@scenario
async def test_with_neither_the_longer_of_the_two_is_waited_for(
    time_out: int, start_timeout: int, app: WebApplication, phones: Phones
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"timeOut": time_out}, start_timeout=start_timeout))
    await alice.dials(app.number)
    answered = await app.gets("/event", where=lambda received: received.json.get("status") == "answered")
    received = await app.gets("/input")
    assert received.at == pytest.approx(answered.at + max(time_out, start_timeout), abs=0.05)
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}
    assert received.json["speech"] == {"timeout_reason": "start_timeout", "results": []}


# ── barge-in ───────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_voice_cuts_the_prompts_and_is_part_of_what_is_heard(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has(MUSIC)
    app.answers(
        talk("Say sales or support, or wait for music.", barge_in=True),
        stream(MUSIC, barge_in=True),
        read_speech(url=app.url("/input")),
    )
    await alice.dials(app.number)
    prompt = await alice.hears("Say sales")
    began = board.clock.now()
    await alice.says("support")
    assert prompt.cut
    assert prompt.ended == pytest.approx(began + 0.08, abs=0.001)
    assert speech_of(await app.gets("/input"))["results"][0]["text"] == "support"
    assert board.files.fetched == []


@scenario
async def test_how_fast_the_prompt_was_silent_stands_in_the_journal(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Say sales or support.", barge_in=True), read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await alice.hears("Say sales")
    await alice.says("support")
    await app.gets("/input")
    await board.over()
    lines = [line for journal in board.store.journals.values() for line in journal]
    (note,) = [line.data for line in lines if line.kind == "trace" and line.data.get("what") == "barge-in"]
    assert note["by"] == "speech"
    assert note["ms"] == 80
    (figures,) = [figure for line in lines for figure in line.data.get("figures", ())]
    assert (figures["barge_ins"], figures["barge_in_ms"]) == (1, 80)
    told = [row.text for row in timeline(lines)]
    assert "the prompt was silent 80 ms after speech began, which was noticed after 80 ms" in told


@scenario
async def test_a_key_does_not_cut_a_prompt_that_leads_to_speech_alone(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Say sales or support.", barge_in=True), read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await alice.hears("Say")
    await alice.presses("1")
    await alice.hears("support.", to_the_end=True)
    await alice.says("sales")
    assert (await app.gets("/input")).json["dtmf"]["digits"] is None


@scenario
async def test_a_voice_does_not_cut_a_prompt_that_leads_to_keys_alone(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press one for sales.", barge_in=True), read_digits(max_digits=1))
    await alice.dials(app.number)
    await alice.hears("Press")
    alice.says("sales")
    await alice.hears("for sales.", to_the_end=True)


@scenario
async def test_the_start_timer_counts_from_the_end_of_the_prompts(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("A prompt that is far longer than two seconds are, really.", barge_in=True),
        read_speech(url=app.url("/input"), start_timeout=2),
    )
    await alice.dials(app.number)
    prompt = await alice.hears("really.", to_the_end=True)
    received = await app.gets("/input")
    assert prompt.ended is not None
    assert received.at == pytest.approx(prompt.ended + 2, abs=0.05)


@scenario
async def test_with_both_either_of_them_cuts_the_prompt(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press or say one.", barge_in=True, loop=0), read_speech(url=app.url("/a"), dtmf={"maxDigits": 1}))
    await alice.dials(app.number)
    prompt = await alice.hears("Press")
    await alice.presses("1")
    assert prompt.cut
    assert (await app.gets("/a")).json["dtmf"]["digits"] == "1"
    await alice.is_hung_up()
    await alice.dials(app.number)
    prompt = await alice.hears("Press")
    await alice.says("one")
    assert prompt.cut
    assert speech_of(await app.gets("/a"))["results"][0]["text"] == "one"


@scenario
async def test_sticky_barge_in_holds_for_a_voice(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(
        talk("One.", barge_in=True), talk("The second, off.", barge_in=False), read_speech(url=app.url("/input"))
    )
    await alice.dials(app.number)
    second = await alice.hears("The second")
    await alice.says("yes")
    assert second.cut


# ── whose speech ───────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_the_first_leg_that_joined_is_listened_to(app: WebApplication, phones: Phones) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await bob.says("not me")
    await alice.says("but me")
    received = await app.gets("/input")
    assert speech_of(received)["results"][0]["text"] == "but me"
    assert received.json["uuid"] == alice.leg


@scenario
async def test_a_uuid_names_whose_speech(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), {"action": "notify", "payload": {}, "eventUrl": [app.url("/notify")]})
    app.on(
        lambda received: received.path == "/notify",
        lambda _: [read_speech(url=app.url("/input"), uuid=bob.leg)],
    )
    await alice.dials(app.number)
    await app.gets("/notify")
    await board.passes(0.5)
    await alice.says("not me")
    await bob.says("it is me")
    received = await app.gets("/input")
    assert speech_of(received)["results"][0]["text"] == "it is me"
    assert received.json["uuid"] == alice.leg


@scenario
async def test_a_uuid_of_nobody_here_means_the_first_leg(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), uuid="0b9d0c55-2222-4333-8444-955566677788"))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("me")
    assert speech_of(await app.gets("/input"))["results"][0]["text"] == "me"


@scenario
async def test_a_whisper_listens_to_the_one_who_hears_it(app: WebApplication, phones: Phones) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}))
    app.replies("/whisper", [talk("Take it?", barge_in=True), read_speech(url=app.url("/input"))])
    await alice.dials(app.number)
    await bob.hears("Take it?", to_the_end=True)
    await bob.says("yes")
    assert speech_of(await app.gets("/input"))["results"][0]["text"] == "yes"
    assert await alice.can_talk_with(bob)


@pytest.mark.parametrize("speaks", [True, False])
@scenario
async def test_when_the_one_listened_to_hangs_up_it_is_over(
    speaks: bool, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), {"action": "notify", "payload": {}, "eventUrl": [app.url("/notify")]})
    app.on(
        lambda received: received.path == "/notify",
        lambda _: [read_speech(url=app.url("/input"), uuid=bob.leg, start_timeout=60), talk("He has left.")],
    )
    await alice.dials(app.number)
    await app.gets("/notify")
    await board.passes(0.5)
    if speaks:
        await bob.says("goodbye")
    bob.hangs_up()
    received = await app.gets("/input", within_s=0.5)
    expected = [{"confidence": "0.9", "text": "goodbye"}] if speaks else []
    assert speech_of(received)["results"] == expected
    assert "error" not in speech_of(received)
    await alice.hears("He has left.")


# ── hints, languages, audio ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("hints", "first"), [([], "sails"), (["sales"], "sales")])
@scenario
async def test_a_hint_brings_the_right_word_to_the_front(
    hints: list[str], first: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recogniser.mishears("sales", as_="sails")
    app.answers(read_speech(url=app.url("/input"), context=hints))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    results = speech_of(await app.gets("/input"))["results"]
    assert results[0]["text"] == first
    assert {result["text"] for result in results} == {"sails", "sales"}
    assert all(isinstance(result["confidence"], str) for result in results)


@pytest.mark.parametrize(
    ("asked", "heard"),
    [(None, "en-US"), ("en-gb", "en-GB"), ("DE_de", "de-DE"), ("en-XX", "en-US"), ("zh-cmn-Hans-CN", "zh")],
)
@scenario
async def test_languages_are_found_in_any_case(
    asked: str | None, heard: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(language=asked, start_timeout=1))
    await alice.dials(app.number)
    await board.over()
    assert [request.language for request in board.recogniser.requests] == [heard]


@scenario
async def test_the_options_of_a_provider_win(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    options = {"language_code": "de-AT", "speech_contexts": [{"phrases": ["Vertrieb", "Technik"], "boost": 5}, 7]}
    app.answers(
        read_speech(language="en-GB", context=["sales"], provider="google", provider_options=options, start_timeout=1)
    )
    await alice.dials(app.number)
    await board.over()
    request = board.recogniser.requests[0]
    assert (request.language, request.hints, request.provider) == ("de-DE", ("Vertrieb", "Technik"), "google")


@scenario
async def test_saved_audio_can_be_fetched(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), save_audio=True, end_on_silence=2))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales please", seconds=1.5)
    url = speech_of(await app.gets("/input"))["recording_url"]
    kept = board.recordings.made[0]
    assert (kept.container, kept.channels) == ("wav", 1)
    assert kept.texts() == ["sales please"]
    assert kept.seconds == pytest.approx(0.5 + 1.5 + 2, abs=0.05)
    assert kept.stored is not None
    assert url == f"https://ringline.example.net/v1/files/{kept.stored.file_id}"
    assert await board.store.file(kept.stored.file_id) == kept.stored
    assert app.recordings() == []  # it is no recording of the call


@scenario
async def test_audio_that_cannot_be_saved_costs_only_the_audio(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recordings.full = "no space left"
    board.expects_trouble("the audio of an input was lost")
    app.answers(read_speech(url=app.url("/input"), save_audio=True))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    speech = speech_of(await app.gets("/input"))
    assert "recording_url" not in speech
    assert speech["results"][0]["text"] == "sales"


# ── recognisers that do not work ───────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_result_that_fails_is_an_error_and_the_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recogniser.fails()
    app.answers(read_speech(url=app.url("/input")), talk("Sorry."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    speech = speech_of(await app.gets("/input"))
    assert (speech["error"], speech["results"]) == (ERROR, [])
    await alice.hears("Sorry.")
    assert app.errors() == []


@scenario
async def test_a_recogniser_that_hangs_is_waited_for_ten_seconds(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recogniser.hangs()
    app.answers(read_speech(url=app.url("/input")), talk("Sorry."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    silent_at = board.clock.now()
    received = await app.gets("/input")
    assert received.at == pytest.approx(silent_at + 2 + 10, abs=0.1)
    assert speech_of(received)["error"] == ERROR
    await alice.hears("Sorry.")


@scenario
async def test_a_recogniser_that_is_deaf_ends_in_start_timeout(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recogniser.is_deaf()
    app.answers(read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    assert speech_of(await app.gets("/input", within_s=11))["timeout_reason"] == "start_timeout"


@scenario
async def test_a_recogniser_that_dies_in_mid_speech_is_an_error(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={}))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.says("sales department please")
    await alice.is_silent(0.5)
    board.recogniser.dies()
    received = await app.gets("/input", within_s=0.5)
    assert received.json["speech"] == {"error": ERROR, "results": []}
    assert received.json["dtmf"] == {"digits": None, "timed_out": False}


@scenario
async def test_when_it_dies_before_any_speech_keys_go_on_alone(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input"), dtmf={"timeOut": 5}, start_timeout=30))
    await alice.dials(app.number)
    answered = await app.gets("/event", where=lambda received: received.json.get("status") == "answered")
    await board.passes(2)
    board.recogniser.dies()
    received = await app.gets("/input")
    assert received.at == pytest.approx(answered.at + 5, abs=0.1)
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}
    assert received.json["speech"] == {"error": ERROR, "results": []}


@scenario(recognises=False)
async def test_without_a_recogniser_keys_work_and_prompts_are_played_to_their_end(
    app: WebApplication, phones: Phones
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press or say one.", barge_in=True), read_speech(url=app.url("/input"), dtmf={"timeOut": 4}))
    await alice.dials(app.number)
    alice.says("one")
    prompt = await alice.hears("say one.", to_the_end=True)
    received = await app.gets("/input")
    assert prompt.ended is not None
    assert received.at == pytest.approx(prompt.ended + 4, abs=0.05)
    assert received.json["dtmf"] == {"digits": "", "timed_out": True}
    assert received.json["speech"] == {"error": ERROR, "results": []}


@scenario(recognises=False)
async def test_without_a_recogniser_speech_alone_is_an_error_after_the_prompt(
    app: WebApplication, phones: Phones
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Say one.", barge_in=True), read_speech(url=app.url("/input")), talk("Bye."))
    await alice.dials(app.number)
    prompt = await alice.hears("Say one.", to_the_end=True)
    received = await app.gets("/input")
    assert prompt.ended is not None
    assert received.at == pytest.approx(prompt.ended, abs=0.05)
    assert received.json["speech"] == {"error": ERROR, "results": []}
    await alice.hears("Bye.")


@scenario(recognises=False)
async def test_without_a_recogniser_an_endless_prompt_does_not_hold_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Say one.", loop=0, barge_in=True), read_speech(url=app.url("/input")), talk("Bye."))
    await alice.dials(app.number)
    assert speech_of(await app.gets("/input", within_s=1))["error"] == ERROR
    await board.over()


@pytest.mark.parametrize("language", ["tlh", "en-GB"])
@scenario
async def test_a_language_nobody_knows_is_an_error(
    language: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.recogniser.languages = {"en-US"}
    app.answers(read_speech(url=app.url("/input"), language=language))
    await alice.dials(app.number)
    assert speech_of(await app.gets("/input", within_s=1))["error"] == ERROR


# ── the answer, and other ends ─────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_the_answer_replaces_the_rest_of_the_script(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(), talk("The old way."))
    app.on(
        lambda received: (received.json.get("speech") or {}).get("results", [{}])[0].get("text") == "sales",
        [talk("The new way.")],
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    await alice.hears("The new way.", to_the_end=True)
    assert not alice.has_heard("old")


@pytest.mark.parametrize("speaking", [True, False])
@scenario
async def test_a_caller_who_hangs_up_meanwhile_sends_no_input(
    speaking: bool, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    if speaking:
        alice.says("sales department")
    await alice.is_silent(0.5)
    alice.hangs_up()
    await board.over()
    assert app.received("/input") == []


@scenario
async def test_a_transfer_meanwhile_sends_no_input(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.recogniser.delay_s = 5
    app.answers(read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says("sales")
    await alice.is_silent(3)  # the result is being worked out
    app.call(alice.leg).transfer(talk("Elsewhere."))
    await alice.hears("Elsewhere.", to_the_end=True)
    await board.over()
    assert app.received("/input") == []


@scenario
async def test_a_muted_caller_is_heard_by_the_recogniser(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), read_speech(url=app.url("/input")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).mute()
    await alice.says("sales")
    assert speech_of(await app.gets("/input"))["results"][0]["text"] == "sales"


@scenario
async def test_without_any_url_the_script_goes_on(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.changes(event_url=None)
    app.answers(read_speech(start_timeout=2), talk("Go on."))
    await alice.dials(app.number)
    await alice.hears("Go on.")
