"""The writing thread: groups, limits, a full disk, and a sudden end."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ringline.base import LegId, ProviderError
from ringline.io.store import SqlStore
from ringline.io.store.database import Away, Statement
from ringline.io.store.sqlite import SqliteSession
from ringline.io.store.writer import Writer

ADD = Statement("INSERT INTO t (n) VALUES (:n)")
TAKE = Statement("DELETE FROM t WHERE t.n = :n", last=True)
PUT = Statement("INSERT INTO t (n, v) VALUES (:n, :v) ON CONFLICT (n) DO UPDATE SET v = excluded.v", key="n")
CLEAR = Statement("DELETE FROM t WHERE n < :n", fence=True)


class Disk:
    """A real database whose disk can be full; counts the transactions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.full = threading.Event()
        self.trace: Callable[[str], object] = lambda sql: None
        self.commits = 0
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v INTEGER)")
        connection.close()

    def connect(self) -> SqliteSession:
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if sql == "COMMIT":
                    if disk.full.is_set():
                        raise sqlite3.OperationalError("database or disk is full")
                    disk.commits += 1
                disk.trace(sql)
                return super().execute(sql, *values)

        return SqliteSession(sqlite3.connect(self.path, isolation_level=None, factory=Connection))

    def rows(self) -> list[int]:
        connection = sqlite3.connect(self.path)
        try:
            return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]
        finally:
            connection.close()


async def until(true: Callable[[], object]) -> None:
    """Wait for something the other thread does."""
    async with asyncio.timeout(30):
        while True:
            if true():
                return
            await asyncio.sleep(0.001)


def test_rows_are_written_in_groups(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100_000)
        for number in range(5000):
            writer.put(ADD, {"n": number})
        writer.start()
        await writer.flushed()
        assert disk.rows() == list(range(5000))
        assert disk.commits <= 5000 / 200 + 1
        assert writer.gauges()["store_rows_written"] == 5000
        assert await writer.stop(1) == 0

    asyncio.run(main())


def test_rows_reach_the_disk_without_being_asked_for(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100)
        writer.start()
        writer.put(ADD, {"n": 1})
        await until(disk.rows)
        await until(lambda: writer.lag_s() == 0.0)
        await writer.stop(1)

    asyncio.run(main())


def test_deletions_keep_their_place_among_the_rows(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100)
        for number in (1, 2, 3):
            writer.put(ADD, {"n": number})
        writer.put(CLEAR, {"n": 3})
        writer.put(ADD, {"n": 1})
        writer.start()
        await writer.stop(1)
        assert disk.rows() == [1, 3]

    asyncio.run(main())


def test_a_full_disk_delays_and_loses_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100)
        writer.start()
        disk.full.set()
        writer.put(ADD, {"n": 1})
        with pytest.raises(ProviderError, match="full") as caught:
            await writer.flushed()
        assert caught.value.retryable
        writer.put(ADD, {"n": 2})
        trouble = writer.trouble()
        assert trouble is not None
        assert "full" in trouble
        assert writer.lag_s() > 0
        with pytest.raises(ProviderError):
            await writer.flushed()
        disk.full.clear()
        await until(lambda: writer.trouble() is None)
        await writer.flushed()
        assert disk.rows() == [1, 2]
        await writer.stop(1)

    asyncio.run(main())


def test_a_disk_that_stays_full_does_not_hold_up_the_end(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")
    disk.full.set()

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100)
        writer.start()
        writer.put(ADD, {"n": 1})
        writer.put(ADD, {"n": 2})
        assert await writer.stop(0.1) == 2
        with pytest.raises(ProviderError):
            await writer.flushed()

    asyncio.run(main())


def test_a_database_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")
    tries: list[int] = []

    def connect() -> SqliteSession:
        tries.append(1)
        if len(tries) == 1:
            raise Away("unable to open database file")
        return disk.connect()

    async def main() -> None:
        writer = Writer(connect, max_pending=100)
        writer.start()
        writer.put(ADD, {"n": 1})
        await until(disk.rows)
        await writer.stop(1)

    asyncio.run(main())


def test_the_queue_is_bounded_and_what_is_dropped_is_counted(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=10)
        optional = [writer.put(ADD, {"n": number}, optional=True) for number in range(7)]
        needed = [writer.put(ADD, {"n": number}) for number in range(10, 18)]
        assert optional == [True] * 5 + [False] * 2
        assert needed == [True] * 5 + [False] * 3
        assert writer.gauges()["store_pending_rows"] == 10
        assert writer.gauges()["store_rows_dropped"] == 5
        writer.start()
        await writer.stop(1)
        assert len(disk.rows()) == 10

    asyncio.run(main())


def test_a_busy_event_loop_does_not_keep_the_writer_from_writing(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")

    def let_others_run() -> None:
        time.sleep(0.0005)

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100_000)
        writer.start()
        for number in range(0, 1000, 2):
            # A transaction is open whenever the loop lets the other thread run, as when it sends something.
            with writer.together():
                writer.put(ADD, {"n": number})
                let_others_run()
                writer.put(ADD, {"n": number + 1})
        assert writer.gauges()["store_rows_written"] > 500
        await writer.stop(5)
        assert disk.rows() == list(range(1000))

    asyncio.run(main())


def test_many_rows_of_a_kind_are_few_steps_of_the_database(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")
    steps: list[str] = []

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100_000)
        with writer.together():
            for number in range(1000):
                writer.put(ADD, {"n": number})
            writer.put(CLEAR, {"n": 3})
            for number in range(500, 600):
                writer.put(TAKE, {"n": number})
        disk.trace = steps.append
        writer.start()
        assert await writer.stop(5) == 0

    asyncio.run(main())
    assert disk.rows() == [*range(3, 500), *range(600, 1000)]
    assert len(steps) < 45


def test_a_row_that_another_one_of_its_batch_replaces_is_not_written(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "t.db")
    steps: list[str] = []

    async def main() -> None:
        writer = Writer(disk.connect, max_pending=100_000)
        with writer.together():
            for version in range(5):
                for number in range(4):
                    writer.put(PUT, {"n": number, "v": version})
            writer.put(CLEAR, {"n": 2})
            writer.put(PUT, {"n": 1, "v": 9})
        disk.trace = steps.append
        writer.start()
        assert await writer.stop(5) == 0
        assert writer.gauges()["store_rows_written"] == 22

    asyncio.run(main())
    with sqlite3.connect(disk.path) as connection:
        rows = connection.execute("SELECT n, v FROM t ORDER BY n").fetchall()
    connection.close()
    assert rows == [(1, 9), (2, 4), (3, 4)]
    assert len([step for step in steps if "INSERT" in step]) == 2


def test_an_overloaded_store_says_so_before_it_drops(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "ringline.db", max_pending=8)
    assert not store.overloaded()
    for _ in range(3):
        store._writer.put(ADD, {})
    assert store.overloaded()


def test_who_brings_new_work_waits_for_a_store_that_is_behind(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqlStore(tmp_path / "ringline.db", max_pending=1000)
        await store.pace()  # nothing waits: it returns although nobody writes yet
        for number in range(60):
            store.write_usage("somebody", day=number, seconds=1, spend=Decimal(0))
        waiting = asyncio.create_task(store.pace())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await store.start()
        await waiting
        assert store.gauges()["store_pending_rows"] == 0
        await store.stop()

    asyncio.run(main())


_WRITES_UNTIL_KILLED = textwrap.dedent(
    """
    import asyncio, sys
    from datetime import datetime, UTC
    from pathlib import Path
    from ringline.base import ConversationId, LegId
    from ringline.engine.ports import JournalLine
    from ringline.io.store import SqlStore

    async def main():
        store = SqlStore(Path(sys.argv[1]))
        await store.start()
        number = 0
        while True:
            for _ in range(50):
                number += 1
                store.write_journal(JournalLine(conversation=ConversationId("CON-1"), sequence=number,
                    wallclock=datetime.now(UTC), kind="input", leg=LegId("a"), data={"n": number}))
            await store.flush()
            print(number, flush=True)

    asyncio.run(main())
    """
)


def test_everything_flushed_is_there_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "ringline.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITES_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    flushed = 0
    with process:
        while flushed < 500:
            flushed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for rest in process.stdout:
            flushed = int(rest)
    assert process.returncode == -signal.SIGKILL

    async def main() -> None:
        store = SqlStore(path)
        await store.start()
        lines = await store.journal(next(iter(await store.conversations_of(LegId("a")))))
        assert len(lines) >= flushed
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        await store.stop()

    asyncio.run(main())
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
