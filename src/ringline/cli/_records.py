"""Looks into the store of an installation without disturbing it: calls and their journals, read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, func, select

from ringline.base import ConversationId, LegId, ProviderError, RinglineError, read_leg_id
from ringline.engine.delivery.delivery_log import entry
from ringline.engine.ports import JournalLine, LegRecord
from ringline.io.store import open_database
from ringline.io.store.database import Glance
from ringline.io.store.rows import journal_line, leg_record
from ringline.io.store.tables import JOURNAL, JOURNAL_LEGS, LEGS

_SHORTEST_PREFIX: Final = 4
_LATEST_LINES: Final = 50_000
"So many are looked at where something is searched for: a journal has no index by what is in it."


class NoSuchCall(RinglineError):
    """No call, or more than one, is meant."""


class Records:
    """Calls of one store."""

    def __init__(self, glance: Glance) -> None:
        self._glance = glance

    def leg(self, text: str) -> LegRecord:
        """Find a call by its UUID, or by the beginning of it.

        Raises:
            NoSuchCall: there is none, or there are several.
        """
        wanted = text.strip().lower()
        whole = read_leg_id(wanted)
        if whole is None and (len(wanted) < _SHORTEST_PREFIX or set(wanted) - set("0123456789abcdef-")):
            raise NoSuchCall(f"{text!r} is no call UUID, nor the first {_SHORTEST_PREFIX} or more characters of one")
        known = LEGS.c.uuid == whole if whole is not None else LEGS.c.uuid.between(wanted, wanted + "~")
        found = self._all(select(LEGS).where(known).limit(2))
        if not found:
            raise NoSuchCall(f"no call {text} is in the records")
        if len(found) > 1:
            raise NoSuchCall(f"more than one call begins with {text}")
        return leg_record(found[0])

    def legs(self, *, status: str | None = None, limit: int = 20) -> list[LegRecord]:
        """The latest calls, oldest of them first."""
        latest = select(LEGS).order_by(LEGS.c.created_at.desc(), LEGS.c.id.desc()).limit(limit)
        found = self._all(latest.where(LEGS.c.status == status) if status else latest)
        return [leg_record(row) for row in reversed(found)]

    def conversations_of(self, leg: LegId) -> list[ConversationId]:
        """The conversations whose journals speak of this leg, oldest first."""
        rooms = select(JOURNAL_LEGS.c.conversation).where(JOURNAL_LEGS.c.leg == leg)
        found = self._all(rooms.order_by(JOURNAL_LEGS.c.since, JOURNAL_LEGS.c.conversation))
        return [ConversationId(row["conversation"]) for row in found]

    def journal(self, conversation: ConversationId) -> list[JournalLine]:
        lines = select(JOURNAL).where(JOURNAL.c.conversation == conversation)
        found = self._all(lines.order_by(JOURNAL.c.sequence))
        return [journal_line(row) for row in found]

    def journals_of(self, leg: LegId) -> list[JournalLine]:
        """All lines of all conversations a leg was in."""
        return [line for conversation in self.conversations_of(leg) for line in self.journal(conversation)]

    def webhooks_of(self, leg: LegId) -> list[dict[str, Any]]:
        """The delivery log of a call, oldest request first."""
        found = (entry(line) for line in self.journals_of(leg) if line.leg == leg)
        return sorted((one for one in found if one is not None), key=lambda one: str(one["time"]))

    def audio_notes(self, since: datetime) -> list[JournalLine]:
        """What was noted of the audio of calls since then, oldest first; of the journals' latest lines only."""
        latest = JOURNAL.c.id > self.newest_line() - _LATEST_LINES
        told = JOURNAL.c.data.contains('"what":"audio"') | JOURNAL.c.data.contains('"what": "audio"')
        lines = select(JOURNAL).where(latest, JOURNAL.c.kind == "trace", told).order_by(JOURNAL.c.id)
        found = (journal_line(row) for row in self._all(lines))
        return [line for line in found if line.wallclock >= since]

    def newest_line(self) -> int:
        """The position of the journals' latest line; 0 when there is none."""
        return int(self._all(select(func.coalesce(func.max(JOURNAL.c.id), 0).label("newest")))[0]["newest"])

    def lines_after(self, position: int, limit: int = 500) -> tuple[int, list[JournalLine]]:
        """What was journaled after a position, of all conversations, and the position to go on from."""
        found = self._all(select(JOURNAL).where(JOURNAL.c.id > position).order_by(JOURNAL.c.id).limit(limit))
        return (int(found[-1]["id"]) if found else position), [journal_line(row) for row in found]

    def _all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        try:
            return self._glance.all(query)
        except ProviderError as error:
            raise NoSuchCall(str(error)) from error


@contextmanager
def open_records(store: str | Path) -> Iterator[Records]:
    """Open the store of an installation, by its URL or file; it may be running.

    Raises:
        NoSuchCall: there is no such store, or it cannot be opened.
        ConfigError: it is none.
    """
    try:
        glance = open_database(store).look()
    except ProviderError as error:
        raise NoSuchCall(str(error)) from error
    try:
        yield Records(glance)
    finally:
        glance.close()
