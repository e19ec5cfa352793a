"""Pages of `GET /v1/calls` among a million finished legs, in SQLite and PostgreSQL: milliseconds, median and p95.

    python -m bench.lists [--legs 1000000] [--days 2] [--rounds 40] [--database sqlite postgresql]

The legs are made by a bulk loader and spread over the days and three applications, 90 % of them in the first. Asked is
for what one filter can leave over: nothing, each final status, times from, times until, one conversation; at the
beginning, 200,000 records on, and at the end; in both orders; pages of 100, each with its exact count. Also: what
finishing a leg costs, beside a plain insert of its row without counters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg
from tests.postgres import PostgresServer

from bench.conditions import conditions
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports import LegFilter, LegRecord
from ringline.io.store import SqlStore
from ringline.io.store.migrate import migrate
from ringline.io.store.postgres import PostgresDatabase
from ringline.io.store.rows import leg_row

BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)
APPS: Final = tuple(ApplicationId(f"{number}b9d0c55-2222-4333-8444-955566677788") for number in range(3))
STATUSES: Final = ("completed",) * 16 + ("busy", "failed", "timeout", "unanswered")
_COLUMNS: Final = tuple(name for name in leg_row(LegRecord(
    uuid=LegId("x"), conversation=ConversationId("x"), application=APPS[0], status="completed", direction="inbound",
    from_={}, to={}, created_at=BEGIN,
)))  # fmt: skip


def rows(legs: int, days: float) -> Iterator[tuple[Any, ...]]:
    """Finished legs, oldest first, as rows."""
    chance = Random(7)
    step = timedelta(days=days) / legs
    for number in range(legs):
        made = BEGIN + number * step
        record = LegRecord(
            uuid=LegId(str(uuid.UUID(int=chance.getrandbits(128)))),
            conversation=ConversationId(f"CON-{number // 2:012x}"),
            application=APPS[0] if chance.random() < 0.9 else chance.choice(APPS[1:]),
            status=chance.choice(STATUSES),
            direction="outbound",
            from_={"type": "phone", "number": "442079460000"},
            to={"type": "phone", "number": str(447_700_000_000 + number)},
            created_at=made,
            start_time=made,
            end_time=made + timedelta(seconds=30),
            duration_s=30,
        )
        yield tuple(leg_row(record).values())


def load_sqlite(path: Path, legs: int, days: float) -> None:
    """Fill a SQLite file."""
    migrate(path)
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    places = ", ".join("?" * len(_COLUMNS))
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(f"INSERT INTO legs ({names}) VALUES ({places})", rows(legs, days))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def load_postgres(url: str, legs: int, days: float) -> None:
    """Fill a PostgreSQL database; `VACUUM` is what autovacuum does within minutes."""
    connection = await asyncpg.connect(url)
    await connection.copy_records_to_table("legs", records=rows(legs, days), columns=_COLUMNS, timeout=3600)
    await connection.execute("VACUUM ANALYZE", timeout=600)
    await connection.close()


def questions(legs: int, days: float) -> Iterator[tuple[str, LegFilter]]:
    """All kinds of pages, with a name for each."""
    middle = BEGIN + timedelta(days=days / 2, seconds=123.456)
    filters: dict[str, dict[str, Any]] = {
        "no filter": {},
        "status completed": {"status": "completed"},
        "status busy": {"status": "busy"},
        "date_start": {"date_start": middle},
        "date_end": {"date_end": middle},
        "conversation": {"conversation": ConversationId(f"CON-{legs // 4:012x}")},
    }
    for name, given in filters.items():
        for offset in (0, 200_000, int(legs * 0.85)):
            for order in ("asc", "desc"):
                wanted = LegFilter(application=APPS[0], limit=100, offset=offset, order=order, **given)
                yield f"{name}, {offset}", wanted


async def ask(store: SqlStore, legs: int, days: float, rounds: int) -> dict[str, Any]:
    """Time every kind of page."""
    times: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    served = _server_cpu_s()
    for _ in range(rounds):
        for name, wanted in questions(legs, days):
            began, used = time.perf_counter(), time.process_time()
            await store.legs(wanted)
            times.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            cpu.setdefault(name, []).append((time.process_time() - used) * 1000)
    everything = [value for values in times.values() for value in values]
    worked = [value for values in cpu.values() for value in values]
    kinds = {name: [round(statistics.median(times[name]), 1), round(_p95(times[name]), 1)] for name in times}
    return {
        "wall_ms_median": round(statistics.median(everything), 2),
        "wall_ms_p95": round(_p95(everything), 2),
        "our_cpu_ms_median": round(statistics.median(worked), 2),
        "our_cpu_ms_p95": round(_p95(worked), 2),
        "our_cpu_ms_p95_of_the_slowest_kind": round(max(_p95(values) for values in cpu.values()), 2),
        "server_cpu_ms_mean": round((_server_cpu_s() - served) * 1000 / len(everything), 2),
        "load": os.getloadavg()[0],
        "wall_ms_median_and_p95_by_kind": kinds,
    }


def _server_cpu_s() -> float:
    """Processor time of all PostgreSQL processes of this machine so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, fields = stat.read_text().partition(") ")
            if name.endswith("(postgres"):
                ticks += sum(int(one) for one in fields.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


async def finish(store: SqlStore, legs: int) -> float:
    """Milliseconds of wall time per 1000 legs that begin, ring, are answered and end."""
    chance = Random(11)
    began = time.perf_counter()
    for number in range(legs):
        record = LegRecord(
            uuid=LegId(str(uuid.UUID(int=chance.getrandbits(128)))), conversation=ConversationId(f"CON-new-{number}"),
            application=APPS[0], status="started", direction="outbound", from_={}, to={}, created_at=datetime.now(UTC),
        )  # fmt: skip
        for status in ("started", "ringing", "answered", "completed"):
            ended = record.created_at if status == "completed" else None
            store.write_leg(replace(record, status=status, end_time=ended))
        if number % 50 == 49:
            await store.flush()
    await store.flush()
    return (time.perf_counter() - began) * 1000 / legs * 1000


async def measure(place: str | Path, legs: int, days: float, rounds: int) -> dict[str, Any]:
    """Open the store and measure."""
    store = SqlStore(place, spool_bytes=0)
    await store.start()
    found = await ask(store, legs, days, rounds)
    found["ms_per_1000_legs_finished"] = round(await finish(store, 2000), 1)
    await store.stop()
    return found


def main() -> None:
    """Load, measure, print."""
    arguments = argparse.ArgumentParser(description="Lists of many legs.")
    arguments.add_argument("--legs", type=int, default=1_000_000)
    arguments.add_argument("--days", type=float, default=2)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--database", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    options = arguments.parse_args()
    print(conditions(**vars(options)))
    found: dict[str, Any] = {"legs": options.legs, "days": options.days}
    if "sqlite" in options.database:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ringline.db"
            load_sqlite(path, options.legs, options.days)
            found["sqlite"] = asyncio.run(measure(path, options.legs, options.days, options.rounds))
            print("sqlite      " + json.dumps(found["sqlite"], indent=1))
    if "postgresql" in options.database:
        server = PostgresServer(durable=True)
        try:
            server.start()
            url = server.new_database()
            PostgresDatabase(url).migrate()
            asyncio.run(load_postgres(url, options.legs, options.days))
            found["postgresql"] = asyncio.run(measure(url, options.legs, options.days, options.rounds))
            print("postgresql  " + json.dumps(found["postgresql"], indent=1))
        finally:
            server.close()


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


if __name__ == "__main__":
    main()
