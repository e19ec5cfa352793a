"""Erases what is kept of one telephone number: a person asked for it, or the law does.

What calls with the number left behind (journals with their keys, words and delivery logs, undelivered events,
recordings) is deleted. Leg records stay, for they are the bill, but name nobody any more; so does everything else that
mentions the number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Select, Table, bindparam, delete, or_, select, update

from ringline.engine.ports import StoredFile
from ringline.io.store import rows, statements
from ringline.io.store.chronicle_tables import CONVERSATIONS, EVENTS, MEMBERS, USERS
from ringline.io.store.database import Statement
from ringline.io.store.statements import compiled
from ringline.io.store.tables import AUDIT, FILES, JOURNAL, JOURNAL_LEGS, LEGS, MEDIA_INFO, OUTBOX

NOBODY: Final = "anonymous"
"What stands in the place of the number: client libraries know it as a caller without one."
_AT_ONCE: Final = 500
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MENTIONS: Final[Mapping[str, tuple[Table, tuple[str, ...], tuple[str, ...]]]] = {
    "legs": (LEGS, ("uuid",), ("from_", "to")),
    "journal lines": (JOURNAL, ("id",), ("data",)),
    "conversations": (CONVERSATIONS, ("conversation",), ("name", "document")),
    "members": (MEMBERS, ("member",), ("document",)),
    "conversation events": (EVENTS, ("conversation", "number"), ("body",)),
    "users": (USERS, ("person",), ("name", "document")),
    "notes beside files": (MEDIA_INFO, ("file_id",), ("words",)),
    "audit lines": (AUDIT, ("id",), ("target", "details")),
}
"What is looked through: table, key, and columns that may mention people."


class _Rows(Protocol):
    """What the store lends."""

    def _put(self, statement: Statement, row: rows.Row) -> None: ...

    async def _all(self, query: Select[Any]) -> Sequence[rows.Row]: ...

    async def flush(self) -> None: ...


@dataclass(slots=True)
class Erased:
    """What was done."""

    live: list[str] = field(default_factory=list)
    "Calls with the number that are up: nothing of their conversations was touched."
    journals: int = 0
    "Conversations whose journals, with delivery logs, were deleted."
    events: int = 0
    "Undelivered events that were deleted."
    recordings: list[StoredFile] = field(default_factory=list)
    "Recordings of these calls: their index is gone, the files are the caller's to delete."
    mentions: dict[str, int] = field(default_factory=dict)
    "Rows in which the number was replaced, by what they are."


def pattern_of(number: str) -> re.Pattern[str]:
    """What counts as the number: its digits with no other digit beside them, a `+` or `00` before them included."""
    return re.compile(rf"(?<![0-9])(?:\+|00)?{re.escape(number)}(?![0-9])")


async def erase(store: _Rows, number: str) -> Erased:
    """Erase a number (E.164 digits) from a store; see the head of this module for what that means.

    Raises:
        ProviderError: the database does not take it; what was done by then is done, and may be asked for again.
    """
    done = Erased()
    pattern = pattern_of(number)
    legs = [row for row in await _mentioning(store, LEGS, ("from_", "to"), number) if _says(row, pattern)]
    done.live = [row["uuid"] for row in legs if row["end_time"] is None and row["status"] not in statements.FINAL]
    taken = {row["conversation"] for row in legs}
    for start in range(0, len(legs), _AT_ONCE):
        uuids = [row["uuid"] for row in legs[start : start + _AT_ONCE]]
        found = await store._all(select(JOURNAL_LEGS.c.conversation).where(JOURNAL_LEGS.c.leg.in_(uuids)).distinct())
        taken |= {row["conversation"] for row in found}
    alive = await _alive(store, sorted(taken))
    for room in sorted(taken - alive):
        await _forget_conversation(store, room, done)
    for row in await _mentioning(store, OUTBOX, ("payload",), number):
        if row["conversation"] not in alive and pattern.search(row["payload"]):
            store._put(statements.TAKE_EVENT, {"event_id": row["event_id"]})
            done.events += 1
    await store.flush()
    for what, (table, keys, columns) in _MENTIONS.items():
        count = await _redact(store, table, keys, columns, number, pattern, alive)
        if count:
            done.mentions[what] = count
    await store.flush()
    return done


async def _alive(store: _Rows, rooms: Sequence[str]) -> set[str]:
    """Those of the conversations in which a leg has no end yet."""
    found: set[str] = set()
    for start in range(0, len(rooms), _AT_ONCE):
        query = select(LEGS.c.conversation).where(
            LEGS.c.conversation.in_(rooms[start : start + _AT_ONCE]),
            LEGS.c.end_time.is_(None),
            LEGS.c.status.not_in(statements.FINAL),
        )
        found |= {row["conversation"] for row in await store._all(query)}
    return found


async def _forget_conversation(store: _Rows, room: str, done: Erased) -> None:
    """Delete a journal, and the recordings that it names."""
    lines = await store._all(select(JOURNAL.c.data).where(JOURNAL.c.conversation == room))
    named = sorted({uuid for line in lines for uuid in _UUID.findall(line["data"])})
    for start in range(0, len(named), _AT_ONCE):
        files = await store._all(select(FILES).where(FILES.c.file_id.in_(named[start : start + _AT_ONCE])))
        for row in files:
            done.recordings.append(rows.stored_file(row))
            store._put(statements.DELETE_FILE, {"file_id": row["file_id"]})
            store._put(statements.DELETE_FILE_INFO, {"file_id": row["file_id"]})
    for statement in _FORGET_CONVERSATION:
        store._put(statement, {"room": room})
    done.journals += bool(lines)
    await store.flush()


async def _redact(
    store: _Rows,
    table: Table,
    keys: Sequence[str],
    columns: Sequence[str],
    number: str,
    pattern: re.Pattern[str],
    alive: set[str],
) -> int:
    count = 0
    statement = _redaction(table, tuple(keys), tuple(columns))
    for row in await _mentioning(store, table, columns, number):
        changed = {name: pattern.sub(NOBODY, row[name]) for name in columns}
        if row.get("conversation") in alive or all(row[name] == text for name, text in changed.items()):
            continue
        store._put(statement, {f"key_{name}": row[name] for name in keys} | changed)
        count += 1
        if count % _AT_ONCE == 0:
            await store.flush()
    return count


async def _mentioning(store: _Rows, table: Table, columns: Sequence[str], number: str) -> Sequence[rows.Row]:
    where: list[ColumnElement[bool]] = [table.c[name].contains(number, autoescape=True) for name in columns]
    return await store._all(select(table).where(or_(*where)))


def _says(row: rows.Row, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(row[name]) for name in ("from_", "to"))


@cache
def _redaction(table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Statement:
    query = update(table).where(*(table.c[name] == bindparam(f"key_{name}") for name in keys))
    return compiled(query.values({name: bindparam(name) for name in columns}), fence=True)


_FORGET_CONVERSATION: Final = (
    compiled(delete(JOURNAL).where(JOURNAL.c.conversation == bindparam("room")), fence=True),
    compiled(delete(JOURNAL_LEGS).where(JOURNAL_LEGS.c.conversation == bindparam("room")), fence=True),
    compiled(delete(OUTBOX).where(OUTBOX.c.conversation == bindparam("room")), fence=True),
)
