"""`SqlStore`: journal, leg records, recordings' index, applications and numbers in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ringline.accounts import Application, Number
from ringline.base import ApplicationId, ConfigError, ConversationId, LegId, ProviderError
from ringline.engine.ports import JournalLine, LegFilter, LegRecord, StoredFile
from ringline.io.store import rows, statements
from ringline.io.store.migrate import connect, migrate
from ringline.io.store.reader import Reader
from ringline.io.store.tables import APPLICATIONS, FILES, JOURNAL, JOURNAL_LEGS, LEGS, NUMBERS
from ringline.io.store.writer import Writer

_KNOWN_PAIRS: Final = 20_000
_MILLISECOND: Final = 1000
_STOP_S: Final = 5.0


class SqlStore:
    """The store of a single node (`ringline.engine.ports.Store`, and what commands and the API keep).

    Writes go to a queue and from there to disk in groups (`Writer`); reads wait until all writes before them are on
    disk, so they see them. The queue holds `max_pending` rows: above half of that, `trace` lines are dropped, above
    all of it everything is, each of them counted. `overloaded` says well before that new calls had better be refused.

    On a full disk nothing raises: rows wait, `trouble` says why, reads give what is on disk.
    """

    def __init__(self, url: str | Path, *, max_pending: int = 100_000) -> None:
        """`url` is `sqlite:///path/to/file.db`, or the path of the file.

        Raises:
            ConfigError: another kind of database, or no file.
        """
        self._path = database_path(url)
        self._max_pending = max_pending
        self._writer = Writer(self._connect, max_pending=max_pending)
        self._reader = Reader(self._path)
        self._pairs: set[tuple[str, str]] = set()

    async def start(self) -> None:
        """Bring the schema up to date and begin to write.

        Raises:
            ProviderError: the file cannot be used.
        """
        await asyncio.to_thread(migrate, self._path)
        await self._reader.start()
        self._writer.start()

    async def stop(self, timeout_s: float = _STOP_S) -> int:
        """Write what is left and close; return how many rows were lost because the disk did not take them in time."""
        lost = await self._writer.stop(timeout_s)
        await self._reader.stop()
        return lost

    # ── how it is ──────────────────────────────────────────────────────────────────────────────────────────────────

    def trouble(self) -> str | None:
        """Why nothing can be written just now (full disk), for `/readyz`; None when all is well."""
        return self._writer.trouble()

    def lag_s(self) -> float:
        """How long the oldest row that is not on disk yet has been waiting, in seconds."""
        return self._writer.lag_s()

    def overloaded(self) -> bool:
        """Whether so much is waiting that new calls had better be refused."""
        return self._writer.gauges()["store_pending_rows"] > self._max_pending / 4

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`, by name."""
        return self._writer.gauges()

    async def flush(self) -> None:
        """Return when everything written so far is on disk.

        Raises:
            ProviderError: the disk does not take it now. Nothing is lost by that.
        """
        await self._writer.flushed()

    # ── journal, legs, files ───────────────────────────────────────────────────────────────────────────────────────

    def write_journal(self, line: JournalLine) -> None:
        row = rows.journal_row(line)
        kept = self._writer.put(statements.ADD_LINE, row, optional=line.kind == "trace")
        if not kept or line.leg is None:
            return
        pair = (line.leg, line.conversation)
        if pair not in self._pairs:
            if len(self._pairs) >= _KNOWN_PAIRS:
                self._pairs.clear()
            self._pairs.add(pair)
            self._writer.put(
                statements.ADD_PAIR,
                {"leg": line.leg, "conversation": line.conversation, "since": row["wallclock"]},
            )

    def write_leg(self, record: LegRecord) -> None:
        """Insert or replace a leg's record."""
        self._writer.put(statements.PUT_LEG, rows.leg_row(record))

    def write_file(self, file: StoredFile) -> None:
        self._writer.put(statements.PUT_FILE, rows.file_row(file))

    async def leg(self, uuid: LegId) -> LegRecord | None:
        found = await self._all(select(LEGS).where(LEGS.c.uuid == uuid))
        return rows.leg_record(found[0]) if found else None

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]:
        """The page asked for, and how many match in all. Bounds of time are inclusive, to the millisecond."""
        matching = _matching(wanted)
        descending = wanted.order == "desc"
        order = (LEGS.c.created_at.desc(), LEGS.c.id.desc()) if descending else (LEGS.c.created_at, LEGS.c.id)
        page = matching.order_by(*order).limit(wanted.limit).offset(wanted.offset)
        found = await self._all(page)
        count = await self._all(select(func.count().label("count")).select_from(matching.subquery()))
        return [rows.leg_record(row) for row in found], int(count[0]["count"])

    async def unfinished_legs(self) -> Sequence[LegRecord]:
        """Legs that have no end: what a sudden end of the process left behind, oldest first."""
        open_legs = select(LEGS).where(LEGS.c.end_time.is_(None), LEGS.c.status.not_in(statements.FINAL))
        return [rows.leg_record(row) for row in await self._all(open_legs.order_by(LEGS.c.created_at, LEGS.c.id))]

    async def journal(self, conversation: ConversationId) -> Sequence[JournalLine]:
        lines = select(JOURNAL).where(JOURNAL.c.conversation == conversation).order_by(JOURNAL.c.sequence)
        return [rows.journal_line(row) for row in await self._all(lines)]

    async def conversations_of(self, uuid: LegId) -> Sequence[ConversationId]:
        """The conversations whose journals speak of this leg, oldest first."""
        pairs = select(JOURNAL_LEGS.c.conversation).where(JOURNAL_LEGS.c.leg == uuid)
        found = await self._all(pairs.order_by(JOURNAL_LEGS.c.since, JOURNAL_LEGS.c.conversation))
        return [ConversationId(row["conversation"]) for row in found]

    async def file(self, file_id: str) -> StoredFile | None:
        found = await self._all(select(FILES).where(FILES.c.file_id == file_id))
        return rows.stored_file(found[0]) if found else None

    async def files_before(self, before: datetime, *, limit: int = 500) -> Sequence[StoredFile]:
        """The oldest recordings made before a time: delete each file, then `delete_file`."""
        old = select(FILES).where(FILES.c.created_at < rows.to_microseconds(before))
        found = await self._all(old.order_by(FILES.c.created_at, FILES.c.file_id).limit(limit))
        return [rows.stored_file(row) for row in found]

    async def delete_file(self, file_id: str) -> None:
        self._writer.put(statements.DELETE_FILE, {"file_id": file_id})
        await self.flush()

    async def forget(self, before: datetime, *, application: ApplicationId | None = None) -> None:
        """Delete ended legs made before a time, of one application or of all.

        Without `application`, journals whose last line is older are deleted too: a conversation is kept as long as
        anything happens in it.
        """
        moment = rows.to_microseconds(before)
        if application is not None:
            self._writer.put(statements.FORGET_LEGS_OF, {"before": moment, "application": application})
        else:
            self._writer.put(statements.FORGET_LEGS, {"before": moment})
            for row in await self._all(_silent_since(moment)):
                self._forget_journal(row["conversation"], moment)
        await self.flush()

    # ── applications and numbers made through the API or by command ────────────────────────────────────────────────

    async def applications(self) -> Sequence[Application]:
        """Oldest first."""
        found = await self._all(select(APPLICATIONS).order_by(APPLICATIONS.c.created_at, APPLICATIONS.c.id))
        return [rows.application_of(row) for row in found]

    async def save_application(self, application: Application) -> None:
        """Insert or replace; returns when it is on disk. Its private key is nowhere in it."""
        self._writer.put(statements.PUT_APPLICATION, rows.application_row(application, datetime.now(UTC)))
        await self.flush()

    async def delete_application(self, application_id: ApplicationId) -> None:
        """Delete an application and unlink its numbers."""
        self._writer.put(statements.DELETE_APPLICATION, {"id": application_id})
        self._writer.put(statements.UNLINK_NUMBERS, {"id": application_id})
        await self.flush()

    async def numbers(self) -> Sequence[Number]:
        """Oldest first."""
        found = await self._all(select(NUMBERS).order_by(NUMBERS.c.created_at, NUMBERS.c.msisdn))
        return [rows.number_of(row) for row in found]

    async def save_number(self, number: Number) -> None:
        """Insert or replace; returns when it is on disk."""
        self._writer.put(statements.PUT_NUMBER, rows.number_row(number, datetime.now(UTC)))
        await self.flush()

    async def delete_number(self, msisdn: str) -> None:
        self._writer.put(statements.DELETE_NUMBER, {"msisdn": msisdn})
        await self.flush()

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self) -> sqlite3.Connection:
        return connect(self._path)

    def _forget_journal(self, conversation: str, moment: int) -> None:
        # The statement looks again: a line may have been written since the conversation was found to be silent.
        self._writer.put(statements.FORGET_LINES, {"conversation": conversation, "before": moment})
        self._writer.put(statements.FORGET_PAIRS, {"conversation": conversation})
        self._pairs = {pair for pair in self._pairs if pair[1] != conversation}

    async def _all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        try:
            await self._writer.flushed()
        except ProviderError:
            # A disk that takes nothing can still be read: better what is there than nothing.
            if self._writer.trouble() is None:
                raise
        return await self._reader.all(query)


def database_path(url: str | Path) -> Path:
    """The file a store URL names.

    Raises:
        ConfigError: it names another kind of database, or none.
    """
    if isinstance(url, Path):
        return url
    if "://" not in url:
        return Path(url)
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("is not a database URL", where="[store]", key="url") from error
    if parsed.drivername not in ("sqlite", "sqlite+aiosqlite"):
        raise ConfigError(f"{parsed.drivername} is not supported: only sqlite:///file is", where="[store]", key="url")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("must name a file: sqlite:///ringline.db", where="[store]", key="url")
    return Path(parsed.database)


def _matching(wanted: LegFilter) -> Select[Any]:
    query = select(LEGS)
    if wanted.application is not None:
        query = query.where(LEGS.c.application == wanted.application)
    if wanted.status is not None:
        query = query.where(LEGS.c.status == wanted.status)
    if wanted.conversation is not None:
        query = query.where(LEGS.c.conversation == wanted.conversation)
    # Times are shown in milliseconds, and a shown time used as a bound must include the leg it was shown for.
    if wanted.date_start is not None:
        start = rows.to_microseconds(wanted.date_start) // _MILLISECOND * _MILLISECOND
        query = query.where(LEGS.c.created_at >= start)
    if wanted.date_end is not None:
        end = (rows.to_microseconds(wanted.date_end) // _MILLISECOND + 1) * _MILLISECOND
        query = query.where(LEGS.c.created_at < end)
    return query


def _silent_since(moment: int) -> Select[Any]:
    grouped = select(JOURNAL.c.conversation).group_by(JOURNAL.c.conversation)
    return grouped.having(func.max(JOURNAL.c.wallclock) < moment)
