"""`POST /v1/calls`: what is taken, what becomes of it, and what is refused with which words."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from ringline.accounts import Bar, Refusal
from ringline.api import create_app
from ringline.calls.events import InstructionsFaulty
from ringline.calls.parties import Hook, Party
from ringline.calls.state import Detection

from .world import World, run

TALK = [{"action": "talk", "text": "Hello"}]
PHONE = {"type": "phone", "number": "447700900123"}
BASIC: dict[str, Any] = {"to": [PHONE], "from": {"type": "phone", "number": "447700900900"}, "ncco": TALK}


def body(**changes: Any) -> dict[str, Any]:
    """The basic request with changes; `None` takes a member away."""
    changed = {**BASIC, **{name.rstrip("_"): value for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


async def refusals(world: World, request: Any) -> dict[str, str]:
    """The `invalid_parameters` of a 400, by name."""
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=request)
    assert answer.status_code == 400, answer.text
    assert world.calls.created == []
    found = answer.json()
    assert found["type"] == 400
    assert found["title"] == "Bad Request"
    assert found["detail"]
    assert found["instance"] == answer.headers["x-nexmo-trace-id"]
    return {one["name"]: one["reason"] for one in found["invalid_parameters"]}


@run
async def test_a_call_is_created_with_everything_the_libraries_read(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=BASIC)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-nexmo-trace-id"]) == 32
    [made] = world.calls.created
    assert answer.json() == {
        "uuid": made.leg,
        "status": "started",
        "direction": "outbound",
        "conversation_uuid": f"CON-{made.leg}",
    }
    assert made.to == Party(kind="phone", address="447700900123")
    assert made.from_ == Party(kind="phone", address="447700900900")
    assert made.script is not None
    assert json.loads(made.script)[0]["text"] == "Hello"
    assert (made.answer, made.event) == (None, None)
    assert (made.ring_limit_s, made.length_limit_s, made.dtmf_answer) == (60, 7200, "")


@run
async def test_urls_timers_and_keys_reach_the_engine(world: World) -> None:
    request = body(
        to=[{**PHONE, "dtmfAnswer": "1p2#", "shaken": "eyJ.e.s"}],
        ncco=None,
        answer_url=["https://shop.example/answer?x=1"],
        answer_method="POST",
        event_url=["https://shop.example/event"],
        event_method="get",
        advanced_machine_detection={"behavior": "continue", "mode": "detect_beep", "beep_timeout": 60},
        length_timer=1800,
        ringing_timer=40,
    )
    async with world.client() as client:
        answer = await client.post("/v1/calls/", json=request)
    assert answer.status_code == 201
    [made] = world.calls.created
    assert made.script is None
    assert made.answer == Hook(url="https://shop.example/answer?x=1", method="POST")
    assert made.event == Hook(url="https://shop.example/event", method="GET")
    assert (made.ring_limit_s, made.length_limit_s, made.dtmf_answer) == (40, 1800, "1p2#")
    assert made.to.details == {"shaken": "eyJ.e.s"}
    assert made.detection == Detection(mode="detect_beep", beep_timeout_s=60)


@pytest.mark.parametrize(
    ("wish", "detection"),
    [
        ({}, None),
        ({"machine_detection": "continue"}, Detection(basic=True)),
        ({"machine_detection": "hangup"}, Detection(hangs_up=True, basic=True)),
        ({"advanced_machine_detection": {}}, Detection()),
        ({"advanced_machine_detection": {"mode": "default"}}, Detection(mode="default")),
        ({"advanced_machine_detection": {"behavior": "hangup"}}, Detection(hangs_up=True)),
        ({"machine_detection": "hangup", "advanced_machine_detection": {"mode": "detect"}}, Detection()),
    ],
)
@run
async def test_the_wish_for_machine_detection_reaches_the_engine(
    wish: dict[str, Any], detection: Detection | None, world: World
) -> None:
    async with world.client() as client:
        assert (await client.post("/v1/calls", json=body(**wish))).status_code == 201
    [made] = world.calls.created
    assert made.detection == detection


@run
async def test_what_official_libraries_send_is_taken(world: World) -> None:
    """PHP: numbers as strings; Node: empty standard headers; Python: `from` as a string; unknown members; null."""
    requests = [
        body(length_timer="7200", ringing_timer="60", client_ref=None, colour="blue"),
        body(to=[{"type": "sip", "uri": "sip:bob@example.com", "headers": {"a": "b"}, "standard_headers": {}}]),
        body(from_="+44 7700 900900"),
        body(to=PHONE),
        body(from_=None, random_from_number=True),
        body(random_from_number=False, answer_method="GET"),
    ]
    async with world.client() as client:
        for request in requests:
            assert (await client.post("/v1/calls", json=request)).status_code == 201
        untyped = await client.post("/v1/calls", content=json.dumps(BASIC), headers={"content-type": ""})
        assert untyped.status_code == 201
        with_null = await client.post("/v1/calls", json={**BASIC, "answer_url": None, "length_timer": None})
        assert with_null.status_code == 201


@pytest.mark.parametrize(
    ("endpoint", "party"),
    [
        (
            {
                "type": "sip",
                "uri": "sip:bob@example.com;transport=tls",
                "headers": {"Ticket": "7"},
                "standard_headers": {"User-to-User": "342342ef34;encoding=hex"},
            },
            Party(
                kind="sip",
                address="sip:bob@example.com;transport=tls",
                details={
                    "headers": {"Ticket": "7"},
                    "standard_headers": {"User-to-User": "342342ef34;encoding=hex"},
                },
            ),
        ),
        (
            {"type": "websocket", "uri": "wss://bot.example/a", "headers": {"x": [1]}},
            Party(
                kind="websocket",
                address="wss://bot.example/a",
                details={"content-type": "audio/l16;rate=16000", "headers": {"x": [1]}},
            ),
        ),
        ({"type": "app", "user": "alice"}, Party(kind="app", address="alice")),
    ],
)
@run
async def test_other_endpoints_are_called_too(world: World, endpoint: dict[str, Any], party: Party) -> None:
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=body(to=[endpoint]))
    assert answer.status_code == 201
    assert world.calls.created[0].to == party


@pytest.mark.parametrize(
    ("given", "party"),
    [
        ("sip:front@example.com", Party(kind="sip", address="sip:front@example.com")),
        ({"type": "phone", "number": "sips:a@example.com"}, Party(kind="sip", address="sips:a@example.com")),
        ({"type": "sip", "uri": "sip:a@example.com"}, Party(kind="sip", address="sip:a@example.com")),
        ([{"type": "phone", "number": "+1 (202) 555-0100"}], Party(kind="phone", address="12025550100")),
        (447700900900, Party(kind="phone", address="447700900900")),
    ],
)
@run
async def test_the_caller_may_be_written_in_many_ways(world: World, given: Any, party: Party) -> None:
    async with world.client() as client:
        assert (await client.post("/v1/calls", json=body(from_=given))).status_code == 201
    assert world.calls.created[0].from_ == party


@run
async def test_a_random_number_is_of_the_country_that_is_called(world: World) -> None:
    async with world.client() as client:
        for number in ("12125550123", "447700900123"):
            request = body(from_=None, random_from_number=True, to=[{"type": "phone", "number": number}])
            await client.post("/v1/calls", json=request)
    assert [made.from_.address for made in world.calls.created] == ["12025550100", "447700900900"]


@run
async def test_no_linked_number_is_a_fault_of_random_from_number(world: World) -> None:
    async with world.client("other") as client:
        answer = await client.post("/v1/calls", json=body(from_=None, random_from_number=True))
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == ["random_from_number"]


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"to": None}, "to", "is required"),
        ({"to": []}, "to", "exactly one"),
        ({"to": [PHONE, PHONE]}, "to", "exactly one"),
        ({"to": "447700900123"}, "to", "array"),
        ({"to": [{"type": "phone", "number": "12"}]}, "to[0].number", "7 to 15 digits"),
        ({"to": [{"type": "phone"}]}, "to[0].number", "is required"),
        ({"to": [{"type": "pigeon"}]}, "to[0].type", "one of"),
        ({"to": [{"number": "447700900123"}]}, "to[0].type", "is required"),
        ({"to": [{"type": "sip", "uri": "tel:1"}]}, "to[0].uri", "sip:"),
        ({"to": [{"type": "websocket", "uri": "http://a"}]}, "to[0].uri", "ws://"),
        ({"to": [{"type": "vbc", "extension": "12"}]}, "to[0].type", "vbc"),
        ({"from_": None}, "from", "is required"),
        ({"random_from_number": True}, "from", "together"),
        ({"from_": {"type": "phone"}}, "from.number", "is required"),
        ({"from_": {"type": "phone", "number": "abc"}}, "from.number", "E.164"),
        ({"from_": {"type": "pigeon"}}, "from.type", "one of"),
        ({"from_": True}, "from", "object"),
        ({"ncco": None}, "ncco", "is required"),
        ({"answer_url": ["https://a.example"]}, "ncco", "together"),
        ({"ncco": []}, "ncco", "at least one"),
        ({"ncco": "[]"}, "ncco", "array"),
        ({"ncco": [{"action": "talk"}]}, "ncco[0].text", "is required"),
        ({"ncco": [*TALK, {"action": "talkk", "text": "x"}]}, "ncco[1].action", "did you mean talk"),
        ({"ncco": None, "answer_url": "https://a.example"}, "answer_url", "must be an array"),
        ({"ncco": None, "answer_url": ["ftp://a.example"]}, "answer_url", "http"),
        ({"ncco": None, "answer_url": ["/answer"]}, "answer_url", "absolute"),
        ({"ncco": None, "answer_url": []}, "answer_url", "exactly one"),
        ({"event_url": ["https://a b.example"]}, "event_url", "absolute"),
        ({"event_url": ["https://[::1"]}, "event_url", "absolute"),
        ({"event_url": "https://a.example"}, "event_url", "must be an array"),
        ({"event_method": "PUT"}, "event_method", "GET, POST"),
        ({"answer_method": 7}, "answer_method", "GET, POST"),
        ({"machine_detection": "stop"}, "machine_detection", "continue, hangup"),
        ({"advanced_machine_detection": {"mode": "x"}}, "advanced_machine_detection.mode", "detect_beep"),
        ({"advanced_machine_detection": {"beep_timeout": 29}}, "advanced_machine_detection.beep_timeout", "30 to 120"),
        ({"advanced_machine_detection": 3}, "advanced_machine_detection", "object"),
        ({"length_timer": 0}, "length_timer", "from 1 to 86400"),
        ({"length_timer": 86401}, "length_timer", "from 1 to 86400"),
        ({"length_timer": "soon"}, "length_timer", "whole number"),
        ({"length_timer": 10**400}, "length_timer", "from 1"),
        ({"ringing_timer": 121}, "ringing_timer", "from 1 to 120"),
        ({"ringing_timer": True}, "ringing_timer", "whole number"),
        ({"random_from_number": "perhaps"}, "random_from_number", "true or false"),
    ],
)
@run
async def test_a_wrong_field_is_named_with_its_path(world: World, changes: Any, name: str, words: str) -> None:
    found = await refusals(world, body(**changes))
    assert words in found[name]


@run
async def test_all_faults_are_told_at_once(world: World) -> None:
    found = await refusals(world, {"to": [{"type": "phone", "number": "1"}], "length_timer": -1, "event_url": "x"})
    assert list(found) == ["ncco", "from", "to[0].number", "event_url", "length_timer"]


@run
async def test_vbc_is_called_where_extensions_are_mapped_by_who_has_the_capability(world: World) -> None:
    world = world.with_options(vbc_extensions=True)
    assert "capability vbc" in (await refusals(world, body(to=[{"type": "vbc", "extension": "12"}])))["to[0].type"]
    world.allow_extensions()
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=body(to=[{"type": "vbc", "extension": "12"}]))
    assert answer.status_code == 201
    assert world.calls.created[0].to == Party(kind="vbc", address="12")


@run
async def test_a_faulty_script_may_be_let_pass_and_reported(world: World) -> None:
    world = world.with_options(accept_bad_ncco=True)
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=body(ncco=[{"action": "talk"}]))
    assert answer.status_code == 201
    assert world.calls.created[0].script == "[]"
    [event] = world.calls.events
    assert isinstance(event, InstructionsFaulty)
    assert event.reason.startswith("Syntax error in NCCO.")


@run
async def test_a_second_version_of_the_path_answers_202_and_needs_a_caller(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/v2/calls", json=body(to=[{"type": "app", "user": "alice"}]))
        assert (answer.status_code, answer.json()) == (202, {})
        answer = await client.post("/v2/calls", json=body(from_=None, random_from_number=True))
    assert answer.status_code == 400
    assert answer.json()["invalid_parameters"][0]["name"] == "from"
    assert len(world.calls.created) == 1


@run
async def test_too_many_new_calls_are_refused_and_not_queued(world: World) -> None:
    world.calls.bar = Refusal(bar=Bar.RATE, why="too many")
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=BASIC)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    found = answer.json()
    assert (found["title"], found["detail"]) == ("Rate Limit Hit", "Please wait, then retry your request")
    assert found["type"].endswith("#rate-limit")
    assert world.calls.created == []


@run
async def test_a_draining_server_takes_no_new_calls(world: World) -> None:
    world.refuses = "The server is being stopped"
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=BASIC)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["detail"] == "The server is being stopped"


@run
async def test_a_new_call_waits_until_the_store_has_caught_up(world: World) -> None:
    caught_up = asyncio.Event()

    async def pace() -> None:
        await caught_up.wait()

    world.app = create_app(replace(world.needs, pace=pace))
    async with world.client() as client:
        asked = [asyncio.create_task(client.post("/v1/calls", json=BASIC)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in asked)
        assert world.calls.created == []
        caught_up.set()
        first, second = await asyncio.gather(*asked)
    # They are one request that was sent twice, so of two that waited one is the call.
    assert (first.status_code, second.json()) == (201, first.json())
    assert len(world.calls.created) == 1
