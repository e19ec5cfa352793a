"""From settings to limits, emergency numbers, rates and days of keeping; and the look that forgets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ringline.accounts import Application, Directory, Policy, RateTableError, VoiceCapability
from ringline.base import ApplicationId, ConversationId, Instant, LegId, SeededRandom
from ringline.engine.ports import JournalLine, LegFilter, LegRecord, StoredFile
from ringline.io.recordings import FileRecordings
from ringline.io.store import SqlStore
from ringline.server.allowances import emergency_of, keeping_of, make_limits, rates_of
from ringline.server.settings import Settings, SettingsError
from ringline.server.upkeep import Days, Keeping, Upkeep

SHOP = "0b9d0c55-2222-4333-8444-955566677788"
NOW = datetime(2026, 3, 31, tzinfo=UTC)
TEXT = f"""
[limits]
calls_at_once = 20
deny = ["4470"]
[account]
api_key = "abcd1234"
api_secret = "Api-Secret-Of-Tests-1"
signature_secret = "signs-the-webhooks-of-these-tests-only"
[[applications]]
id = "{SHOP}"
name = "shop"
[applications.limits]
spend_a_day = "12.5"
premium = true
[applications.retention]
journal_days = 7
[[numbers]]
number = "442079460000"
application = "shop"
[[trunks]]
name = "carrier"
host = "sip.carrier.example"
country = "DE"
[trunks.limits]
calls_at_once = 30
"""


def load(folder: Path, more: str = "") -> Settings:
    file = folder / "ringline.toml"
    file.write_text(TEXT + more)
    return Settings.load(file, {})


def test_what_an_application_says_overrules_what_holds_for_all(tmp_path: Path) -> None:
    limits = make_limits(load(tmp_path))
    assert limits.policy("app:another") == Policy(calls_at_once=20, calls_per_second=3, deny=("4470",))
    own = limits.policy(f"app:{SHOP}")
    assert (own.calls_at_once, own.spend_a_day, own.premium, own.deny) == (20, Decimal("12.5"), True, ("4470",))
    assert limits.policy("trunk:carrier") == Policy(calls_at_once=30, premium=True)


def test_calls_for_help_are_those_of_the_countries_that_numbers_and_trunks_are_in(tmp_path: Path) -> None:
    found = emergency_of(load(tmp_path))
    assert (found.countries, found.trunk) == (("GB", "DE"), None)
    chosen = emergency_of(load(tmp_path, '[emergency]\ncountries = ["FR"]\nnumbers = [4711]\ntrunk = "carrier"\n'))
    assert (chosen.countries, chosen.numbers, chosen.trunk) == (("FR",), ("4711",), "carrier")


def test_an_emergency_trunk_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean 'carrier'"):
        load(tmp_path, '[emergency]\ntrunk = "carier"\ncountries = ["XX"]\n')


def test_a_rate_table_starts_at_the_settings_and_its_faults_are_named(tmp_path: Path) -> None:
    more = '[prices]\nfile = "rates.csv"\n'
    with pytest.raises(RateTableError, match="cannot be read"):
        rates_of(load(tmp_path, more))
    (tmp_path / "rates.csv").write_text("prefix,rate,network\n44,x,\n")
    with pytest.raises(RateTableError, match=r"rates\.csv.*line 2"):
        rates_of(load(tmp_path, more))
    (tmp_path / "rates.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(RateTableError, match="UTF-8"):
        rates_of(load(tmp_path, more))
    assert len(rates_of(load(tmp_path))) == 0


def test_days_of_keeping_are_those_of_the_application_else_of_all(tmp_path: Path) -> None:
    keeping = keeping_of(load(tmp_path))
    assert keeping.default == Days(journal=30, log=14, recording=30)
    assert keeping.of[ApplicationId(SHOP)] == Days(journal=7, log=14, recording=30)


class _Clock:
    def now(self) -> float:
        return 0.0

    def wallclock(self) -> datetime:
        return NOW

    def instant(self) -> Instant:
        return Instant(0.0, NOW)


def test_each_look_forgets_what_is_due_of_each_application_and_of_deleted_ones(tmp_path: Path) -> None:
    apps = [ApplicationId(name) for name in ("short", "plain", "deleted")]

    async def main() -> None:
        store = SqlStore(tmp_path / "ringline.db", spool_bytes=0)
        await store.start()
        recordings = FileRecordings(tmp_path / "recordings", clock=_Clock(), random=SeededRandom(b"x"))
        await recordings.start()
        old = NOW - timedelta(days=10)
        for app in apps:
            store.write_leg(
                LegRecord(
                    uuid=LegId(app), conversation=ConversationId(app), application=app, status="completed",
                    direction="inbound", from_={}, to={}, created_at=old, end_time=old,
                )
            )  # fmt: skip
            opening = {"event": {"=": "Opened", "application": {"=": "AppSettings", "id": app}}}
            store.write_journal(
                JournalLine(
                    conversation=ConversationId(app), sequence=1, wallclock=old, kind="input", leg=None, data=opening
                )
            )
            file = StoredFile(file_id=f"file-{app}", application=app, media_type="audio/wav", size=1, created_at=old)
            recordings.path(file).write_bytes(b"x")
            store.write_file(file)
        known = [
            Application(id=app, name=app, voice=VoiceCapability(leg_persistence_days=days))
            for app, days in zip(apps, (2, 20), strict=False)
        ]
        upkeep = Upkeep(
            store=store,
            recordings=recordings,
            directory=Directory(applications=known),
            clock=_Clock(),
            keeping=Keeping(default=Days(journal=30, recording=9), of={apps[0]: Days(journal=7, recording=90)}),
        )
        done = await upkeep.once()
        assert (done.legs, done.journals, done.logs, done.recordings) == (2, 1, 0, 2)
        assert [one.uuid for one in (await store.legs(LegFilter(application=None)))[0]] == ["plain"]
        kept = [app for app in apps if await store.journal(ConversationId(app))]
        assert kept == ["plain", "deleted"]
        assert sorted(path.name for path in (tmp_path / "recordings").iterdir()) == ["file-short.wav"]
        again = await upkeep.once()
        assert (again.legs, again.journals, again.recordings) == (0, 0, 0)
        await recordings.close()
        await store.stop()

    asyncio.run(main())
