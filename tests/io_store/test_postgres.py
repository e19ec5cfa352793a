"""PostgreSQL alone: its tables, its absence, and a transaction whose end nobody saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from tests.postgres import PostgresServer

from ringline.base import ApplicationId, ConversationId, LegId, ProviderError
from ringline.cli._records import NoSuchCall, open_records
from ringline.engine.ports import JournalLine, LegRecord, StoredEvent
from ringline.io.store import SqlStore
from ringline.io.store.database import Away, Group, Statement
from ringline.io.store.postgres import PostgresDatabase, PostgresSession
from ringline.io.store.tables import METADATA

pytestmark = pytest.mark.interop
NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
ROOM, APP, LEG = ConversationId("CON-1"), ApplicationId("app"), LegId("leg")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, which it may stop."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


def event(number: int) -> StoredEvent:
    return StoredEvent(
        event_id=f"event-{number}", sequence=number, conversation=ROOM, application=APP, leg=LEG, name="answered",
        url="https://app.example/event", method="POST", payload={}, created_at=NOW,
    )  # fmt: skip


def line(number: int) -> JournalLine:
    return JournalLine(conversation=ROOM, sequence=number, wallclock=NOW, kind="input", leg=LEG, data={})


def record(name: str) -> LegRecord:
    return LegRecord(
        uuid=LegId(name), conversation=ROOM, application=APP, status="answered", direction="inbound",
        from_={}, to={}, created_at=NOW,
    )  # fmt: skip


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while True:
            if true():
                return
            await asyncio.sleep(0.005)


def test_the_migrations_make_the_tables_the_code_knows(url: str) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    async def compare() -> object:
        engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
        await engine.dispose()
        return found

    PostgresDatabase(url).migrate()
    assert asyncio.run(compare()) == []


def test_nodes_that_start_at_the_same_time_migrate_one_after_the_other(url: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: PostgresDatabase(url).migrate(), range(3)))
    PostgresDatabase(url).migrate()


def test_a_database_that_cannot_be_used_is_named_without_its_password(postgres: PostgresServer) -> None:
    with pytest.raises(ProviderError, match="nowhere") as caught:
        PostgresDatabase(f"postgresql://ringline:secret@127.0.0.1:{postgres.port}/nowhere").migrate()
    assert "secret" not in str(caught.value)
    url = postgres.new_database()
    PostgresDatabase(url).migrate()
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", url=url)
    with pytest.raises(ProviderError, match="newer version"):
        PostgresDatabase(url).migrate()


def test_while_the_server_is_down_everything_is_kept_and_lands_when_it_is_back(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.new_database()

    async def main() -> None:
        store = SqlStore(url, data_dir=tmp_path)
        await store.start()
        store.write_event(event(1))
        await store.flush()
        await asyncio.to_thread(server.stop)
        store.write_event(event(2))
        store.write_journal(line(1))
        store.write_leg(record("leg"))
        await until(lambda: store.gauges()["store_rows_spooled"] >= 2)
        assert "ringline-store.spool" in (store.trouble() or "")
        with pytest.raises(ProviderError) as caught:
            await store.leg(LEG)
        assert caught.value.retryable
        store.forget_event("event-1")
        await asyncio.to_thread(server.start)
        await until(lambda: store.trouble() is None)
        await until(lambda: store.gauges()["store_spool_bytes"] == 0)
        assert [one.event_id for one in (await store.remains()).events] == ["event-2"]
        assert list(await store.journal(ROOM)) == [line(1)]
        assert await store.leg(LEG) == record("leg")
        assert store.gauges()["store_rows_refused"] == 0
        assert await store.stop() == 0

    asyncio.run(main())


def test_a_crash_of_the_server_costs_no_row_and_doubles_none(server: PostgresServer, tmp_path: Path) -> None:
    url = server.new_database()

    async def main() -> None:
        store = SqlStore(url, data_dir=tmp_path)
        await store.start()
        for number in range(1, 3001):
            store.write_journal(line(number))
            if number % 100 == 0:
                await asyncio.sleep(0.002)
            if number == 1500:
                await asyncio.to_thread(server.stop, "immediate")
            if number == 2500:
                await asyncio.to_thread(server.start)
        await until(lambda: store.trouble() is None)
        assert [one.sequence for one in await store.journal(ROOM)] == list(range(1, 3001))
        assert store.gauges()["store_rows_refused"] == 0
        await store.stop()

    asyncio.run(main())


def test_a_transaction_whose_end_nobody_saw_is_not_made_twice(
    url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute("CREATE TABLE seen (n INTEGER)", url=url)
    add = Statement("", numbered="INSERT INTO seen (n) VALUES ($1)", names=("n",))
    database = PostgresDatabase(url)

    def breaks(at: str) -> PostgresSession:
        session = database.connect()
        connection = session._connection
        assert connection is not None
        execute = connection.execute

        async def breaking(sql: str, *values: object, **options: object) -> object:
            if sql == "COMMIT" and at == "before":
                connection.terminate()
            done = await execute(sql, *values, **options)
            if sql == "COMMIT" and at == "after":
                connection.terminate()
                raise ConnectionResetError("the line is dead")
            return done

        monkeypatch.setattr(session, "_connection", _Seems(connection, breaking))
        return session

    for number, at in enumerate(("before", "after"), start=1):
        groups: list[Group] = [(add, [{"n": number}, {"n": number}])]
        broken = breaks(at)
        with pytest.raises(Away):
            broken.write(groups)
        broken.close()
        session = database.connect()
        session.write(groups)
        session.write([(add, [{"n": 10 + number}])])
        session.close()
    found = postgres.execute("SELECT n, count(*) AS times FROM seen GROUP BY n ORDER BY n", url=url)
    assert [(row["n"], row["times"]) for row in found] == [(1, 2), (2, 2), (11, 1), (12, 1)]


class _Seems:
    """A connection with another `execute`."""

    def __init__(self, connection: asyncpg.Connection, execute: object) -> None:
        self._connection = connection
        self.execute = execute

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_text_that_postgresql_cannot_hold_is_kept_with_a_mark_in_its_place(url: str) -> None:
    async def main() -> None:
        store = SqlStore(url, spool_bytes=0)
        await store.start()
        store.write_leg(record("a\0b"))
        found = await store.leg(LegId("a\0b"))
        assert found is not None
        assert found.uuid == "a\ufffdb"
        await store.stop()

    asyncio.run(main())


def test_an_empty_database_in_the_place_of_the_old_one_is_made_ready(
    url: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    def replace_all() -> None:
        postgres.execute("DROP SCHEMA public CASCADE", url=url)
        postgres.execute("CREATE SCHEMA public", url=url)

    async def main() -> None:
        store = SqlStore(url, data_dir=tmp_path)
        await store.start()
        store.write_event(event(1))
        await store.flush()
        await asyncio.to_thread(replace_all)
        store.write_event(event(2))
        await until(lambda: store.gauges()["store_rows_spooled"])
        await until(lambda: store.trouble() is None)
        assert [one.event_id for one in (await store.remains()).events] == ["event-2"]
        await store.stop()

    asyncio.run(main())


def test_commands_look_into_it_even_from_a_running_loop(url: str) -> None:
    async def main() -> None:
        store = SqlStore(url, spool_bytes=0)
        await store.start()
        store.write_leg(record("0a0b0c0d-1111-4222-8333-944455566677"))
        store.write_journal(replace(line(1), leg=LegId("0a0b0c0d-1111-4222-8333-944455566677")))
        await store.flush()
        with open_records(url) as records:
            found = records.leg("0a0b0c")
            assert [one.uuid for one in records.legs(status="answered")] == [found.uuid]
            assert len(await asyncio.to_thread(records.journals_of, found.uuid)) == 1
            assert records.lines_after(0)[0] == records.newest_line() > 0
            with pytest.raises(NoSuchCall, match="no call"):
                records.leg("ffff")
        await store.stop()

    asyncio.run(main())
    with pytest.raises(NoSuchCall, match="cannot be opened"), open_records(url + "_gone"):
        pass
