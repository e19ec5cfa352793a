"""The second stream of events: to the application's RTC URL, and to a conversation's own callback."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import httpx
import jwt

from ringline.accounts import RtcCapability, Webhook
from ringline.testing import HANGS, Phones, Switchboard, WebApplication, conversation, scenario, status, talk, wait
from ringline.testing.switchboard import SIGNATURE_SECRET

from .crash import crash_and_restart


def listens(board: Switchboard, app: WebApplication, *, method: str = "POST", signed: bool = True) -> None:
    """Give the application an RTC event URL."""
    known = board.directory.application(app.id)
    assert known is not None
    webhook = Webhook(address=app.url("/rtc"), http_method=method)
    board.directory.put_application(replace(known, rtc=RtcCapability(event_url=webhook, signed_callbacks=signed)))


@scenario
async def test_every_stored_event_goes_to_the_rtc_url_in_its_order(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    listens(board, app)
    (alice,) = phones("alice")
    app.answers(talk("Welcome."))
    await alice.dials(app.number)
    await alice.hears("Welcome")
    await board.over()
    told = [one for one in app.requests if one.path == "/rtc"]
    (room,) = board.store.told
    stored = board.store.events_of(room)
    assert [(one.json["id"], one.json["type"]) for one in told] == [(entry.id, entry.type) for entry in stored]
    first = told[0].json
    assert first["application_id"] == app.id
    assert first["conversation_id"] == room
    assert first["_embedded"]["from_member"] == {"id": first["from"]}
    assert first["body"]["channel"]["from"] == {"type": "phone", "number": alice.number}
    claims = jwt.decode(
        told[0].headers["authorization"].removeprefix("Bearer "),
        SIGNATURE_SECRET,
        algorithms=["HS256"],
        options={"verify_iat": False},
    )
    assert claims["payload_hash"] == hashlib.sha256(told[0].body).hexdigest()


@scenario
async def test_the_next_event_waits_until_the_one_before_was_taken_or_given_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    listens(board, app)
    app.replies("/rtc", HANGS, HANGS, status(503), status(204))
    (alice,) = phones("alice")
    app.answers(talk("Welcome."), wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")  # no call waits for these events
    assert await alice.hears("Welcome", within_s=2)
    alice.hangs_up()
    await board.over()
    told = [one for one in app.requests if one.path == "/rtc"]
    ids = [one.json["id"] for one in told]
    assert ids[:4] == [1, 1, 2, 2]  # two attempts each
    assert ids[4:] == list(range(3, 3 + len(ids) - 4))


@scenario
async def test_by_get_only_single_values_are_sent(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    listens(board, app, method="GET", signed=False)
    (alice,) = phones("alice")
    app.answers(talk("Welcome."))
    await alice.dials(app.number)
    await board.over()
    told = [one for one in app.requests if one.path == "/rtc"]
    assert set(told[0].query) == {"application_id", "conversation_id", "id", "type", "from", "timestamp"}
    assert "authorization" not in told[0].headers


@scenario
async def test_a_callback_of_a_conversation_gets_the_types_it_asked_for(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup"))
    callback = {"url": app.url("/callback"), "event_mask": "member:*, custom:game"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(board.rest.app),
        base_url="https://voice.example",
        headers={"Authorization": f"Bearer {app.token()}"},
    ) as rest:
        made = await rest.post("/v1/conversations", json={"name": "standup", "callback": callback})
        room = made.json()["id"]
        await alice.dials(app.number)
        await app.hears_of("answered")
        await board.passes(1)
        await rest.post(f"/v1/conversations/{room}/events", json={"type": "custom:game", "body": {"a": 1}})
        await rest.post(f"/v1/conversations/{room}/events", json={"type": "custom:other", "body": {"a": 1}})
        await rest.post(f"/v1/conversations/{room}/events", json={"type": "ephemeral", "body": {"a": 1}})
    alice.hangs_up()
    await board.over()
    told = [one.json["type"] for one in app.requests if one.path == "/callback"]
    assert told == ["member:joined", "member:media", "custom:game", "member:media", "member:left"]


@scenario
async def test_events_that_were_not_delivered_leave_after_a_crash(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    listens(board, app)
    app.replies("/rtc", HANGS)
    (alice,) = phones("alice")
    app.answers(talk("Welcome."), wait(600))
    await alice.dials(app.number)
    await alice.hears("Welcome")
    before = len(board.store.events)
    assert before > 5
    app.replies("/rtc", status(204))
    await crash_and_restart(board)
    await board.over()
    told: list[Any] = [one.json["id"] for one in app.requests if one.path == "/rtc"]
    (room,) = board.store.told
    assert list(dict.fromkeys(told)) == [entry.id for entry in board.store.events_of(room)]
