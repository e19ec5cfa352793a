"""Erasing a number, and forgetting what is past its days: what goes, and what must stay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ringline.accounts import AuditEntry
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports import JournalLine, LegRecord, StoredEvent, StoredFile
from ringline.io.store import SqlStore
from ringline.io.store.erasure import erase

NOW = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
APP, OTHER = ApplicationId("app"), ApplicationId("other")
ALICE, BOB = "447700900123", "447700900124"
FILE = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"


def run(place: str, check: Callable[[SqlStore], Awaitable[None]]) -> None:
    async def main() -> None:
        store = SqlStore(place, spool_bytes=0)
        await store.start()
        try:
            await check(store)
        finally:
            await store.stop()

    asyncio.run(main())


def leg(name: str, number: str, room: str, *, ended: bool = True, to: str | None = None) -> LegRecord:
    return LegRecord(
        uuid=LegId(name),
        conversation=ConversationId(room),
        application=APP,
        status="completed" if ended else "answered",
        direction="inbound",
        from_={"type": "phone", "number": number},
        to={"type": "sip", "uri": to} if to else {"type": "phone", "number": "442079460000"},
        created_at=NOW,
        end_time=NOW if ended else None,
        price="0.07000000",
    )


def line(
    room: str, number: int, text: str, *, leg: str = "a", kind: str = "input", at: datetime = NOW, app: str = APP
) -> JournalLine:
    data: dict[str, object] = {"text": text}
    if number == 1:
        data["event"] = {"=": "Opened", "application": {"=": "AppSettings", "id": app}}
    return JournalLine(
        conversation=ConversationId(room), sequence=number, wallclock=at, kind=kind, leg=LegId(leg), data=data
    )


def event(name: str, room: str, number: str) -> StoredEvent:
    return StoredEvent(
        event_id=name, sequence=1, conversation=ConversationId(room), application=APP, leg=None, name="completed",
        url="https://app.example", method="POST", payload={"from": number}, created_at=NOW,
    )  # fmt: skip


def file(file_id: str = FILE, *, app: ApplicationId = APP, at: datetime = NOW) -> StoredFile:
    return StoredFile(file_id=file_id, application=app, media_type="audio/mpeg", size=1, created_at=at)


def test_a_number_is_erased_everywhere_and_others_are_left_alone(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_leg(leg("a", ALICE, "CON-1"))
        store.write_leg(leg("b", BOB, "CON-2", to=f"sip:+{ALICE}@pbx.example"))
        store.write_leg(leg("c", BOB, "CON-3"))
        store.write_leg(leg("d", ALICE + "4", "CON-4"))
        store.write_journal(line("CON-1", 1, f"pressed 1234, recorded https://x.example/v1/files/{FILE}"))
        store.write_journal(line("CON-1", 2, "webhook", kind="trace"))
        store.write_journal(line("CON-2", 1, "hello", leg="b"))
        store.write_journal(line("CON-3", 1, f"she said +{ALICE}, not {ALICE}9", leg="c"))
        store.write_file(file())
        store.write_file(file("cccccccc-1111-4222-8333-bbbbbbbbbbbb"))
        store.write_event(event("1", "CON-1", ALICE))
        store.write_event(event("2", "CON-9", ALICE))
        store.write_event(event("3", "CON-9", BOB))
        store.write_audit(
            AuditEntry(at=NOW, actor="op", action="number.buy", target=ALICE, source="", details={"number": ALICE})
        )
        done = await erase(store, ALICE)
        assert (done.live, done.journals, done.events) == ([], 2, 1)
        assert done.recordings == [file()]
        assert done.mentions == {"legs": 2, "journal lines": 1, "audit lines": 1}
        assert list(await store.journal(ConversationId("CON-1"))) == []
        assert list(await store.journal(ConversationId("CON-2"))) == []
        assert list(await store.conversations_of(LegId("a"))) == []
        (kept,) = await store.journal(ConversationId("CON-3"))
        assert kept.data["text"] == f"she said anonymous, not {ALICE}9"
        found = await store.leg(LegId("a"))
        assert found == replace(leg("a", ALICE, "CON-1"), from_={"type": "phone", "number": "anonymous"})
        called = await store.leg(LegId("b"))
        assert called is not None
        assert called.to == {"type": "sip", "uri": "sip:anonymous@pbx.example"}
        assert await store.leg(LegId("d")) == leg("d", ALICE + "4", "CON-4")
        assert [one.event_id for one in (await store.remains()).events] == ["3"]
        assert await store.file(FILE) is None
        ((entry,), _) = await store.audit(limit=10)
        assert (entry.target, entry.details) == ("anonymous", {"number": "anonymous"})
        assert (await erase(store, ALICE)).mentions == {}

    run(place, check)


def test_calls_that_are_up_are_left_alone_and_named(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_leg(leg("a", ALICE, "CON-1", ended=False))
        store.write_leg(leg("b", BOB, "CON-1"))
        store.write_journal(line("CON-1", 1, f"from {ALICE}"))
        done = await erase(store, ALICE)
        assert (done.live, done.journals, done.mentions) == (["a"], 0, {})
        assert len(await store.journal(ConversationId("CON-1"))) == 1

    run(place, check)


def test_journals_and_logs_are_forgotten_per_application_once_nothing_happens_in_them(place: str) -> None:
    early = NOW - timedelta(days=10)

    async def left(store: SqlStore) -> dict[str, str]:
        rooms = ("old", "busy", "others", "unknown", "new")
        return {
            room: "".join(one.kind[0] for one in await store.journal(ConversationId(room)))
            for room in rooms
            if await store.journal(ConversationId(room))
        }

    async def check(store: SqlStore) -> None:
        for room, app, at in (("old", APP, early), ("busy", APP, early), ("others", OTHER, early), ("new", APP, NOW)):
            store.write_journal(line(room, 1, "", app=app, at=at))
            store.write_journal(line(room, 2, "", kind="trace", at=at))
        store.write_journal(line("busy", 3, "", at=NOW))
        store.write_journal(line("unknown", 7, "", at=early))
        assert list(await store.owners()) == ["", APP, OTHER]
        cut = NOW - timedelta(days=5)
        assert await store.forget_traces(cut, application=APP) == 1
        assert await store.forget_traces(cut, application=APP) == 0
        assert await left(store) == {"old": "i", "busy": "iti", "others": "it", "unknown": "i", "new": "it"}
        assert await store.forget_journals(cut, application=APP) == 1
        assert await left(store) == {"busy": "iti", "others": "it", "unknown": "i", "new": "it"}
        assert await store.forget_journals(cut) == 2
        assert await left(store) == {"busy": "iti", "new": "it"}
        store.write_journal(line("old", 5, "", at=early))  # it goes on after all
        assert await store.forget_journals(cut) == 1
        assert await left(store) == {"busy": "iti", "new": "it"}

    run(place, check)


def test_recordings_usage_and_audit_lines_are_forgotten(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_file(file("a", at=NOW - timedelta(days=9)))
        store.write_file(file("b", app=OTHER, at=NOW - timedelta(days=9)))
        found = await store.files_before(NOW - timedelta(days=5), application=OTHER)
        assert [one.file_id for one in found] == ["b"]
        for day in (10, 10, 11):
            store.write_usage("app:app", day=day, seconds=30, spend=Decimal("0.00000001"))
        assert list(await store.usage(10)) == [("app:app", 60, Decimal("0.00000002"))]
        await store.forget_usage(11)
        assert (list(await store.usage(10)), len(await store.usage(11))) == ([], 1)
        store.write_audit(AuditEntry(at=NOW, actor="op", action="x", target="", source="", details={}))
        await store.forget_audit(NOW)
        assert (await store.audit(limit=9))[1] == 1
        await store.forget_audit(NOW + timedelta(seconds=1))
        assert (await store.audit(limit=9))[1] == 0

    run(place, check)


def test_more_legs_than_are_deleted_at_once_are_all_deleted(place: str) -> None:
    async def check(store: SqlStore) -> None:
        for number in range(1201):
            store.write_leg(leg(f"leg-{number}", ALICE, "CON-1"))
        store.write_leg(leg("live", ALICE, "CON-1", ended=False))
        assert await store.forget_legs(NOW + timedelta(days=1), application=APP) == 1201
        assert await store.leg(LegId("live")) is not None

    run(place, check)
