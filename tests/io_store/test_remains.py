"""What survives a sudden end: events, dialogs and recordings, in the database or, while it is away, in the spool."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports import JournalLine, LegRecord, OpenRecording, OpenTranscription, Remains, StoredEvent
from ringline.io.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
ROOM, APP, LEG = ConversationId("CON-1"), ApplicationId("app"), LegId("leg")


def event(number: int, *, leg: LegId | None = LEG) -> StoredEvent:
    return StoredEvent(
        event_id=f"event-{number}",
        sequence=number,
        conversation=ROOM,
        application=APP,
        leg=leg,
        name="answered",
        url="https://app.example/event",
        method="POST",
        payload={"status": "answered", "text": "grüß \ud800"},
        created_at=NOW,
    )


def record(name: str = "leg") -> LegRecord:
    return LegRecord(
        uuid=LegId(name),
        conversation=ROOM,
        application=APP,
        status="answered",
        direction="inbound",
        from_={"type": "phone", "number": "447700900123"},
        to={"type": "phone", "number": "442079460000"},
        created_at=NOW,
    )


RECORDING = OpenRecording(
    recording="rec", file_id="file", conversation=ROOM, application=APP, container="mp3", started_at=NOW
)

TRANSCRIPTION = OpenTranscription(
    transcription="words",
    recording="rec",
    file_id="file",
    conversation=ROOM,
    application=APP,
    leg=LEG,
    language="de-DE",
    sentiment=True,
    url="https://app.example/words",
    method="GET",
    asked_at=NOW,
)


@asynccontextmanager
async def opened(path: Path | str, **options: Any) -> AsyncIterator[SqlStore]:
    url = path if isinstance(path, str) else path / "ringline.db"
    store = SqlStore(url, **options)
    await store.start()
    try:
        yield store
    finally:
        await store.stop(0.2)


async def remains(path: Path) -> Remains:
    async with opened(path) as store:
        return await store.remains()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while True:
            if true():
                return
            await asyncio.sleep(0.002)


def test_what_was_written_is_there_in_order_until_it_is_forgotten(place: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(place, data_dir=tmp_path) as store:
            for number in (3, 1, 2):
                store.write_event(event(number))
            store.write_leg(record())
            store.write_dialog(LEG, {"cseq": 1})
            store.write_dialog(LEG, {"cseq": 2})
            store.write_open_recording(RECORDING)
            store.write_open_transcription(TRANSCRIPTION)
        async with opened(place, data_dir=tmp_path) as store:
            assert await store.remains() == Remains(
                events=[event(1), event(2), event(3)],
                legs=[record()],
                dialogs=[(LEG, {"cseq": 2})],
                recordings=[RECORDING],
                transcriptions=[TRANSCRIPTION],
            )
            for number in (1, 2, 3):
                store.forget_event(f"event-{number}")
            store.forget_dialog(LEG)
            store.forget_open_recording("rec")
            store.forget_open_transcription("words")
            left = await store.remains()
            assert (left.events, left.dialogs, left.recordings, left.transcriptions) == ([], [], [], [])

    asyncio.run(main())


def test_an_event_that_is_delivered_before_it_was_written_is_never_written(place: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(place, data_dir=tmp_path) as store:
            await store.flush()
            before = store.gauges()["store_rows_written"]
            with store.together():  # the writer sees nothing of it before its end
                for number in range(10):
                    store.write_event(event(number))
                    store.forget_event(f"event-{number}")
            store.write_event(event(99))
            left = await store.remains()
            assert [one.event_id for one in left.events] == ["event-99"]
            assert store.gauges()["store_rows_written"] - before == 11  # withdrawn rows count as done

    asyncio.run(main())


def test_a_row_put_and_deleted_in_one_group_is_gone_whatever_came_before(place: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(place, data_dir=tmp_path) as store:
            with store.together():
                store.forget_dialog(LegId("other"))
                store.write_dialog(LEG, {})
                store.forget_dialog(LEG)
            assert (await store.remains()).dialogs == []

    asyncio.run(main())


def test_what_belongs_together_is_never_written_in_parts(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            seen: list[tuple[int, int]] = []
            stop = asyncio.Event()

            async def watch() -> None:
                with closing(sqlite3.connect(tmp_path / "ringline.db")) as reader:
                    while not stop.is_set():
                        counts = reader.execute(
                            "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM dialogs)"
                        ).fetchone()
                        seen.append(counts)
                        await asyncio.sleep(0)

            watcher = asyncio.create_task(watch())
            for number in range(300):
                with store.together():
                    store.write_event(event(number))
                    with store.together():  # nested ones change nothing
                        store.write_dialog(LegId(f"leg-{number}"), {})
                await asyncio.sleep(0.0005)
            await store.flush()
            stop.set()
            await watcher
            assert len({events for events, _ in seen}) > 3
            assert all(events == dialogs for events, dialogs in seen)

    asyncio.run(main())


def test_while_the_database_is_locked_events_are_in_the_spool(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.flush()
            other = sqlite3.connect(tmp_path / "ringline.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            store.write_event(event(1))
            store.write_journal(
                JournalLine(conversation=ROOM, sequence=1, wallclock=NOW, kind="input", leg=LEG, data={})
            )
            await until(lambda: store.gauges()["store_rows_spooled"])
            trouble = store.trouble()
            assert trouble is not None
            assert "locked" in trouble
            assert "ringline.db.spool" in trouble
            store.write_leg(record())
            store.forget_event("event-1")
            await until(lambda: store.gauges()["store_rows_spooled"] == 3)  # the row, the leg, and that it is gone
            store.write_event(event(2))
            await until(lambda: store.gauges()["store_rows_spooled"] == 4)
            other.execute("ROLLBACK")
            other.close()
            await until(lambda: store.trouble() is None)
            await until(lambda: store.gauges()["store_spool_bytes"] == 0)
            assert [one.event_id for one in (await store.remains()).events] == ["event-2"]
            assert len(await store.journal(ROOM)) == 1

    asyncio.run(main())


def test_what_is_in_the_spool_when_the_process_ends_is_in_the_store_afterwards(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            store.write_event(event(1))
            await store.flush()
            other = sqlite3.connect(tmp_path / "ringline.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            store.forget_event("event-1")
            store.write_event(event(2))
            store.write_leg(record())
            store.write_dialog(LEG, {"cseq": 1})
            store.write_open_recording(RECORDING)
            await until(lambda: store.gauges()["store_rows_spooled"] == 5)
        other.close()
        left = await remains(tmp_path)
        assert [one.event_id for one in left.events] == ["event-2"]
        assert (left.legs, left.dialogs, left.recordings) == ([record()], [(LEG, {"cseq": 1})], [RECORDING])
        assert (await remains(tmp_path)) == left  # and the spool is empty: nothing is done twice

    asyncio.run(main())


def test_a_database_that_was_taken_away_is_waited_for(tmp_path: Path) -> None:
    path, aside = tmp_path / "ringline.db", tmp_path / "aside"

    async def main() -> None:
        async with opened(tmp_path) as store:
            store.write_event(event(1))
            await store.flush()
            aside.mkdir()
            for name in ("ringline.db", "ringline.db-wal", "ringline.db-shm"):
                (tmp_path / name).rename(aside / name)
            store.write_event(event(2))
            await until(lambda: store.trouble() is not None)
            assert "gone" in (store.trouble() or "")
            assert not path.exists()
            for name in ("ringline.db-wal", "ringline.db-shm", "ringline.db"):
                if (aside / name).exists():
                    (aside / name).rename(tmp_path / name)
            await until(lambda: store.trouble() is None)
        assert [one.event_id for one in (await remains(tmp_path)).events] == ["event-1", "event-2"]

    asyncio.run(main())


def test_a_new_database_in_the_place_of_the_old_one_is_made_ready(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            store.write_event(event(1))
            await store.flush()
            for ending in ("", "-wal", "-shm"):
                (tmp_path / f"ringline.db{ending}").unlink(missing_ok=True)
            store.write_event(event(2))
            await until(lambda: store.trouble() is not None)
            os.close(os.open(tmp_path / "ringline.db", os.O_CREAT | os.O_RDWR, 0o600))
            await until(lambda: store.trouble() is None)
        assert [one.event_id for one in (await remains(tmp_path)).events] == ["event-2"]

    asyncio.run(main())


def test_a_full_spool_is_said_and_costs_no_delivery(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path, spool_bytes=600) as store:
            await store.flush()
            other = sqlite3.connect(tmp_path / "ringline.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            for number in range(10):
                store.write_event(event(number))
            await until(lambda: store.gauges()["store_spool_rows_lost"])
            assert "is full" in (store.trouble() or "")
            other.close()
            await until(lambda: store.trouble() is None)
            assert len((await store.remains()).events) == 10

    asyncio.run(main())


_WRITES_WHILE_LOCKED = textwrap.dedent(
    """
    import asyncio, sys
    from datetime import datetime, UTC
    from pathlib import Path
    from ringline.base import ApplicationId, ConversationId, LegId
    from ringline.engine.ports import StoredEvent
    from ringline.io.store import SqlStore

    async def main():
        store = SqlStore(Path(sys.argv[1]))
        await store.start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for number in range(1, 10_000):
            store.write_event(StoredEvent(event_id=str(number), sequence=number, conversation=ConversationId("CON-1"),
                application=ApplicationId("app"), leg=LegId("leg"), name="n", url="http://x", method="POST",
                payload={"number": number}, created_at=datetime.now(UTC)))
            await asyncio.sleep(0.001)
            print(number, int(store.gauges()["store_rows_spooled"]), flush=True)

    asyncio.run(main())
    """
)


def test_the_spool_outlives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "ringline.db"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITES_WHILE_LOCKED, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process.stdin.write("go\n")
        process.stdin.flush()
        spooled = 0
        while spooled < 300:
            spooled = int(process.stdout.readline().split()[1])
        process.send_signal(signal.SIGKILL)
        for rest in process.stdout:
            if len(rest.split()) == 2:
                spooled = max(spooled, int(rest.split()[1]))
    other.close()
    events = asyncio.run(remains(tmp_path)).events
    assert len(events) >= spooled >= 300
    assert [one.event_id for one in events] == [str(number) for number in range(1, len(events) + 1)]
