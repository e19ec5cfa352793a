"""The store, in both databases: what is written is read back, by the same process or the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from ringline.accounts import Application, Number, VoiceCapability, answer_webhook
from ringline.base import ApplicationId, ConfigError, ConversationId, LegId, ProviderError
from ringline.engine.ports import JournalLine, LegFilter, LegRecord, Store, StoredFile
from ringline.io.store import SqlStore, database_path, open_database
from ringline.io.store.migrate import migrate
from ringline.io.store.tables import METADATA

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
APP, OTHER = ApplicationId("app"), ApplicationId("other")
ROOM, NEXT = ConversationId("CON-1"), ConversationId("CON-2")


@asynccontextmanager
async def opened(place: str, **options: Any) -> AsyncIterator[SqlStore]:
    store = SqlStore(place, spool_bytes=0, **options)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def run(place: str, check: Callable[[SqlStore], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with opened(place, **options) as store:
            await check(store)

    asyncio.run(main())


def line(sequence: int, *, room: ConversationId = ROOM, leg: str | None = "a", at: datetime = NOW) -> JournalLine:
    return JournalLine(
        conversation=room,
        sequence=sequence,
        wallclock=at,
        kind="input",
        leg=LegId(leg) if leg else None,
        data={"text": "grüß \ud800 dich", "n": [1, 2.5, None]},
    )


def leg(name: str, *, at: float = 0.0, **changes: Any) -> LegRecord:
    record = LegRecord(
        uuid=LegId(name),
        conversation=ROOM,
        application=APP,
        status="started",
        direction="inbound",
        from_={"type": "phone", "number": "447700900123"},
        to={"type": "phone", "number": "442079460000"},
        created_at=NOW + timedelta(seconds=at),
    )
    return replace(record, **changes)


def ended(name: str, *, at: float = 0.0, **changes: Any) -> LegRecord:
    record = leg(
        name,
        at=at,
        status="completed",
        start_time=NOW,
        end_time=NOW,
        duration_s=17,
        network="23410",
        detail="ok",
        sip_code=200,
        disconnected_by="user",
    )
    return replace(record, **changes)


def test_it_has_everything_the_engine_asks_of_a_store(place: str) -> None:
    store: Store = SqlStore(place, spool_bytes=0)
    assert store is not None


def test_a_journal_is_read_back_in_order_and_alone(place: str) -> None:
    async def check(store: SqlStore) -> None:
        for number in (2, 1, 3):
            store.write_journal(line(number))
        store.write_journal(line(1, room=NEXT, leg=None))
        assert list(await store.journal(ROOM)) == [line(1), line(2), line(3)]
        assert list(await store.journal(NEXT)) == [line(1, room=NEXT, leg=None)]
        assert list(await store.journal(ConversationId("CON-9"))) == []

    run(place, check)


def test_a_leg_is_found_in_every_conversation_it_was_in(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_journal(line(1, room=NEXT, at=NOW))
        store.write_journal(line(2, room=NEXT, at=NOW + timedelta(hours=1)))
        store.write_journal(line(1, room=ROOM, at=NOW - timedelta(seconds=1)))
        store.write_journal(line(2, room=ROOM, leg="b"))
        assert list(await store.conversations_of(LegId("a"))) == [ROOM, NEXT]
        assert list(await store.conversations_of(LegId("b"))) == [ROOM]
        assert list(await store.conversations_of(LegId("c"))) == []

    run(place, check)


def test_the_last_record_of_a_leg_counts(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_leg(leg("a"))
        assert await store.leg(LegId("a")) == leg("a")
        store.write_leg(leg("a", status="answered"))
        store.write_leg(ended("a"))
        assert await store.leg(LegId("a")) == ended("a")
        assert await store.leg(LegId("b")) is None

    run(place, check)


def test_legs_are_filtered_ordered_and_paged(place: str) -> None:
    async def names(store: SqlStore, **changes: Any) -> tuple[str, int]:
        found, count = await store.legs(LegFilter(**{"application": APP, **changes}))
        return "".join(one.uuid for one in found), count

    async def check(store: SqlStore) -> None:
        store.write_leg(leg("c", at=2))
        store.write_leg(ended("a", at=1))
        store.write_leg(leg("b", at=1))
        store.write_leg(leg("x", at=1, application=OTHER))
        store.write_leg(leg("d", at=3, conversation=NEXT, status="answered"))
        store.write_leg(leg("a", at=1, status="answered"))
        assert await names(store) == ("abcd", 4)
        assert await names(store, order="desc") == ("dcba", 4)
        assert await names(store, limit=2, offset=1) == ("bc", 4)
        assert await names(store, offset=9) == ("", 4)
        assert await names(store, status="answered") == ("ad", 2)
        assert await names(store, conversation=NEXT) == ("d", 1)
        assert await names(store, application=None) == ("abxcd", 5)
        assert await names(store, application=OTHER, conversation=NEXT) == ("", 0)

    run(place, check)


def test_bounds_of_time_are_inclusive_as_they_are_shown(place: str) -> None:
    shown = NOW.replace(microsecond=120_000)

    async def count(store: SqlStore, **bounds: Any) -> int:
        return (await store.legs(LegFilter(application=APP, **bounds)))[1]

    async def check(store: SqlStore) -> None:
        store.write_leg(leg("a"))
        assert await count(store, date_start=shown, date_end=shown) == 1
        assert await count(store, date_start=NOW + timedelta(milliseconds=1)) == 0
        assert await count(store, date_end=NOW - timedelta(milliseconds=1)) == 0
        elsewhere = shown.astimezone(None)
        assert await count(store, date_start=elsewhere, date_end=elsewhere) == 1

    run(place, check)


def test_legs_without_an_end_are_found_after_a_crash(place: str) -> None:
    async def check(store: SqlStore) -> None:
        for record in (leg("b", at=2, status="answered"), leg("a"), ended("c"), leg("d", status="busy")):
            store.write_leg(record)
        assert [one.uuid for one in await store.unfinished_legs()] == ["a", "b"]

    run(place, check)


def test_recordings_are_indexed(place: str) -> None:
    file = StoredFile(file_id="f", application=APP, media_type="audio/mpeg", size=2**40, created_at=NOW)

    async def check(store: SqlStore) -> None:
        store.write_file(file)
        store.write_file(replace(file, file_id="g", created_at=NOW + timedelta(days=1)))
        assert await store.file("f") == file
        assert await store.file("h") is None
        assert list(await store.files_before(NOW + timedelta(seconds=1))) == [file]
        await store.delete_file("f")
        assert await store.file("f") is None

    run(place, check)


def test_a_recording_with_a_term_of_its_own_is_kept_as_long_as_that(place: str) -> None:
    plain = StoredFile(file_id="f", application=APP, media_type="audio/mpeg", size=1, created_at=NOW)
    short, long = (replace(plain, file_id=f"t{days}", keep_days=days) for days in (2, 400))

    async def check(store: SqlStore) -> None:
        for file in (plain, short, long):
            store.write_file(file)
        later = NOW + timedelta(days=31)
        assert list(await store.files_before(later)) == [plain]
        assert list(await store.files_past_their_term(NOW + timedelta(days=2))) == []
        assert list(await store.files_past_their_term(later)) == [short]
        assert await store.file("t400") == long

    run(place, check)


def test_old_legs_and_silent_conversations_are_forgotten(place: str) -> None:
    early, late = NOW - timedelta(days=3), NOW

    async def check(store: SqlStore) -> None:
        store.write_leg(ended("a", created_at=early))
        store.write_leg(leg("b", created_at=early, status="failed"))
        store.write_leg(leg("live", created_at=early, status="answered"))
        store.write_leg(ended("new"))
        store.write_leg(ended("x", created_at=early, application=OTHER))
        store.write_journal(line(1, at=early))
        store.write_journal(line(1, room=NEXT, at=early))
        store.write_journal(line(2, room=NEXT, at=late))
        await store.forget(NOW - timedelta(days=2), application=APP)
        everything = LegFilter(application=None, limit=100)
        assert [one.uuid for one in (await store.legs(everything))[0]] == ["live", "x", "new"]
        assert len(await store.journal(ROOM)) == 1
        await store.forget(NOW - timedelta(days=2))
        assert [one.uuid for one in (await store.legs(everything))[0]] == ["live", "new"]
        assert list(await store.journal(ROOM)) == []
        assert len(await store.journal(NEXT)) == 2
        assert list(await store.conversations_of(LegId("a"))) == [NEXT]
        store.write_journal(line(1, at=late))
        assert list(await store.conversations_of(LegId("a"))) == [NEXT, ROOM]

    run(place, check)


def test_applications_and_numbers_are_kept_and_no_private_key_is(place: str) -> None:
    application = Application(
        id=APP,
        name="Front desk",
        public_key="PEM",
        voice=VoiceCapability(answer_url=answer_webhook("https://a.example")),
    )

    async def check(store: SqlStore) -> None:
        await store.save_application(application)
        await store.save_application(Application(id=OTHER, name="Other"))
        await store.save_application(replace(application, name="Reception"))
        await store.save_number(Number(msisdn="442079460000", country="GB", application_id=APP))
        await store.save_number(
            Number(msisdn="442079460001", application_id=OTHER, status_callback="https://s.example")
        )
        assert list(await store.applications()) == [
            replace(application, name="Reception"),
            Application(id=OTHER, name="Other"),
        ]
        await store.delete_application(OTHER)
        assert [one.id for one in await store.applications()] == [APP]
        assert list(await store.numbers()) == [
            Number(msisdn="442079460000", country="GB", application_id=APP),
            Number(msisdn="442079460001", status_callback="https://s.example"),
        ]
        await store.delete_number("442079460000")
        assert len(await store.numbers()) == 1

    run(place, check)


def test_what_was_written_is_there_after_a_restart(place: str) -> None:
    async def write(store: SqlStore) -> None:
        store.write_journal(line(1))
        store.write_leg(ended("a"))

    async def read(store: SqlStore) -> None:
        assert list(await store.journal(ROOM)) == [line(1)]
        assert await store.leg(LegId("a")) == ended("a")

    run(place, write)
    run(place, read)


def test_a_line_with_a_taken_number_is_refused_and_harms_no_other(place: str) -> None:
    async def check(store: SqlStore) -> None:
        store.write_journal(line(1))
        store.write_journal(replace(line(1), kind="trace"))
        store.write_journal(line(2))
        store.write_leg(leg("\ud800"))
        store.write_leg(leg("a", duration_s=2**70))
        store.write_leg(leg("b"))
        assert list(await store.journal(ROOM)) == [line(1), line(2)]
        assert (await store.legs(LegFilter(application=APP)))[1] == 1
        assert store.gauges()["store_rows_refused"] == 3

    run(place, check)


def test_a_time_without_a_zone_is_an_error_of_the_caller(place: str) -> None:
    with pytest.raises(TypeError):
        SqlStore(place, spool_bytes=0).write_journal(line(1, at=datetime(2026, 3, 2)))


def test_hostile_ids_are_only_looked_for(place: str) -> None:
    async def check(store: SqlStore) -> None:
        for text in ("' OR 1=1 --", "\x00", "x" * 100_000):
            assert await store.leg(LegId(text)) is None
        with pytest.raises(ProviderError):
            await store.leg(LegId("\ud800"))

    run(place, check)


def test_a_closed_store_says_so(place: str) -> None:
    async def main() -> None:
        store = SqlStore(place, spool_bytes=0)
        await store.start()
        store.write_leg(leg("a"))
        assert await store.stop() == 0
        store.write_leg(leg("b"))
        await store.flush()
        with pytest.raises(ProviderError, match="closed"):
            await store.leg(LegId("a"))

    asyncio.run(main())


def test_the_migrations_make_the_tables_the_code_knows(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ringline.db"
    migrate(path)
    migrate(path)
    assert path.stat().st_mode & 0o777 == 0o600
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database, but it is long enough to be looked at " * 100)
    with pytest.raises(ProviderError, match=r"broken\.db cannot be used"):
        migrate(broken)
    newer = tmp_path / "newer.db"
    migrate(newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ProviderError, match="newer version"):
        migrate(newer)
    with pytest.raises(ProviderError, match="cannot be used"):
        migrate(broken / "below" / "x.db")


@pytest.mark.parametrize(
    "url",
    ["mysql://u:secret@h/db", "postgresql://u:secret@h", "sqlite://", "sqlite:///:memory:", "://", "sqlite:/x://"],
)
def test_other_databases_are_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_database_url_names_its_file() -> None:
    assert database_path("sqlite:///var/ringline.db") == Path("var/ringline.db")
    assert database_path("sqlite:////var/lib/ringline.db") == Path("/var/lib/ringline.db")
    assert database_path("plain.db") == Path("plain.db")
