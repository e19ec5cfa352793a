"""Conversations that outlive the process: the same id under the same name, numbers that go on, members that stay."""

from __future__ import annotations

import json
from typing import Any

import httpx

from ringline.base import ConversationId
from ringline.chronicle import rewrite
from ringline.testing import Phones, Switchboard, WebApplication, conversation, scenario

from .crash import crash_and_restart


def rest_of(board: Switchboard, app: WebApplication) -> httpx.AsyncClient:
    """A client for the present engine: the one before has died."""
    board._rest = None
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(board.rest.app),
        base_url="https://voice.example",
        headers={"Authorization": f"Bearer {app.token()}"},
    )


@scenario
async def test_a_named_conversation_keeps_its_id_and_its_numbers_over_a_restart(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("standup"))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await board.passes(1)
    room = ConversationId(str(app.call(alice.leg).conversation_uuid))
    alice.hangs_up()
    await board.over()
    before = board.store.events_of(room)
    await crash_and_restart(board)
    await bob.dials(app.number)
    await app.hears_of("answered", bob.leg)
    await board.passes(1)
    assert app.call(bob.leg).conversation_uuid == room
    bob.hangs_up()
    await board.over()
    events = board.store.events_of(room)
    assert events[: len(before)] == before
    assert [entry.id for entry in events] == list(range(1, len(events) + 1))
    assert [entry.type for entry in events].count("conversation:created") == 1
    lines = [json.loads(json.dumps(line.data)) for line in board.store.journals[room] if line.kind == "input"]
    assert rewrite(lines) == events


@scenario
async def test_members_without_a_leg_are_there_after_a_restart_and_those_with_one_have_left(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("standup"))
    channel = {"type": "app", "to": {"type": "app", "user": "jamie"}, "from": {"type": "app"}}
    async with rest_of(board, app) as rest:
        made: dict[str, Any] = (await rest.post("/v1/conversations", json={"name": "standup"})).json()
        await rest.post("/v1/users", json={"name": "jamie"})
        await rest.post(
            f"/v1/conversations/{made['id']}/members",
            json={"state": "joined", "user": {"name": "jamie"}, "channel": channel},
        )
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await board.passes(1)
    await crash_and_restart(board)
    await board.over()
    async with rest_of(board, app) as rest:
        members = (await rest.get(f"/v1/conversations/{made['id']}/members")).json()["_embedded"]["members"]
        assert {one["channel"]["type"]: one["state"] for one in members} == {"app": "JOINED", "phone": "LEFT"}
        shown = (await rest.get(f"/v1/conversations/{made['id']}")).json()
        assert (shown["state"], shown["name"]) == ("ACTIVE", "standup")
        changed = await rest.put(f"/v1/conversations/{made['id']}", json={"name": "standup", "display_name": "Daily"})
        assert changed.json()["sequence_number"] == shown["sequence_number"] + 1
