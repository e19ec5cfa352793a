"""A call as a conversation: its events, numbered, in the published order (conversation reference, sections 4 and 5)."""

from __future__ import annotations

import json

from ringline.base import ConversationId
from ringline.chronicle import Entry, rewrite
from ringline.testing import Phones, Switchboard, WebApplication, connect, conversation, scenario, talk


def types(entries: list[Entry], *, without: str = "leg:status:update") -> list[str]:
    return [entry.type for entry in entries if entry.type != without]


def about(board: Switchboard, room: ConversationId, member: str) -> list[str]:
    return [entry.type for entry in board.store.events_of(room) if entry.member == member]


@scenario
async def test_alice_calls_and_is_connected_to_bob_in_the_published_order(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    await bob.answers()
    assert await alice.can_talk_with(bob)
    room = app.call(alice.leg).conversation_uuid
    events = board.store.events_of(room)
    inbound, outbound = events[0].member, next(one.member for one in events if one.type == "member:invited")
    who = {inbound: "alice", outbound: "bob"}
    assert [(entry.type, who[entry.member]) for entry in events if entry.type != "leg:status:update"] == [
        ("member:joined", "alice"),
        ("member:invited", "bob"),
        ("sip:ringing", "bob"),
        ("sip:answered", "bob"),
        ("member:joined", "bob"),
        ("member:media", "bob"),
        ("sip:answered", "alice"),
        ("member:joined", "alice"),
        ("member:media", "alice"),
    ]
    assert [entry.id for entry in events] == list(range(1, len(events) + 1))
    bob.hangs_up()
    await board.over()
    end = [entry.type for entry in board.store.events_of(room)[len(events) :] if entry.member == outbound]
    assert end == ["leg:status:update", "sip:hangup", "sip:status", "member:media", "member:left"]
    record = board.store.conversation_records[room]
    assert record.state == "DELETED"
    assert record.name.startswith("NAM-")


@scenario
async def test_the_same_journal_gives_the_same_events(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Welcome."), conversation("standup"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    bob.hangs_up()
    await board.over()
    assert len(board.store.told) == 3
    for room, told in board.store.told.items():
        lines = [json.loads(json.dumps(line.data)) for line in board.store.journals[room] if line.kind == "input"]
        assert rewrite(lines) == list(told.values())
