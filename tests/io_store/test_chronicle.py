"""Conversations, members, events and users in both databases: written, read back, paged, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from ringline.accounts import User
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls.membership import Callback, Member, Person
from ringline.chronicle import ConversationRecord, Entry, automatic_person
from ringline.engine.ports import EventFilter, KeptMember, Window
from ringline.io.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
APP, OTHER = ApplicationId("app"), ApplicationId("other")
JAMIE = Person(id="USR-1", name="jamie", display_name="Jamie", custom_data={"vip": True})


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def runner(*args: Any, **named: Any) -> None:
        asyncio.run(test(*args, **named))

    return runner


@asynccontextmanager
async def opened(place: str) -> AsyncIterator[SqlStore]:
    store = SqlStore(place, spool_bytes=0)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def room(number: int, *, application: ApplicationId = APP, **changes: Any) -> ConversationRecord:
    made = NOW + timedelta(seconds=number)
    record = ConversationRecord(
        id=ConversationId(f"CON-{number}"),
        application=application,
        name=f"room-{number}",
        state="ACTIVE",
        sequence=0,
        created_at=made,
        updated_at=made,
        properties={"ttl": 60, "custom_data": {"größe": [1, 2]}},
        callback=Callback(url="https://a.example/cb", event_mask="member:*", params={"a": 1}),
        numbers=({"type": "phone"},),
        lasts=True,
    )
    return replace(record, **changes)


def member(number: int, person: Person = JAMIE, **changes: Any) -> Member:
    made = Member(
        id=f"MEM-{number}",
        person=person,
        state="JOINED",
        channel={"type": "phone", "to": {"number": "1"}},
        leg=LegId("leg"),
        audio=True,
        joined_at=NOW + timedelta(seconds=number),
        initiator={"joined": {"is_system": True}},
    )
    return replace(made, **changes)


def kept(number: int, record: ConversationRecord, **changes: Any) -> KeptMember:
    return KeptMember(conversation=record.id, application=record.application, member=member(number, **changes))


def entry(number: int, kind: str = "custom:a") -> Entry:
    return Entry(
        id=number, type=kind, at=NOW, body={"n": number, "text": "\ud800"}, member="MEM-1", person=JAMIE, to="MEM-2"
    )


@run
async def test_what_is_written_is_read_back(place: str) -> None:
    async with opened(place) as store:
        record = room(1)
        store.write_conversation(record)
        store.write_member(kept(1, record))
        store.write_entry(record.id, entry(1))
        store.write_entry(record.id, entry(2))
        assert await store.conversation(record.id) == replace(record, sequence=2)
        assert await store.conversation(ConversationId("CON-none")) is None
        assert await store.member(record.id, "MEM-1") == member(1)
        assert await store.member(ConversationId("CON-2"), "MEM-1") is None
        assert await store.entry(record.id, 2) == entry(2)
        assert await store.entry(record.id, 3) is None
        assert await store.is_member(record.id, JAMIE.id)
        assert not await store.is_member(record.id, "USR-2")
        caller = automatic_person(LegId("leg"), inbound=True)
        store.write_member(kept(2, record, person=caller))
        assert await store.automatic_person(APP, caller.id) == {"id": caller.id, "name": caller.name}
        assert await store.automatic_person(OTHER, caller.id) is None
        assert await store.automatic_person(APP, "USR-1") is None
        store.write_member(kept(1, record, state="LEFT", left_at=NOW, reason={"text": "ok"}))
        changed = await store.member(record.id, "MEM-1")
        assert changed is not None
        assert (changed.state, changed.reason, changed.left_at) == ("LEFT", {"text": "ok"}, NOW)


@run
async def test_lists_are_walked_forwards_and_backwards(place: str) -> None:
    async with opened(place) as store:
        for number in range(7):
            store.write_conversation(room(number))
        store.write_conversation(room(90, application=OTHER))
        store.write_conversation(room(91, state="DELETED", destroyed_at=NOW))
        for descending in (False, True):
            seen = []
            window = Window(limit=3, descending=descending)
            while found := await store.conversations(APP, window):
                seen += [row.value.name for row in found]
                window = Window(limit=3, descending=descending, after=found[-1].key)
            wanted = [f"room-{number}" for number in range(7)]
            assert seen == (wanted[::-1] if descending else wanted)
            assert window.after is not None
            back = await store.conversations(APP, replace(window, backwards=True))
            assert [row.value.name for row in back] == seen[3:6]
        some = await store.conversations(
            APP, Window(limit=9), start=NOW + timedelta(seconds=2), end=NOW + timedelta(seconds=4)
        )
        assert [row.value.name for row in some] == ["room-2", "room-3", "room-4"]


@run
async def test_events_are_filtered(place: str) -> None:
    async with opened(place) as store:
        record = room(1)
        store.write_conversation(record)
        for number, kind in enumerate(("member:joined", "audio:say", "member:left", "membership", "custom:a"), start=1):
            store.write_entry(record.id, entry(number, kind))

        async def ids(**wanted: Any) -> list[int]:
            found = await store.entries(record.id, Window(limit=9), EventFilter(**wanted))
            return [row.value.id for row in found]

        assert await ids() == [1, 2, 3, 4, 5]
        assert await ids(types=("member:*", "audio:say")) == [1, 2, 3]
        assert await ids(types=("unknown",)) == []
        assert await ids(start_id=2, end_id=3) == [2, 3]
        store.erase_entry(record.id, 5)
        gone = await store.entry(record.id, 5)
        assert gone is not None
        assert gone.body == {}
        assert await ids(deleted=False) == [1, 2, 3, 4]


@run
async def test_members_and_memberships_are_in_the_order_of_joining(place: str) -> None:
    async with opened(place) as store:
        first, second = room(1), room(2)
        for record in (first, second):
            store.write_conversation(record)
        robin = Person(id="USR-2", name="robin")
        store.write_member(kept(2, first, person=robin))
        store.write_member(kept(1, first))
        store.write_member(kept(3, second, state="LEFT"))
        assert [row.value.id for row in await store.members(first.id, Window())] == ["MEM-1", "MEM-2"]
        mine = await store.memberships(APP, "USR-1", Window())
        assert [(row.value[0].name, row.value[1].state) for row in mine] == [("room-1", "JOINED"), ("room-2", "LEFT")]
        joined = await store.memberships(APP, "USR-1", Window(), state="JOINED")
        assert [row.value[0].id for row in joined] == [first.id]


@run
async def test_what_was_made_to_last_sleeps_until_the_next_run(place: str) -> None:
    async with opened(place) as store:
        lasting, call, deleted = room(1), room(2, lasts=False), room(3, state="DELETED")
        for record in (lasting, call, deleted):
            store.write_conversation(record)
        store.write_member(kept(1, lasting))
        store.write_member(kept(2, lasting, state="LEFT"))
        store.write_entry(lasting.id, entry(1))
        (sleeper,) = await store.sleepers()
        assert sleeper.record == replace(lasting, sequence=1)
        assert [one.id for one in sleeper.members] == ["MEM-1"]
        assert sleeper.visited
        assert sleeper.last_line == 0


@run
async def test_users_are_unique_by_name_in_their_application(place: str) -> None:
    async with opened(place) as store:
        jamie = User(
            id="USR-1",
            application=APP,
            name="jamie",
            created_at=NOW,
            updated_at=NOW,
            properties={"custom_data": {"a": 1}},
            channels={"sip": [{"uri": "sip:a@b", "password": "secret"}]},
        )
        await store.save_user(jamie)
        await store.save_user(replace(jamie, id="USR-2", application=OTHER))
        assert await store.user(APP, "jamie") == await store.user(APP, "USR-1") == jamie
        assert await store.user(OTHER, "USR-1") is None
        assert sorted(await store.user_names()) == [(APP, "jamie"), (OTHER, "jamie")]
        await store.save_user(replace(jamie, name="james"))
        assert [row.value.name for row in await store.users(APP, Window())] == ["james"]
        assert list(await store.users(APP, Window(), name="jamie")) == []
        await store.delete_user(APP, "USR-1")
        assert await store.user(APP, "USR-1") is None
        assert await store.user(OTHER, "USR-2") is not None


@run
async def test_what_is_over_is_forgotten_with_everything_in_it(place: str) -> None:
    async with opened(place) as store:
        old, new, live = room(1, destroyed_at=NOW), room(2, destroyed_at=NOW + timedelta(days=2)), room(3)
        for number, record in enumerate((old, new, live)):
            store.write_conversation(record)
            store.write_member(kept(number, record))
            store.write_entry(record.id, entry(1))
        await store.forget_conversations(NOW + timedelta(days=1), APP)
        assert await store.conversation(old.id) is None
        assert await store.entry(old.id, 1) is None
        assert await store.member(old.id, "MEM-0") is None
        for record in (new, live):
            assert await store.conversation(record.id) is not None
            assert await store.entry(record.id, 1) is not None
