"""Recordings that are written down: who is told when, what the file says, and what becomes of those that wait."""

from __future__ import annotations

import json
from typing import Any

from ringline.testing import (
    Phones,
    Received,
    Switchboard,
    WebApplication,
    conversation,
    record,
    scenario,
    talk,
    wait,
)

from .crash import crash_and_restart
from .test_conversation_service import client


async def leave_message(app: WebApplication, phones: Phones, words: str, **options: Any) -> None:
    """Somebody calls the voicemail of an application, which has its recording written down."""
    (alice,) = phones("alice")
    app.answers(record(end_on_key="#", format="wav", **options), talk("Thank you."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.says(words)
    await alice.presses("#")
    await alice.hears("Thank you.", to_the_end=True)


def status_is_told(request: Received) -> bool:
    return "recording_uuid" in request.json and "status" in request.json


async def gets_words(app: WebApplication, path: str = "/rec") -> Received:
    """Wait for the webhook of a transcription."""
    return await app.gets(path, where=status_is_told)


def document_of(board: Switchboard, told: dict[str, Any]) -> Any:
    return json.loads(board.recordings.kept[told["transcription_url"].rpartition("/")[2]])


@scenario
async def test_the_transcription_follows_the_recording_with_its_words_in_a_file(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    await leave_message(app, phones, "Call me back. It is urgent!", url=app.url("/rec"), transcription={})
    told = (await gets_words(app)).json
    recorded = app.received("/rec")[0].json
    assert list(told) == [
        "conversation_uuid",
        "type",
        "recording_uuid",
        "status",
        "transcription_url",
        "timestamp",
    ]
    assert (told["type"], told["status"]) == ("record", "transcribed")
    assert told["recording_uuid"] == recorded["recording_uuid"]
    assert told["conversation_uuid"] == recorded["conversation_uuid"]
    assert told["transcription_url"] != recorded["recording_url"]
    assert "T" in told["timestamp"]
    assert [language for _, language in board.transcriber.files] == ["en-US"]
    file = document_of(board, told)
    assert (file["ver"], list(file)) == ("2.1.0", ["ver", "request_id", "channels"])
    (channel,) = file["channels"]
    (made,) = board.recordings.made
    assert channel["duration"] == round(made.seconds * 1000)
    first, second = channel["transcript"]
    assert list(first) == ["sentence", "raw_sentence", "duration", "timestamp", "words"]
    assert (first["sentence"], first["raw_sentence"]) == ("Call me back.", "call me back")
    assert [word["word"] for word in first["words"]] == ["Call", "me", "back"]
    assert first["timestamp"] == first["words"][0]["start_time"]
    assert first["words"][-1]["end_time"] == first["timestamp"] + first["duration"] <= second["timestamp"]
    assert all(word["confidence"] == 0.9 for word in first["words"])
    assert second["raw_sentence"] == "it is urgent"


@scenario
async def test_it_goes_where_the_transcription_says_and_each_channel_is_on_its_own(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    wish = {"language": "en-gb", "sentimentAnalysis": True, "eventUrl": [app.url("/words")], "eventMethod": "GET"}
    await leave_message(app, phones, "Good morning.", url=app.url("/rec"), split="conversation", transcription=wish)
    request = await app.gets("/words")
    assert request.method == "GET"
    assert len(app.received("/rec")) == 1
    left, right = document_of(board, request.json)["channels"]
    assert [one["sentence"] for one in left["transcript"]] == ["Good morning."]
    assert left["transcript"][0]["sentiment"] == 0.1
    assert right["transcript"] == []
    assert left["duration"] == right["duration"] > 0
    assert [language for _, language in board.transcriber.files] == ["en-GB"]


@scenario
async def test_it_belongs_to_whose_recording_it_is_and_goes_with_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    await leave_message(app, phones, "A secret.", url=app.url("/rec"), transcription={})
    told = (await gets_words(app)).json
    recording, words = board.recordings.made[0].file_id, told["transcription_url"].rpartition("/")[2]
    kept = [board.store.files[one] for one in (recording, words)]
    assert kept[0].application == kept[1].application == app.id
    assert kept[0].created_at == kept[1].created_at
    assert kept[0].keep_days == kept[1].keep_days


@scenario
async def test_a_conference_is_written_down_once(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup", record=True, end_on_exit=True, transcription={"language": "de-DE"}))
    for each in (alice, bob):
        await each.dials(app.number)
    assert await alice.can_talk_with(bob)
    await bob.says("Good morning everybody.")
    alice.hangs_up()
    await board.over()
    told = await gets_words(app, "/event")
    assert document_of(board, told.json)["channels"][0]["transcript"][0]["sentence"] == "Good morning everybody."
    assert [language for _, language in board.transcriber.files] == ["de-DE"]


@scenario
async def test_without_a_recording_or_a_wish_nothing_is_written_down(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), conversation("quiet", transcription={}))
    await alice.dials(app.number)
    await board.passes(5)
    alice.hangs_up()
    await board.over()
    await board.passes(5)
    assert board.transcriber.files == []


@scenario
async def test_what_cannot_be_written_down_is_told_and_is_no_error(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    board.transcriber.fails("no engine for dictation is installed")
    await leave_message(app, phones, "Hello.", url=app.url("/rec"), transcription={})
    told = (await gets_words(app)).json
    assert told["status"] == "failed"
    assert told["detail"] == "no engine for dictation is installed"
    assert "transcription_url" not in told
    assert app.errors() == []
    assert board.recordings.kept == {}


@scenario
async def test_an_unknown_language_fails(app: WebApplication, phones: Phones) -> None:
    wish = {"language": "tlh"}
    await leave_message(app, phones, "Hello.", url=app.url("/rec"), transcription=wish)
    told = (await gets_words(app)).json
    assert (told["status"], told["detail"]) == ("failed", "no recogniser knows the language tlh")


@scenario
async def test_one_recording_is_written_down_after_the_other_and_no_call_waits_for_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    board.transcriber.delay_s = 60
    callers = phones("alice", "bob", "carol")
    app.answers(record(url=app.url("/rec"), transcription={}), wait(2), talk("Good bye."))
    for caller in callers:
        await caller.dials(app.number)
    await board.over(within_s=20)
    assert len([one for one in app.received("/rec") if "size" in one.json]) == 3
    assert board.engine.effects.transcriptions.gauges() == {"waiting": 2, "running": 1}
    await board.passes(200)
    assert [one.json["status"] for one in app.received("/rec") if "status" in one.json] == ["transcribed"] * 3
    assert board.transcriber.at_once == 1


@scenario
async def test_what_waits_when_the_process_dies_is_written_down_by_the_next_one(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    board.transcriber.delay_s = 60
    await leave_message(app, phones, "Please keep this.", url=app.url("/rec"), transcription={})
    await board.over()
    assert len(board.store.open_transcriptions) == 1
    await crash_and_restart(board)
    await board.passes(70)
    (told,) = [one.json for one in app.received("/rec") if "status" in one.json]
    assert told["status"] == "transcribed"
    assert document_of(board, told)["channels"][0]["transcript"][0]["sentence"] == "Please keep this."
    assert board.store.open_transcriptions == {}


@scenario
async def test_a_recording_cut_off_by_a_crash_is_written_down_too(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(url=app.url("/rec"), transcription={}), wait(600))
    await alice.dials(app.number)
    await alice.says("I was interrupted.")
    await crash_and_restart(board)
    await board.over()
    told = (await gets_words(app)).json
    assert told["status"] == "transcribed"
    assert len(document_of(board, told)["channels"]) == 1


@scenario
async def test_what_was_deleted_meanwhile_is_not_written_down(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    board.transcriber.delay_s = 30
    await leave_message(app, phones, "Forget me.", url=app.url("/rec"), transcription={})
    board.store.files.clear()
    told = (await gets_words(app)).json
    assert (told["status"], told["detail"]) == ("failed", "the recording is gone")
    assert board.recordings.kept == {}


@scenario
async def test_a_conversation_recorded_by_rest_is_written_down_and_nobody_else_reads_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    for each in (alice, bob):
        await each.dials(app.number)
    assert await alice.can_talk_with(bob)
    room = app.call(alice.leg).conversation_uuid
    wish = {"language": "en-GB", "sentiment_analysis": True, "event_url": [app.url("/words")], "event_method": "POST"}
    async with client(board, app) as rest, client(board, board.application("other")) as other:
        body = {"action": "start", "event_url": [app.url("/rec")], "format": "wav", "transcription": wish}
        started = await rest.put(f"/v1/conversations/{room}/record", json=body)
        assert (started.status_code, started.json()) == (200, {})
        await bob.says("Good morning everybody.")
        await rest.put(f"/v1/conversations/{room}/record", json={"action": "stop"})
        recorded = (await app.gets("/rec")).json
        told = (await app.gets("/words")).json
        assert (told["type"], told["status"]) == ("record", "transcribed")
        assert told["recording_uuid"] == recorded["recording_uuid"]
        assert told["conversation_uuid"] == room
        for file in (told["transcription_url"], recorded["recording_url"]):
            path = "/v1/files/" + file.rpartition("/")[2]
            foreign, unknown = await other.get(path), await other.get(path[:-4] + "0000")
            assert foreign.status_code == unknown.status_code == 404
            assert set(foreign.json()) == set(unknown.json())
        (sentence,) = document_of(board, told)["channels"][0]["transcript"]
        assert (sentence["sentence"], sentence["sentiment"]) == ("Good morning everybody.", 0.1)
        assert [language for _, language in board.transcriber.files] == ["en-GB"]
    alice.hangs_up()
    bob.hangs_up()
    await board.over()
