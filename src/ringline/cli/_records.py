"""Looks into the store of an installation without disturbing it: calls and their journals, read only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ringline.base import ConversationId, LegId, RinglineError, read_leg_id
from ringline.engine.ports import JournalLine, LegRecord
from ringline.io.store.rows import journal_line, leg_record

_SHORTEST_PREFIX: Final = 4


class NoSuchCall(RinglineError):
    """No call, or more than one, is meant."""


class Records:
    """Calls of one store file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def leg(self, text: str) -> LegRecord:
        """Find a call by its UUID, or by the beginning of it.

        Raises:
            NoSuchCall: there is none, or there are several.
        """
        wanted = text.strip().lower()
        whole = read_leg_id(wanted)
        if whole is None and (len(wanted) < _SHORTEST_PREFIX or set(wanted) - set("0123456789abcdef-")):
            raise NoSuchCall(f"{text!r} is no call UUID, nor the first {_SHORTEST_PREFIX} or more characters of one")
        pattern = whole or wanted + "%"
        found = self._all("SELECT * FROM legs WHERE uuid LIKE ? LIMIT 2", (pattern,))
        if not found:
            raise NoSuchCall(f"no call {text} is in the records")
        if len(found) > 1:
            raise NoSuchCall(f"more than one call begins with {text}")
        return leg_record(found[0])

    def legs(self, *, status: str | None = None, limit: int = 20) -> list[LegRecord]:
        """The latest calls, oldest of them first."""
        where, values = ("WHERE status = ?", [status]) if status else ("", [])
        found = self._all(f"SELECT * FROM legs {where} ORDER BY created_at DESC, id DESC LIMIT ?", [*values, limit])
        return [leg_record(row) for row in reversed(found)]

    def conversations_of(self, leg: LegId) -> list[ConversationId]:
        """The conversations whose journals speak of this leg, oldest first."""
        found = self._all("SELECT conversation FROM journal_legs WHERE leg = ? ORDER BY since", (leg,))
        return [ConversationId(row["conversation"]) for row in found]

    def journal(self, conversation: ConversationId) -> list[JournalLine]:
        found = self._all("SELECT * FROM journal WHERE conversation = ? ORDER BY sequence", (conversation,))
        return [journal_line(row) for row in found]

    def journals_of(self, leg: LegId) -> list[JournalLine]:
        """All lines of all conversations a leg was in."""
        return [line for conversation in self.conversations_of(leg) for line in self.journal(conversation)]

    def newest_line(self) -> int:
        """The position of the journals' latest line; 0 when there is none."""
        return int(self._all("SELECT coalesce(max(id), 0) AS newest FROM journal", ())[0]["newest"])

    def lines_after(self, position: int, limit: int = 500) -> tuple[int, list[JournalLine]]:
        """What was journaled after a position, of all conversations, and the position to go on from."""
        found = self._all("SELECT * FROM journal WHERE id > ? ORDER BY id LIMIT ?", (position, limit))
        return (int(found[-1]["id"]) if found else position), [journal_line(row) for row in found]

    def _all(self, query: str, values: Sequence[Any]) -> list[Mapping[str, Any]]:
        try:
            return [dict(row) for row in self._connection.execute(query, values)]
        except sqlite3.Error as error:
            raise NoSuchCall(f"the store cannot be read: {error}") from error


@contextmanager
def open_records(path: Path) -> Iterator[Records]:
    """Open the store file of an installation; it may be running.

    Raises:
        NoSuchCall: there is no such file, or it cannot be opened.
    """
    if not path.is_file():
        raise NoSuchCall(f"there is no store at {path} yet: nothing was called here")
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=5, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise NoSuchCall(f"the store {path} cannot be opened: {error}") from error
    connection.row_factory = sqlite3.Row
    try:
        yield Records(connection)
    finally:
        connection.close()
