"""The process dies in the middle of calls: every leg gets its one end, and what was not delivered leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringline.base import LegId
from ringline.engine.delivery.outbox import OLDEST_S
from ringline.testing import (
    HANGS,
    Phones,
    Received,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    listen_for_keys,
    notify,
    pay,
    read_digits,
    read_speech,
    record,
    scenario,
    stream,
    talk,
    wait,
)

from .crash import crash_and_restart

EVENT_ID = "x-ringline-event-id"
FINAL = frozenset({"completed", "busy", "cancelled", "failed", "rejected", "timeout", "unanswered"})


def told(app: WebApplication, leg: LegId, path: str | None = None) -> list[Received]:
    """The status events of a leg, each event once however often it came."""
    events: dict[str, Received] = {}
    for one in app.requests:
        if one.method == "POST" and path in (None, one.path) and one.json.get("uuid") == leg and "status" in one.json:
            events.setdefault(one.headers[EVENT_ID], one)
    return list(events.values())


def ends(app: WebApplication, leg: LegId) -> list[str]:
    return [one.json["status"] for one in told(app, leg) if one.json["status"] in FINAL]


@scenario
async def test_an_answered_call_is_completed_by_the_platform(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("A long story. " * 50))
    await alice.dials(app.number)
    await alice.hears("A long story.")
    leg = alice.leg
    await board.passes(3)
    recovered = await crash_and_restart(board, down_s=60)
    await board.over()
    assert recovered.legs == 1
    last = told(app, leg)[-1].json
    assert (last["status"], last["disconnected_by"], last["sip_code"]) == ("completed", "platform", 200)
    assert int(last["duration"]) >= 60  # nobody knows when it really ended
    assert ends(app, leg) == ["completed"]
    shown = await board.store.leg(leg)
    assert shown is not None
    assert (shown.status, shown.disconnected_by) == ("completed", "platform")


@scenario
async def test_calls_that_were_not_answered_have_failed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.never_answers()
    app.replies("/answer", HANGS)
    calling = await app.calls(bob.number, ncco=[talk("Hello.")])
    await alice.dials(app.number)
    await app.hears_of("ringing", calling.uuid)
    await app.hears_of("ringing", alice.leg)
    await crash_and_restart(board)
    await board.over()
    for leg in (calling.uuid, alice.leg):
        assert ends(app, leg) == ["failed"]
        assert told(app, leg)[-1].json["detail"] == "internal_error"


@scenario
async def test_both_sides_of_a_connect_end_and_their_events_go_where_they_always_went(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, url=app.url("/child")))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await crash_and_restart(board)
    await board.over()
    assert ends(app, alice.leg) == ends(app, bob.leg) == ["completed"]
    assert [one.json["status"] for one in told(app, bob.leg, "/child")][-1] == "completed"
    assert [one.json["status"] for one in told(app, alice.leg, "/event")][-1] == "completed"


@pytest.mark.parametrize("event_type", ["synchronous", None])
@scenario
async def test_a_child_that_rings_ends_with_its_caller(
    event_type: str | None, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.never_answers()
    options: dict[str, Any] = {"event_type": event_type} if event_type else {}
    app.answers(talk("One moment."), connect(bob.number, **options), talk("Never heard."))
    await alice.dials(app.number)
    await app.hears_of("ringing", None)
    await alice.hears("One moment.", to_the_end=True)
    await board.passes(1)
    child = bob.leg
    await crash_and_restart(board)
    await board.over()
    assert ends(app, alice.leg) == ["completed"]
    assert len(ends(app, child)) == 1


@scenario
async def test_a_rest_calls_own_event_url_hears_of_its_end(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    call = await app.calls(bob.number, ncco=[wait(600)], event_url=app.url("/own"))
    await app.hears_of("answered", call.uuid)
    await crash_and_restart(board)
    await board.over()
    assert [one.json["status"] for one in told(app, call.uuid, "/own")] == [
        "started", "ringing", "answered", "completed",
    ]  # fmt: skip
    assert told(app, call.uuid, "/event") == []


@scenario
async def test_legs_in_a_named_conversation_end_and_the_conversation_goes_on_under_its_name(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(conversation("standup", url=app.url("/room")))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    room = app.call(alice.leg).conversation_uuid
    first = [alice.leg, bob.leg]
    await crash_and_restart(board)
    await board.over()
    for leg in first:
        assert ends(app, leg) == ["completed"]
        assert told(app, leg)[-1].path == "/room"
    await carol.dials(app.number)
    await app.hears_of("answered", carol.leg)
    await board.passes(1)
    assert app.call(carol.leg).conversation_uuid == room


@scenario
async def test_a_recording_is_closed_and_reported_once(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(record(url=app.url("/recorded")), wait(600))
    await alice.dials(app.number)
    await alice.says("Please keep this.")
    (made,) = board.recordings.made
    assert list(board.store.open_recordings) == [made.recording]
    await crash_and_restart(board)
    await board.over()
    await board.passes(1)
    (event,) = app.received("/recorded")
    assert event.json["recording_uuid"] == made.recording
    assert event.json["recording_url"].endswith(made.file_id)
    assert board.store.open_recordings == {}
    assert made.file_id in board.store.files
    assert ends(app, alice.leg) == ["completed"]


@scenario
async def test_what_was_not_delivered_leaves_first_and_in_order(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    app.on(lambda request: request.path == "/event", HANGS)
    await alice.dials(app.number)
    await app.gets("/event")
    await board.passes(1)
    waiting = sorted(board.store.events.values(), key=lambda event: event.sequence)
    assert [event.name for event in waiting] == ["started", "ringing", "answered"]
    app._rules.clear()
    recovered = await crash_and_restart(board)
    await board.over()
    assert recovered.events == 3
    statuses = [one.json["status"] for one in app.received("/event")]
    assert statuses == ["started", "started", "ringing", "answered", "completed"]
    ids = [one.headers[EVENT_ID] for one in app.received("/event")]
    assert ids[0] == ids[1] == waiting[0].event_id
    assert ids[1:4] == [event.event_id for event in waiting]
    assert board.store.events == {}


@scenario
async def test_events_older_than_a_day_are_given_up(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    app.on(lambda request: request.path == "/event", HANGS)
    await alice.dials(app.number)
    await app.gets("/event")
    await board.passes(1)
    for name, event in list(board.store.events.items()):
        old = event.created_at - timedelta(seconds=OLDEST_S)
        board.store.events[name] = replace(event, created_at=old)
    app._rules.clear()
    recovered = await crash_and_restart(board)
    await board.over()
    assert recovered.events == 0
    assert [one.json["status"] for one in app.received("/event")] == ["started", "completed"]


@scenario
async def test_an_end_that_was_under_way_is_told_again_under_the_same_id(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    app.on_event("completed", HANGS)
    alice.hangs_up()
    await app.hears_of("completed", alice.leg)
    app._rules.clear()
    recovered = await crash_and_restart(board)
    await board.over()
    assert (recovered.legs, recovered.events) == (0, 1)
    ended = [one for one in app.received("/event") if one.json["status"] == "completed"]
    assert len(ended) == 2
    assert ended[0].headers[EVENT_ID] == ended[1].headers[EVENT_ID]
    assert ended[0].json == ended[1].json


@scenario
async def test_an_end_that_was_delivered_but_not_written_down_has_the_same_id_again(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    """The moment between sending and the group commit: the receiver can tell that it is the same event."""
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    lines = {room: list(journal) for room, journal in board.store.journals.items()}
    records = dict(board.store.records)
    alice.hangs_up()
    await board.over()
    board.store.journals, board.store.records = lines, records
    await crash_and_restart(board)
    await board.over()
    sent = [one for one in app.received("/event") if one.json["status"] == "completed"]
    assert [one.json["disconnected_by"] for one in sent] == ["user", "platform"]
    assert sent[0].headers[EVENT_ID] == sent[1].headers[EVENT_ID]


@scenario
async def test_the_question_of_a_failover_is_told_after_the_crash(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number, event_type="synchronous", url=app.url("/failover")), talk("Nobody."))
    app.on_event("busy", HANGS)
    await alice.dials(app.number)
    await app.gets("/failover", where=lambda request: request.json["status"] == "busy")
    app._rules.clear()
    await crash_and_restart(board)
    await board.over()
    asked = [one for one in app.received("/failover") if one.json["status"] == "busy"]
    assert len(asked) == 2
    assert asked[0].headers[EVENT_ID] == asked[1].headers[EVENT_ID]
    assert len(ends(app, alice.leg)) == 1


@scenario
async def test_a_second_crash_brings_no_second_end(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await board.passes(1)
    await crash_and_restart(board)
    await board.over()
    again = await crash_and_restart(board)
    await board.over()
    assert (again.legs, again.events, again.recordings) == (0, 0, 0)
    assert app.statuses(alice.leg) == ["started", "ringing", "answered", "completed"]


@scenario
async def test_a_journal_that_cannot_be_read_costs_the_details_only(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(record(), wait(600))
    await alice.dials(app.number)
    await alice.says("Keep it.")
    room = app.call(alice.leg).conversation_uuid
    lines = board.store.journals[room]
    whole = list(lines)
    lines[:] = [replace(lines[0], data={"event": {"=": "Unheard"}}), *lines[1:]]
    await crash_and_restart(board)
    await board.over()
    assert ends(app, alice.leg) == ["completed"]
    assert len(app.recordings()) == 1
    board.store.journals[room] = whole


@scenario
async def test_the_deliveries_of_the_next_process_are_in_the_same_journal(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await crash_and_restart(board)
    await board.over()
    lines = board.store.journals[(await board.store.conversations_of(alice.leg))[0]]
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    names = [line.data["name"] for line in await board.store.traces(alice.leg) if line.data["what"] == "webhook"]
    assert names[-1] == "completed"
    assert "Orphaned" in json.dumps([dict(line.data) for line in lines])


@scenario
async def test_what_an_orderly_stop_could_not_deliver_leaves_with_the_next_start(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    app.on(lambda request: request.path == "/event", HANGS)
    await alice.dials(app.number)
    await board.passes(1)
    board.expects_trouble("stopped before all was sent")
    await board.engine.close()
    given_up = {one.headers[EVENT_ID] for one in app.received("/event")[:2]}
    app._rules.clear()
    await crash_and_restart(board)
    await board.over()
    last = [one.json["status"] for one in app.received("/event")][-3:]
    assert last == ["ringing", "answered", "completed"]
    assert len(given_up) == 1  # `started` had both its attempts
    assert board.store.events == {}


@pytest.mark.parametrize(
    "action",
    [
        talk("A long story. " * 50),
        stream("https://files.example.org/long.mp3", loop=0),
        read_digits(time_out=10),
        read_speech(start_timeout=60, dtmf={"maxDigits": 4, "timeOut": 10}),
        listen_for_keys(),
        record(end_on_silence=10, end_on_key="#"),
        pay(5.25),
        notify({"slow": True}, url="https://app.example.org/slow"),
        conversation("alone", start_on_enter=False, music_on_hold_url=["https://files.example.org/long.mp3"]),
    ],
    ids=lambda action: action["action"] + "-" + "-".join(action.get("type", ())),
)
@scenario(recognises=True, takes_payments=True)
async def test_whatever_a_leg_was_at_it_comes_to_one_end(
    action: dict[str, Any], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello.", barge_in=False), action, wait(600))
    app.replies("/slow", HANGS)
    await alice.dials(app.number)
    await alice.hears("Hello.", to_the_end=True)
    await board.passes(1.5)
    await crash_and_restart(board)
    await board.over()
    await board.passes(60)
    assert ends(app, alice.leg) == ["completed"]


@scenario(detects_machines=True)
async def test_a_crash_while_it_is_found_out_who_answered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.keeps_the_detector_guessing()
    call = await app.calls(bob.number, ncco=[talk("Hello.")], machine_detection="continue")
    await app.hears_of("answered", call.uuid)
    await board.passes(0.5)
    await crash_and_restart(board)
    await board.over()
    assert ends(app, call.uuid) == ["completed"]
