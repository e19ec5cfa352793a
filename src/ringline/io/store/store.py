"""`SqlStore`: journal, leg records, recordings' index, applications and numbers in one database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select

from ringline.base import ConversationId, LegId, ProviderError, get_log
from ringline.engine.ports import (
    JournalLine,
    LegFilter,
    LegRecord,
    OpenRecording,
    OpenTranscription,
    Remains,
    StoredEvent,
)
from ringline.io.store import rows, statements
from ringline.io.store.applications import ApplicationTables
from ringline.io.store.bindings import BindingTable
from ringline.io.store.chronicle import ChronicleTables
from ringline.io.store.database import Away, Statement, Write
from ringline.io.store.files import FileTable
from ringline.io.store.hosted_domains import HostedDomainTables
from ringline.io.store.listing import page_of_legs
from ringline.io.store.location import open_database
from ringline.io.store.office import Office
from ringline.io.store.retention import Retention, application_of_opening
from ringline.io.store.spool import Record, Spool
from ringline.io.store.tables import (
    DIALOGS,
    JOURNAL,
    JOURNAL_LEGS,
    LEGS,
    OPEN_RECORDINGS,
    OPEN_TRANSCRIPTIONS,
    OUTBOX,
    USAGE,
)
from ringline.io.store.writer import Writer

log = get_log(__name__)
_KNOWN_PAIRS: Final = 20_000
_STOP_S: Final = 5.0
SPOOL_BYTES: Final = 16_000_000
_MOST_EVENTS: Final = 20_000
_LEG: Final = select(LEGS).where(LEGS.c.uuid == bindparam("uuid"))
_LONGEST_PACE_S: Final = 5.0
_SPEND: Final = 10**8
"Money is kept as whole hundred-millionths."


class SqlStore(ApplicationTables, FileTable, Office, Retention, ChronicleTables, BindingTable, HostedDomainTables):
    """The store of a single node (`ringline.engine.ports.Store`, and what commands and the API keep).

    Writes go to a queue and from there to disk in groups (`Writer`); reads wait until all writes before them are on
    disk, so they see them. The queue holds `max_pending` rows: above half of that, `trace` lines are dropped, above
    all of it everything is, each of them counted. `overloaded` says well before that new calls had better be refused.

    When the database takes nothing (full disk, locked, removed) nothing raises: rows wait, `trouble` says why, reads
    give what is on disk. Undelivered events, leg records, dialogs and open recordings go to a spool of at most
    `spool_bytes` beside it (`ringline.db.spool`) meanwhile, and from there to the database at the next start if need
    be.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        max_pending: int = 100_000,
        spool_bytes: int = SPOOL_BYTES,
        data_dir: Path = Path(),
    ) -> None:
        """`url` is `sqlite:///path/to/file.db`, the path of the file, or `postgresql://user:password@host/database`.

        `spool_bytes` 0 is no spool. That of a SQLite file is beside it, that of PostgreSQL in `data_dir`.

        Raises:
            ConfigError: another kind of database, or none.
        """
        self._database = open_database(url)
        self._max_pending = max_pending
        self._spool = Spool(self._database.spool_path(data_dir), spool_bytes) if spool_bytes else None
        self._writer = Writer(self._database.connect, max_pending=max_pending, spool=self._spool)
        self._reader = self._database.reader()
        self._pairs: set[tuple[str, str]] = set()
        self._events: dict[str, Write | None] = {}

    async def start(self) -> None:
        """Bring the schema up to date and begin to write.

        Raises:
            ProviderError: the file cannot be used.
        """
        await asyncio.to_thread(self._prepare)
        await self._reader.start()
        self._writer.start()

    async def stop(self, timeout_s: float = _STOP_S) -> int:
        """Write what is left and close; return how many rows were lost because the disk did not take them in time."""
        lost = await self._writer.stop(timeout_s)
        await self._reader.stop()
        if self._spool is not None:
            self._spool.close()
        return lost

    # ── how it is ──────────────────────────────────────────────────────────────────────────────────────────────────

    def trouble(self) -> str | None:
        """Why nothing can be written just now (full disk), for `/readyz`; None when all is well."""
        why = self._writer.trouble()
        if why is None or self._spool is None:
            return why
        spool = self._spool
        if spool.lost:
            return f"{why}; the spool {spool.path} is full: a crash would now lose events"
        return f"{why}; what must not be lost is in {spool.path} ({spool.used} of {spool.max_bytes} bytes)"

    def lag_s(self) -> float:
        """How long the oldest row that is not on disk yet has been waiting, in seconds."""
        return self._writer.lag_s()

    def overloaded(self) -> bool:
        """Whether so much is waiting that new calls had better be refused."""
        return self._writer.gauges()["store_pending_rows"] > self._max_pending / 4

    async def pace(self) -> None:
        """For who brings new work: return at once while the store keeps up, else when what waits now is on disk.

        So a crowd is slowed down to what the disk takes, in the order in which it came. Nobody waits for long, nor
        for a database that takes nothing.
        """
        if self._writer.gauges()["store_pending_rows"] > self._max_pending / 20:
            with contextlib.suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_LONGEST_PACE_S):
                    await self._writer.flushed()

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`, by name."""
        return self._writer.gauges()

    async def flush(self) -> None:
        """Return when everything written so far is on disk.

        Raises:
            ProviderError: the disk does not take it now. Nothing is lost by that.
        """
        await self._writer.flushed()

    def together(self) -> AbstractContextManager[None]:
        """What is written inside goes to disk as one transaction."""
        return self._writer.together()

    # ── what survives a sudden end ─────────────────────────────────────────────────────────────────────────────────

    def write_event(self, event: StoredEvent) -> None:
        self._events[event.event_id] = self._writer.submit(statements.PUT_EVENT, rows.event_row(event))

    def forget_event(self, event_id: str) -> None:
        """It was delivered, or given up; if it is not on disk yet it never gets there."""
        write = self._events.pop(event_id, None)
        if write is None or not self._writer.withdraw(write):
            self._writer.put(statements.TAKE_EVENT, {"event_id": event_id})

    def write_dialog(self, leg: LegId, document: Mapping[str, Any]) -> None:
        self._writer.put(statements.PUT_DIALOG, rows.dialog_row(leg, document))

    def forget_dialog(self, leg: LegId) -> None:
        self._writer.put(statements.TAKE_DIALOG, {"leg": leg})

    def write_open_recording(self, recording: OpenRecording) -> None:
        self._writer.put(statements.PUT_RECORDING, rows.recording_row(recording))

    def forget_open_recording(self, recording: str) -> None:
        self._writer.put(statements.TAKE_RECORDING, {"recording": recording})

    def write_open_transcription(self, task: OpenTranscription) -> None:
        self._writer.put(statements.PUT_TRANSCRIPTION, rows.transcription_row(task))

    def forget_open_transcription(self, transcription: str) -> None:
        self._writer.put(statements.TAKE_TRANSCRIPTION, {"transcription": transcription})

    async def remains(self) -> Remains:
        """What the last run left undone. Ask before this run writes anything."""
        events = await self._all(select(OUTBOX).order_by(OUTBOX.c.sequence.desc()).limit(_MOST_EVENTS))
        dialogs = await self._all(select(DIALOGS).order_by(DIALOGS.c.leg))
        recordings = await self._all(select(OPEN_RECORDINGS).order_by(OPEN_RECORDINGS.c.started_at))
        transcriptions = await self._all(select(OPEN_TRANSCRIPTIONS).order_by(OPEN_TRANSCRIPTIONS.c.asked_at))
        return Remains(
            events=[rows.stored_event(row) for row in reversed(events)],
            legs=await self.unfinished_legs(),
            dialogs=[rows.dialog_of(row) for row in dialogs],
            recordings=[rows.open_recording(row) for row in recordings],
            transcriptions=[rows.open_transcription(row) for row in transcriptions],
        )

    # ── journal and legs ───────────────────────────────────────────────────────────────────────────────────────────

    def write_journal(self, line: JournalLine) -> None:
        row = rows.journal_row(line)
        kept = self._writer.put(statements.ADD_LINE, row, optional=line.kind == "trace")
        if line.sequence == 1:
            self._note_journal(line, row["wallclock"])
        if not kept or line.leg is None:
            return
        pair = (line.leg, line.conversation)
        if pair not in self._pairs:
            if len(self._pairs) >= _KNOWN_PAIRS:
                self._pairs.clear()
            self._pairs.add(pair)
            if line.sequence > 1:  # its journal may have been forgotten meanwhile, and begins anew
                self._note_journal(line, row["wallclock"])
            self._writer.put(
                statements.ADD_PAIR,
                {"leg": line.leg, "conversation": line.conversation, "since": row["wallclock"]},
            )

    def write_leg(self, record: LegRecord) -> None:
        """Insert or replace a leg's record."""
        self._writer.put(statements.PUT_LEG, rows.leg_row(record))

    def write_usage(self, owner: str, *, day: int, seconds: int, spend: Decimal) -> None:
        """Add what a call came to to what its owner has used on a day."""
        row = {"owner": owner, "day": day, "seconds": seconds, "spend": int(spend * _SPEND)}
        self._writer.put(statements.ADD_USAGE, row)

    async def usage(self, day: int) -> Sequence[tuple[str, int, Decimal]]:
        """What everybody has used on a day: owner, seconds, spend."""
        found = await self._all(select(USAGE).where(USAGE.c.day == day).order_by(USAGE.c.owner))
        return [(row["owner"], row["seconds"], Decimal(row["spend"]) / _SPEND) for row in found]

    async def leg(self, uuid: LegId) -> LegRecord | None:
        found = await self._all(_LEG, {"uuid": uuid})
        return rows.leg_record(found[0]) if found else None

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]:
        """The page asked for, and how many match in all. Bounds of time are inclusive, to the millisecond."""
        found, count = await page_of_legs(self._all, wanted)
        return [rows.leg_record(row) for row in found], count

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

    async def traces(self, leg: LegId, *, limit: int = 1000) -> Sequence[JournalLine]:
        """What was noted about a leg for people (SIP, webhooks), oldest first; the latest `limit` lines."""
        rooms = select(JOURNAL_LEGS.c.conversation).where(JOURNAL_LEGS.c.leg == leg)
        lines = select(JOURNAL).where(
            JOURNAL.c.conversation.in_(rooms), JOURNAL.c.leg == leg, JOURNAL.c.kind == "trace"
        )
        found = await self._all(lines.order_by(JOURNAL.c.id.desc()).limit(limit))
        return [rows.journal_line(row) for row in reversed(found)]

    async def last_lines(self, conversations: Sequence[ConversationId]) -> Mapping[ConversationId, int]:
        """The number of the last line of each journal; those that have none are left out."""
        found: dict[ConversationId, int] = {}
        for start in range(0, len(conversations), 500):
            wanted = conversations[start : start + 500]
            query = select(JOURNAL.c.conversation, func.max(JOURNAL.c.sequence).label("last"))
            query = query.where(JOURNAL.c.conversation.in_(wanted)).group_by(JOURNAL.c.conversation)
            found |= {ConversationId(row["conversation"]): int(row["last"]) for row in await self._all(query)}
        return found

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, statement: Statement, row: rows.Row) -> None:
        self._writer.put(statement, row)

    def _prepare(self) -> None:
        """Bring the schema up to date, and put what the last run had to put into the spool into the database."""
        self._database.migrate()
        if self._spool is None:
            return
        try:
            left = self._spool.open()
            if left:
                self._empty_spool(left)
        except OSError as error:
            raise ProviderError(f"{self._spool.path} cannot be used: {error}") from error
        except Away as error:
            raise ProviderError(f"{self._database.name} cannot be used: {error}") from error

    def _empty_spool(self, left: Sequence[Record]) -> None:
        assert self._spool is not None
        known = [Write(statements.VITAL[name], row, 0.0, 0) for name, row in left if name in statements.VITAL]
        session = self._database.connect()
        try:
            refused = session.write_each(known)
        finally:
            session.close()
        self._spool.clear()
        log.warning("the spool was put into the store", rows=len(known), refused=len(refused))

    def _note_journal(self, line: JournalLine, at: int) -> None:
        row = {"conversation": line.conversation, "opened_at": at, "traced": 1}
        self._writer.put(statements.ADD_JOURNAL, row | {"application": application_of_opening(line.data)})

    def _journal_is_gone(self, conversation: str) -> None:
        """Its legs are no longer known to be in it: should it go on after all, they are noted again."""
        self._pairs = {pair for pair in self._pairs if pair[1] != conversation}

    async def _all(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        try:
            await self._writer.flushed()
        except ProviderError:
            # A disk that takes nothing can still be read: better what is there than nothing.
            if self._writer.trouble() is None:
                raise
        return await self._reader.all(query, values)
