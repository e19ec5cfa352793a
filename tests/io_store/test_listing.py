"""Pages of legs, whatever is asked for: the same as counting and sorting all of them by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports import LegFilter, LegRecord
from ringline.io.store import SqlStore

NOW = datetime(2026, 3, 2, 9, 15, 30, 120_345, tzinfo=UTC)
APP, OTHER = ApplicationId("app"), ApplicationId("other")
STATUSES = ("started", "completed", "failed")


def record(number: int, chance: Random) -> LegRecord:
    status = chance.choice(STATUSES)
    made = NOW + timedelta(milliseconds=chance.choice((0, 1, 599_000, 600_000, chance.randrange(4_000_000))))
    return LegRecord(
        uuid=LegId(f"leg-{number:04}"),
        conversation=ConversationId(f"CON-{number % 40}"),
        application=chance.choice((APP, APP, OTHER)),
        status=status,
        direction="inbound",
        from_={},
        to={},
        created_at=made,
        end_time=None if status == "started" else made,
    )


def by_hand(records: list[LegRecord], wanted: LegFilter) -> tuple[list[str], int]:
    def floor(moment: datetime) -> datetime:
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    found = [
        one
        for one in records
        if wanted.application in (None, one.application)
        and wanted.status in (None, one.status)
        and wanted.conversation in (None, one.conversation)
        and (wanted.date_start is None or floor(one.created_at) >= floor(wanted.date_start))
        and (wanted.date_end is None or floor(one.created_at) <= floor(wanted.date_end))
    ]
    found.sort(key=lambda one: (one.created_at, one.uuid), reverse=wanted.order == "desc")
    return [one.uuid for one in found[wanted.offset : wanted.offset + wanted.limit]], len(found)


async def compare(store: SqlStore, records: list[LegRecord], chance: Random) -> None:
    moments = [None, NOW, *(NOW + timedelta(seconds=chance.randrange(-60, 4100)) for _ in range(2))]
    for start, end, order in product(moments, moments, ("asc", "desc")):
        wanted = LegFilter(
            application=chance.choice((APP, APP, OTHER, None)),
            status=chance.choice((None, None, *STATUSES)),
            date_start=start,
            date_end=end,
            conversation=chance.choice((None, None, None, ConversationId("CON-7"))),
            order=order,
            offset=chance.choice((0, 3, 30, 80, chance.randrange(320))),
            limit=chance.choice((1, 10, 100)),
        )
        found, count = await store.legs(wanted)
        assert ([one.uuid for one in found], count) == by_hand(records, wanted), wanted


def test_every_page_is_as_if_all_legs_were_counted_and_sorted_by_hand(place: str) -> None:
    chance = Random(place[:8])

    async def main() -> None:
        store = SqlStore(place, spool_bytes=0)
        await store.start()
        records = [record(number, chance) for number in range(300)]
        for one in records:
            store.write_leg(one)
        await compare(store, records, chance)
        # Legs change their status, are written again, move to another time, and are forgotten: the counts follow.
        for index in range(0, 300, 3):
            changed = replace(records[index], status="completed", end_time=NOW, application=APP)
            records[index] = changed
            store.write_leg(changed)
            store.write_leg(changed)
        await compare(store, records, chance)
        await store.forget(NOW + timedelta(seconds=1500), application=APP)
        kept = [
            one
            for one in records
            if one.application != APP or one.status == "started" or one.created_at >= NOW + timedelta(seconds=1500)
        ]
        assert len(kept) < len(records)
        await compare(store, kept, chance)
        await store.stop()

    asyncio.run(main())


def test_a_page_far_behind_the_end_is_empty_and_the_count_stays_right(place: str) -> None:
    async def main() -> None:
        store = SqlStore(place, spool_bytes=0)
        await store.start()
        assert await store.legs(LegFilter(application=APP, offset=200_000)) == ([], 0)
        store.write_leg(record(1, Random(1)))
        assert (await store.legs(LegFilter(application=None, offset=2**40)))[1] == 1
        await store.stop()

    asyncio.run(main())
