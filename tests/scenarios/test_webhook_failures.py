"""Servers that are slow, dead or talk nonsense: what it means for the call (webhook reference, sections 5 to 7)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ringline.accounts import answer_webhook, event_webhook
from ringline.testing import (
    HANGS,
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    breaks,
    connect,
    ncco,
    notify,
    read_digits,
    scenario,
    status,
    talk,
    text,
    wait,
)

BAD = text('[{"action":"talk","text":"A"},{"action":"sing"}]', content_type="application/json")


@pytest.mark.parametrize("code", [429, 503, 504])
@scenario
async def test_a_busy_answer_url_is_asked_twice_and_then_the_fallback(
    code: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(code))
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("From the fallback.", to_the_end=True)
    await board.over()
    assert len(app.received("/answer")) == 2
    (asked,) = app.received("/fallback")
    assert asked.method == "GET"
    first = dict(app.received("/answer")[0].query)
    assert dict(asked.query) == {
        **first,
        "reason": "Invalid response code.",
        "original_request": f'{{"url":"{app.url("/answer")}","type":"answer"}}',
    }
    assert app.errors() == []
    assert app.statuses() == ["started", "ringing", "answered", "completed"]


@pytest.mark.parametrize("code", [500, 404, 301, 400])
@scenario
async def test_another_status_is_not_tried_again(
    code: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(code))
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("From the fallback.")
    assert len(app.received("/answer")) == 1
    assert len(app.received("/fallback")) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (breaks("Connection closed."), "Connection closed."),
        (breaks("Connection reset."), "Connection reset."),
        (HANGS, "Socket timeout."),
    ],
    ids=["closed", "reset", "hangs"],
)
@scenario
async def test_a_dead_answer_url_is_asked_twice_and_the_fallback_is_told_why(
    reply: Any, reason: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", reply)
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("From the fallback.")
    assert len(app.received("/answer")) == 2
    assert app.received("/fallback")[0].json["reason"] == reason


@scenario
async def test_the_second_attempt_may_succeed(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(503), [talk("At the second attempt.")])
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("second attempt.")
    assert app.received("/fallback") == []


@scenario
async def test_time_outs_are_the_applications(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.changes(answer_url=answer_webhook(app.url("/answer"), socket_timeout_ms=2000))
    app.replies("/answer", HANGS)
    await alice.dials(app.number)
    await alice.is_hung_up()
    assert board.clock.now() == pytest.approx(1004, abs=0.3)


@pytest.mark.parametrize(
    "reply",
    [
        BAD,
        text("OK"),
        text(""),
        text("{}"),
        text("<html>", content_type="text/html"),
        text("[1]"),
        text('[{"action":"talk"}]'),
        text('[{"action":"connect","endpoint":[]}]'),
        text("[" * 5000),
        text('[{"action":"talk","text":"' + "x" * 1501 + '"}]'),
    ],
    ids=["action", "OK", "empty", "object", "html", "number", "text", "endpoint", "depth", "long"],
)
@scenario
async def test_an_invalid_answer_is_reported_once_and_not_asked_again(
    reply: Any, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", reply)
    app.has_fallback([talk("From the fallback.")])
    await alice.dials(app.number)
    await alice.hears("From the fallback.", to_the_end=True)
    await board.over()
    assert len(app.received("/answer")) == 1
    (reason,) = app.errors()
    assert reason.startswith("Syntax error in NCCO. Invalid value type or action.")
    assert app.received("/fallback")[0].json["reason"] == "Invalid NCCO."


@scenario
async def test_an_invalid_answer_without_fallback_ends_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", BAD)
    call = await alice.dials(app.number)
    await board.over()
    assert call.code == 503
    assert app.statuses() == ["started", "ringing", "failed"]
    assert len(app.errors()) == 1
    assert "[1].action" in app.errors()[0]


@scenario
async def test_an_invalid_fallback_is_reported_too_and_ends_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", BAD)
    app.has_fallback(BAD)
    await alice.dials(app.number)
    await board.over()
    assert len(app.received("/fallback")) == 1
    assert len(app.errors()) == 2
    assert app.statuses()[-1] == "failed"


@scenario
async def test_a_failing_fallback_is_asked_twice(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(500))
    app.has_fallback(status(500), method="POST")
    await alice.dials(app.number)
    await board.over()
    assert [received.method for received in app.received("/fallback")] == ["POST", "POST"]
    assert app.received("/fallback")[0].json["original_request"] == {"url": app.url("/answer"), "type": "answer"}
    assert app.statuses()[-1] == "failed"
    assert len(app.errors()) == 1


@scenario
async def test_an_outbound_call_without_script_is_hung_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.replies("/answer", status(500))
    await app.calls(bob.number)
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "completed"]
    assert app.events()[-1]["disconnected_by"] == "platform"
    assert len(app.errors()) == 1


@scenario
async def test_a_dead_input_url_and_a_dead_fallback_let_the_script_go_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input")), talk("Never mind."))
    app.replies("/input", HANGS)
    app.has_fallback(HANGS)
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("Never mind.", to_the_end=True)
    assert (len(app.received("/input")), len(app.received("/fallback"))) == (2, 2)
    asked = app.received("/fallback")[0].json
    assert asked["original_request"]["type"] == "event"
    assert asked["dtmf"] == {"digits": "1", "timed_out": False}
    assert asked["reason"] == "Socket timeout."
    assert app.errors() == []


@scenario
async def test_the_fallback_of_an_input_may_bring_a_script(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input")), talk("Never mind."))
    app.replies("/input", status(500))
    app.has_fallback([talk("Instead.")])
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("Instead.", to_the_end=True)
    assert not alice.has_heard("Never mind.")


@scenario
async def test_an_invalid_script_for_an_input_is_reported_and_the_old_one_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(read_digits(max_digits=1, url=app.url("/input")), talk("Never mind."))
    app.replies("/input", BAD)
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await alice.hears("Never mind.", to_the_end=True)
    await board.over()
    (reason,) = app.errors()
    assert reason.startswith("Syntax error in NCCO.")
    assert len(app.received("/input")) == 1


@scenario
async def test_a_dead_failover_url_lets_the_script_go_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number, event_type="synchronous", url=app.url("/failover")), talk("Nobody."))
    app.replies("/failover", breaks())
    await alice.dials(app.number)
    await alice.hears("Nobody.", to_the_end=True)
    assert len([one for one in app.received("/failover") if one.json["status"] == "busy"]) == 2


@scenario
async def test_a_hanging_event_url_delays_no_prompt(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("One."), talk("Two."), talk("Three."))
    app.replies("/event", HANGS)
    await alice.dials(app.number)
    three = await alice.hears("Three.", to_the_end=True)
    assert three.ended is not None
    assert three.ended - 1000 < 2
    await board.over()
    told = app.statuses()
    assert list(dict.fromkeys(told)) == ["started", "ringing", "answered", "completed"]
    assert len(told) == 8  # every one was tried twice


@scenario
async def test_events_of_one_leg_come_one_after_the_other_and_those_of_others_meanwhile(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    app.on(lambda received: received.json.get("uuid") == alice.leg and "status" in received.json, text("", after_s=3))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    assert app.statuses(bob.leg) == ["started", "ringing", "answered"]
    assert app.statuses(alice.leg) == ["started"]
    await board.passes(20)
    times = [one.at for one in app.received("/event") if one.json["uuid"] == alice.leg]
    assert [later - earlier for earlier, later in pairwise(times)] == [pytest.approx(3.02, abs=0.01)] * (len(times) - 1)


@pytest.mark.parametrize(("code", "attempts"), [(500, 1), (404, 1), (503, 2), (429, 2), (504, 2), (302, 1)])
@scenario
async def test_a_notification_is_tried_again_only_where_that_may_help(
    code: int, attempts: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.has_fallback([talk("Never asked.")])
    app.answers(wait(5))
    app.replies("/event", status(code))
    await alice.dials(app.number)
    await board.over()
    assert app.statuses() == [one for one in ("started", "ringing", "answered", "completed") for _ in range(attempts)]
    assert app.received("/fallback") == []
    assert app.errors() == []


@scenario
async def test_an_application_nobody_can_reach_still_ends_its_calls(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    nowhere = "https://nowhere.example.net"
    app.changes(answer_url=answer_webhook(f"{nowhere}/answer"), event_url=event_webhook(f"{nowhere}/event"))
    call = await alice.dials(app.number)
    await board.over()
    assert (call.state, call.code) == (CallState.ENDED, 503)


@scenario
async def test_without_event_url_events_are_dropped_and_the_call_works(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.changes(event_url=None)
    app.answers(read_digits(max_digits=1), talk("Works."))
    await alice.dials(app.number)
    await board.passes(0.1)
    await alice.presses("1")
    await alice.hears("Works.", to_the_end=True)
    await board.over()
    assert {received.path for received in app.requests} == {"/answer"}


@scenario
async def test_a_caller_who_left_gets_no_second_attempt(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", HANGS)
    app.has_fallback([talk("Too late.")])
    await alice.dials(app.number)
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    await board.passes(60)
    assert len(app.received("/answer")) == 1
    assert app.received("/fallback") == []
    assert app.statuses()[-1] == "cancelled"


@scenario
async def test_a_redirect_is_left_to_the_http_client(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(302))
    await alice.dials(app.number)
    await board.over()
    assert app.statuses()[-1] == "failed"


@scenario
async def test_an_answer_too_long_is_an_invalid_one(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", text("x" * 1_048_577))
    app.has_fallback([talk("Shorter.")])
    await alice.dials(app.number)
    await alice.hears("Shorter.")
    assert app.received("/fallback")[0].json["reason"] == "Invalid NCCO."
    assert len(app.received("/answer")) == 1
    assert "too long" in await app.is_warned("Syntax error in NCCO.")


@scenario
async def test_notify_sends_its_payload_and_runs_the_answer(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(notify({"order": 7, "=": "@", "#": []}, url=app.url("/notify")), talk("The old way."))
    app.replies("/notify", [talk("Noted.")])
    await alice.dials(app.number)
    await alice.hears("Noted.", to_the_end=True)
    fields = (await app.gets("/notify")).json
    assert list(fields) == ["payload", "conversation_uuid", "timestamp"]
    assert fields["payload"] == {"order": 7, "=": "@", "#": []}
    assert not alice.has_heard("old")


@pytest.mark.parametrize("reply", [text("OK"), HANGS, status(500), status(204)], ids=["OK", "hangs", "500", "204"])
@scenario
async def test_notify_goes_on_without_a_script(reply: Any, app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("First."), notify("text", url=app.url("/notify"), event_method="GET"), talk("Next."))
    app.replies("/notify", reply)
    await alice.dials(app.number)
    await alice.hears("Next.", to_the_end=True)
    assert app.received("/notify")[0].query["payload"] == "text"


@scenario
async def test_a_slow_answer_is_better_than_none(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", ncco(talk("Here I am."), after_s=4.9))
    await alice.dials(app.number)
    await alice.hears("Here I am.")
    assert len(app.received("/answer")) == 1
