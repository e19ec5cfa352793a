"""Events that have to arrive: ids, order, what is stored and for how long, and the log of it all."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from ringline.accounts import Number
from ringline.engine.delivery.delivery_log import MOST_BODY, entry
from ringline.testing import (
    HANGS,
    Phones,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    read_digits,
    scenario,
    status,
    talk,
    text,
    wait,
)

EVENT_ID = "x-ringline-event-id"


@scenario
async def test_every_event_has_an_id_and_keeps_it_when_it_is_sent_again(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello."))
    app.replies("/event", status(503))
    await alice.dials(app.number)
    await board.over()
    sent = [(one.json["status"], one.headers[EVENT_ID]) for one in app.received("/event")]
    assert [name for name, _ in sent] == [
        name for name in ("started", "ringing", "answered", "completed") for _ in range(2)
    ]
    assert len(set(sent)) == 4
    assert len({one.headers["authorization"] for one in app.received("/event")}) == 8  # each is signed anew
    assert len({event_id for _, event_id in sent}) == 4


@scenario
async def test_a_question_keeps_its_id_up_to_the_fallback(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", breaks())
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("From the fallback.", to_the_end=True)
    asked = [*app.received("/answer"), *app.received("/fallback")]
    assert len(asked) == 3
    assert len({one.headers[EVENT_ID] for one in asked}) == 1


@scenario
async def test_an_event_is_stored_until_it_is_delivered_or_given_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/event", text("", after_s=3), HANGS)
    await alice.dials(app.number)
    await board.passes(1)
    assert [event.name for event in board.store.events.values()] == ["started", "ringing", "answered"]
    await board.passes(3)
    assert [event.name for event in board.store.events.values()] == ["ringing", "answered"]
    await board.passes(21)  # two attempts of ten seconds
    assert [event.name for event in board.store.events.values()] == ["answered"]
    alice.hangs_up()
    await board.over()
    assert board.store.events == {}


@scenario
async def test_a_question_about_a_leg_stands_in_that_legs_queue_and_holds_nobody_else_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.declines(after_s=1)
    app.answers(connect(bob.number, event_type="synchronous", url=app.url("/child")), talk("Nobody."))
    app.on(lambda one: one.path == "/child" and one.json["status"] in ("started", "ringing"), text("", after_s=4))
    await alice.dials(app.number)
    await alice.hears("Nobody.", to_the_end=True)
    child = [(one.json["status"], one.at) for one in app.received("/child")]
    assert [name for name, _ in child] == ["started", "ringing", "rejected"]
    assert [later - earlier for (_, earlier), (_, later) in pairwise(child)] == [pytest.approx(4.02, abs=0.01)] * 2
    assert app.statuses(alice.leg)[:2] == ["started", "ringing"]
    assert app.received("/event")[1].at - 1000 < 1


@scenario
async def test_a_status_callback_of_the_number_hears_of_the_end_too(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    known = board.directory.number(app.number)
    assert known is not None
    board.directory.put_number(
        Number(msisdn=known.msisdn, application_id=known.application_id, status_callback=app.url("/callback"))
    )
    app.answers(talk("Hello."))
    await alice.dials(app.number)
    await board.over()
    (told,) = app.received("/callback")
    assert (told.method, told.json["status"]) == ("POST", "completed")
    assert told.json == app.events(alice.leg, "/event")[-1]
    assert told.headers[EVENT_ID] != app.received("/event")[-1].headers[EVENT_ID]


@scenario
async def test_a_status_callback_hears_nothing_of_a_call_that_was_not_answered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.directory.put_number(Number(msisdn=app.number, application_id=app.id, status_callback=app.url("/callback")))
    app.replies("/answer", status(500))
    await alice.dials(app.number)
    await board.over()
    assert app.statuses()[-1] == "failed"
    assert app.received("/callback") == []


# ── the delivery log ─────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_the_log_has_a_line_for_every_request_with_what_came_back(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(503), breaks("Connection reset."))
    app.has_fallback([read_digits(max_digits=1, url=app.url("/input?token=hush&kept=1"))], method="POST")
    app.on_digits("1", text('{"api_key": "1234", "fine": "yes"}', content_type="application/json", after_s=0.5))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await board.over()
    lines = [entry(line) for line in await board.store.traces(alice.leg)]
    log = [line for line in lines if line is not None]
    answers = [line for line in log if line["name"] == "answer"]
    assert [(line["phase"], line["status"], line["failure"]) for line in answers] == [
        ("first attempt", 503, None),
        ("second attempt", None, "Connection reset."),
        ("fallback", 200, None),
    ]
    assert len({line["event_id"] for line in answers}) == 1
    assert answers[0]["url"] == app.url("/answer")
    assert json.loads(answers[2]["request"]["body"])["reason"] == "Connection reset."
    assert json.loads(answers[2]["response"]["body"])[0]["action"] == "input"
    (asked,) = [line for line in log if line["name"] == "input"]
    assert asked["url"] == app.url("/input?token=***&kept=1")
    assert "hush" not in json.dumps(log)
    assert asked["duration_ms"] == pytest.approx(520, abs=5)
    assert asked["response"] == {"content_type": "application/json", "body": '{"api_key": "***", "fine": "yes"}'}
    assert [line["name"] for line in log if line["status"] == 204] == ["started", "ringing", "answered", "completed"]


@scenario
async def test_the_log_keeps_the_beginning_of_long_bodies(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("x" * 1400), talk("y" * 1400))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    (line,) = [one for one in map(entry, await board.store.traces(alice.leg)) if one and one["name"] == "answer"]
    body = line["response"]["body"]
    assert body.startswith('[{"action": "talk"')
    assert body.endswith("…")
    assert len(body) == MOST_BODY + 1


@scenario
async def test_an_event_nobody_wants_is_in_the_log_too(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.changes(event_url=None)
    app.answers(talk("Hello."))
    await alice.dials(app.number)
    await board.over()
    log = [line for line in map(entry, await board.store.traces(alice.leg)) if line is not None]
    assert [line["failure"] for line in log if line["name"] == "completed"] == ["no event URL, dropped"]
