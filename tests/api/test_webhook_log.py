"""`GET /ringline/v1/calls/{uuid}/webhooks`: the delivery log, for the call's own application."""

from __future__ import annotations

from typing import Any

from ringline.base import ConversationId, LegId
from ringline.engine.ports import JournalLine

from .world import OTHER, START, World, run


def _line(leg: LegId, sequence: int, **data: Any) -> JournalLine:
    return JournalLine(
        conversation=ConversationId("CON-1"), sequence=sequence, wallclock=START, kind="trace", leg=leg, data=data
    )


@run
async def test_each_request_has_an_entry(world: World) -> None:
    leg = world.record(1).uuid
    hook = {"what": "webhook", "event_id": "e", "method": "POST", "url": "https://app.example/event"}
    world.shelf.lines += [
        _line(leg, 1, what="sip", text="INVITE"),
        _line(leg, 2, **hook, name="started", phase="first attempt", outcome="Socket timeout.", detail="slow", ms=9),
        _line(leg, 3, **hook, name="started", phase="second attempt", outcome="204", ms=12, request='{"a":1}'),
        _line(leg, 4, what="webhook", name="answered", text="queue full, dropped"),
    ]
    async with world.client() as client:
        answer = await client.get(f"/ringline/v1/calls/{leg}/webhooks")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["uuid"], body["count"]) == (leg, 3)
    first, second, third = body["_embedded"]["webhooks"]
    assert (first["status"], first["failure"], first["detail"]) == (None, "Socket timeout.", "slow")
    assert second == {
        "time": "2026-03-02T09:14:05.250Z",
        "conversation_uuid": "CON-1",
        "name": "started",
        "event_id": "e",
        "phase": "second attempt",
        "method": "POST",
        "url": "https://app.example/event",
        "status": 204,
        "failure": None,
        "detail": None,
        "duration_ms": 12,
        "request": {"body": '{"a":1}'},
        "response": {"content_type": None, "body": None},
    }
    assert third["failure"] == "queue full, dropped"


@run
async def test_it_is_for_the_owner_only(world: World) -> None:
    leg = world.record(1, application=OTHER).uuid
    async with world.client() as client:
        assert (await client.get(f"/ringline/v1/calls/{leg}/webhooks")).status_code == 404
        assert (await client.get("/ringline/v1/calls/nonsense/webhooks")).status_code == 404
        assert (await client.post(f"/ringline/v1/calls/{leg}/webhooks")).status_code == 405
    async with world.stranger() as client:
        assert (await client.get(f"/ringline/v1/calls/{leg}/webhooks")).status_code == 401
