"""What REST shows of real calls is as `/openapi.json` describes it, in all three versions, each event with its body."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest

from ringline.api.openapi import document
from ringline.api.openapi.room_events import TOLD
from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    ncco,
    read_digits,
    record,
    scenario,
    stream,
    talk,
    wait,
)

from .test_conversation_service import client, user

DOCUMENT = document("https://voice.example")


async def described(rest: httpx.AsyncClient, version: str, path: str, **names: str) -> Any:
    """Get something, and see that it is as described; `names` are the places in the path."""
    schema = DOCUMENT["paths"][f"/{version}{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = await rest.get(f"/{version}{path.format(**names)}", params={"page_size": 100})
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), {**schema, "components": DOCUMENT["components"]})
    return answer.json()


@pytest.mark.parametrize("version", ["v1", "v0.2", "v0.1"])
@scenario
async def test_calls_are_shown_as_described(
    app: WebApplication, phones: Phones, board: Switchboard, version: str
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(
        record(),
        talk("<speak>Press one.</speak>", barge_in=True),
        read_digits(max_digits=1, url=app.url("/keys")),
    )
    app.replies(
        "/keys",
        ncco(
            stream(board.files.has("https://files.example/ring.mp3", seconds=2)),
            connect(bob.number),
            conversation("room"),
        ),
    )
    bob.is_busy()
    carol.answers()
    async with client(board, app) as rest:
        identity = await user(rest, "carol")
        await alice.dials(app.number, headers={"SipHeader_X-Order": "7"})
        first = str(app.call(alice.leg).conversation_uuid)
        await alice.hears("Press one.")
        await alice.presses("1")
        await board.passes(10)
        room = str(app.call(alice.leg).conversation_uuid)
        assert room != first
        phone = {"type": "phone", "to": {"type": "phone", "number": carol.number}}
        body = {"state": "joined", "user": {"name": "carol"}, "channel": phone, "media": {"audio": True}}
        assert (await rest.post(f"/v1/conversations/{room}/members", json=body)).status_code == 201
        await board.passes(5)
        for event in (
            {"type": "audio:say", "body": {"text": "All are here."}},
            {"type": "audio:mute:on", "body": {"rtc_id": alice.leg}},
            {"type": "audio:dtmf", "body": {"digits": "12"}},
            {"type": "audio:record", "body": {"format": "wav", "beep_start": True}},
            {"type": "custom:mood", "body": {"good": True}},
            {"type": "message", "body": {"message_type": "text", "text": "hello"}},
        ):
            assert (await rest.post(f"/v1/conversations/{room}/events", json=event)).status_code == 201
        await board.passes(5)
        alice.hangs_up()
        await board.passes(1)
        carol.hangs_up()
        await board.passes(5)
        told = set()
        for one in (first, room):
            await described(rest, version, "/conversations/{conversation}", conversation=one)
            await described(rest, version, "/conversations/{conversation}/members", conversation=one)
            page = await described(rest, version, "/conversations/{conversation}/events", conversation=one)
            events = page["_embedded"]
            if version != "v1":
                events = events["data"]["events"] if version == "v0.2" else events["events"]
            told |= {event["type"] for event in events}
        await described(rest, version, "/users/{user}", user=identity)
        await described(rest, version, "/users/{user}/conversations", user=identity)
        for path in ("/conversations", "/users", *(["/legs"] if version != "v0.2" else [])):
            await described(rest, version, path)
    assert len(told & set(TOLD)) >= 20, sorted(told)
    await board.over()


def test_every_type_that_is_told_has_a_body_of_its_own() -> None:
    for schema in TOLD.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False


@scenario
async def test_a_call_without_anybody_is_shown_as_described(app: WebApplication, board: Switchboard) -> None:
    async with client(board, app) as rest:
        await app.calls("447700900555", ncco=[wait(1)])
        await board.passes(1)
        await described(rest, "v1", "/legs")
        legs = (await rest.get("/v1/legs")).json()["_embedded"]["legs"]
        page = await described(
            rest, "v1", "/conversations/{conversation}/events", conversation=legs[0]["conversation_uuid"]
        )
        assert "sip:hangup" in {event["type"] for event in page["_embedded"]}
    await board.over()
