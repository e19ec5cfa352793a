"""Webhooks field by field (webhook reference, sections 2 to 4 and 8)."""

from __future__ import annotations

import hashlib
import re

import jwt
import pytest

from ringline.accounts import answer_webhook
from ringline.testing import (
    SIGNATURE_SECRET,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    listen_for_keys,
    read_digits,
    scenario,
    status,
    talk,
    wait,
)

COMMON = ["headers", "from", "to", "uuid", "conversation_uuid", "status", "direction", "timestamp"]
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CONVERSATION = re.compile(r"CON-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@scenario
async def test_the_events_of_a_whole_call_have_their_fields_in_order(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(42))
    await alice.dials(app.number)
    await board.over()
    started, ringing, answered, completed = app.events()
    conversation = started["conversation_uuid"]
    assert CONVERSATION.fullmatch(conversation)
    common = {
        "headers": {},
        "from": alice.number,
        "to": app.number,
        "uuid": alice.leg,
        "conversation_uuid": conversation,
        "direction": "inbound",
    }
    assert list(started) == list(ringing) == COMMON
    assert started == {**common, "status": "started", "timestamp": "2026-03-02T09:15:30.000Z"}
    assert ringing == {**common, "status": "ringing", "timestamp": "2026-03-02T09:15:30.000Z"}
    assert answered == {
        **common,
        "start_time": None,
        "rate": None,
        "network": None,
        "status": "answered",
        "timestamp": "2026-03-02T09:15:30.020Z",
    }
    assert list(answered) == [
        *("start_time", "headers", "rate", "from", "to", "uuid", "conversation_uuid"),
        *("status", "direction", "network", "timestamp"),
    ]
    assert list(completed) == [
        *("headers", "end_time", "uuid", "network", "duration", "start_time", "rate", "price", "from", "to"),
        *("conversation_uuid", "status", "direction", "disconnected_by", "sip_code", "timestamp"),
    ]
    assert completed == {
        **common,
        "start_time": "2026-03-02T09:15:30.000Z",
        "end_time": "2026-03-02T09:16:12.000Z",
        "network": None,
        "duration": "42",
        "rate": "0.00000000",
        "price": "0.00000000",
        "status": "completed",
        "disconnected_by": "platform",
        "sip_code": 200,
        "timestamp": "2026-03-02T09:16:12.021Z",
    }


@pytest.mark.parametrize(
    ("code", "extra"),
    [(486, ["sip_code"]), (480, ["detail", "sip_code"]), (603, ["detail", "sip_code"]), (404, ["detail", "sip_code"])],
)
@scenario
async def test_the_event_of_a_failed_call_names_its_sip_code(
    code: int, extra: list[str], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.rejects(code)
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    end = app.events()[-1]
    assert list(end) == [*COMMON[:6], *extra, "direction", "timestamp"]
    assert end["sip_code"] == code
    assert isinstance(end["sip_code"], int)


@scenario
async def test_timeout_and_cancelled_have_the_common_fields_only(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.never_answers()
    await app.calls(bob.number, ncco=[talk("Hello.")], ringing_timer=2)
    await board.over()
    call = await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.passes(1)
    call.hang_up()
    await board.over()
    assert [event["status"] for event in app.events() if list(event) == COMMON][-1] == "cancelled"
    assert {event["status"] for event in app.events() if list(event) == COMMON} == {
        "started",
        "ringing",
        "timeout",
        "cancelled",
    }


@scenario
async def test_a_transfer_event_has_its_fields_in_order(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer(talk("Hello."))
    await board.over()
    (move,) = app.transfers()
    assert list(move) == ["conversation_uuid_from", "type", "uuid", "conversation_uuid_to", "timestamp"]
    assert move["type"] == "transfer"
    assert MILLISECONDS.fullmatch(move["timestamp"])


@scenario
async def test_an_error_has_neither_status_nor_uuid(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(500))
    await alice.dials(app.number)
    await board.over()
    (error,) = [received.json for received in app.requests if "reason" in received.json]
    assert list(error) == ["reason", "conversation_uuid", "timestamp"]


@scenario
async def test_asynchronous_keys_look_like_an_input(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(
        listen_for_keys(app.url("/keys")), wait(2), read_digits(max_digits=1, url=app.url("/input"), time_out=10)
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    await alice.presses("1")
    await board.passes(3)
    await alice.presses("1")
    asynchronous, synchronous = (await app.gets("/keys")).json, (await app.gets("/input")).json
    assert MILLISECONDS.fullmatch(asynchronous.pop("timestamp"))
    assert MILLISECONDS.fullmatch(synchronous.pop("timestamp"))
    assert asynchronous == synchronous
    assert synchronous == {
        "speech": {"results": []},
        "dtmf": {"digits": "1", "timed_out": False},
        "from": alice.number,
        "to": app.number,
        "uuid": alice.leg,
        "conversation_uuid": app.events()[0]["conversation_uuid"],
    }


@scenario
async def test_no_request_but_a_status_event_has_a_status(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(
        {"action": "record", "timeOut": 3},
        {"action": "notify", "payload": {}, "eventUrl": [app.url("/notify")]},
        read_digits(),
    )
    await alice.dials(app.number)
    await app.hears_of("answered")
    app.call(alice.leg).transfer({"action": "record", "timeOut": 3}, read_digits(), wait(5))
    await board.over()
    for received in app.requests:
        fields = received.json
        kinds = ("payload", "dtmf", "recording_url", "conversation_uuid_to", "region_url")
        assert ("status" in fields) != any(kind in fields for kind in kinds)


@scenario
async def test_the_answer_request_shows_sip_headers(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(wait(1))
    app.changes(answer_url=answer_webhook(app.url("/answer"), "POST"))
    await alice.dials(app.number, headers={"SipHeader_X-UserId": "1938ND9"})
    asked = await app.gets("/answer")
    assert asked.method == "POST"
    assert list(asked.json) == [
        *("to", "from", "endpoint_type", "uuid", "conversation_uuid", "region_url", "SipHeader_X-UserId"),
    ]
    assert asked.json["SipHeader_X-UserId"] == "1938ND9"


@scenario
async def test_the_minimal_answer_request_is_a_setting(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.changes(answer_fields="minimal")
    app.answers(wait(1))
    await alice.dials(app.number)
    assert list((await app.gets("/answer")).query) == ["to", "from", "uuid", "conversation_uuid"]


@scenario
async def test_an_outbound_call_asks_its_own_answer_url_once_it_is_answered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    app.replies("/mine", [talk("Hello Bob.")])
    await app.calls(bob.number, answer_url=app.url("/mine?order=7"), answer_method="POST", event_url=app.url("/told"))
    await bob.rings()
    assert app.received("/mine") == []
    await bob.answers()
    await bob.hears("Hello Bob.")
    (asked,) = app.received("/mine")
    assert asked.query == {"order": "7"}
    assert asked.json["to"] == bob.number
    assert asked.json["from"] == app.number
    assert asked.json["endpoint_type"] == "phone"
    assert app.received("/event") == []
    assert [one.json["status"] for one in app.received("/told")] == ["started", "ringing", "answered"]


@scenario
async def test_events_by_get_are_query_parameters(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.is_told_by_get()
    app.answers(wait(1))
    await alice.dials(app.number)
    await board.over()
    answered = next(received for received in app.received("/event") if received.query.get("status") == "answered")
    assert answered.method == "GET"
    assert answered.query["headers"] == "{}"
    assert not {"start_time", "rate", "network"} & set(answered.query)  # nulls are left out


@scenario
async def test_every_webhook_is_signed(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number), read_digits(time_out=1))
    await alice.dials(app.number)
    await board.over()
    tokens = []
    for received in app.requests:
        scheme, token = received.headers["authorization"].split(" ")
        claims = jwt.decode(token, SIGNATURE_SECRET, algorithms=["HS256"], options={"verify_iat": False})
        assert scheme == "Bearer"
        assert sorted(claims) == ["api_key", "application_id", "iat", "iss", "jti", "payload_hash"]
        assert claims["payload_hash"] == hashlib.sha256(received.body).hexdigest()
        assert (claims["iss"], claims["api_key"], claims["application_id"]) == ("Vonage", "abcd1234", app.id)
        assert isinstance(claims["iat"], int)
        tokens.append(claims["jti"])
    assert len(set(tokens)) == len(tokens) > 5
    assert all(received.headers["user-agent"].startswith("ringline/") for received in app.requests)


@scenario
async def test_signing_can_be_switched_off(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.changes(signed_callbacks=False)
    app.answers(wait(1))
    await alice.dials(app.number)
    await board.over()
    assert all("authorization" not in received.headers for received in app.requests)


@pytest.mark.parametrize(("seconds", "duration"), [(0.2, "0"), (0.6, "1"), (1.4, "1"), (59.6, "60")])
@scenario
async def test_the_duration_is_the_nearest_whole_second(
    seconds: float, duration: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await board.passes(0.02 + seconds)
    alice.hangs_up()
    await board.over()
    assert app.events()[-1]["duration"] == duration
