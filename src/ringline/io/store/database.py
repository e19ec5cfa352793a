"""What the store asks of a database: bring it up to date, write batches in one thread, read beside it.

Two kinds keep the promise: a SQLite file (`ringline.io.store.sqlite`) and PostgreSQL (`ringline.io.store.postgres`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Select


class Away(Exception):
    """The database takes nothing just now (gone, full, locked, restarting): worth trying again."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One kind of write, in the words of both databases."""

    sql: str
    "For SQLite, with names: `:uuid`."
    fence: bool = False
    "True for deletions: everything before it is written first, everything after it later."
    last: bool = False
    "True for deletions of rows that never come again: executed together, after the batch's other rows."
    vital: str = ""
    "Its name in the spool; empty: it may be lost with the process while the database takes nothing."
    key: str = ""
    "The column by which a row replaces an earlier one whole: of several in one batch only the last is written."
    numbered: str = ""
    "For PostgreSQL, with places: `$1`."
    names: tuple[str, ...] = ()
    "What stands in these places."


@dataclass(slots=True)
class Write:
    """One row on its way."""

    statement: Statement
    row: Mapping[str, Any]
    queued_at: float
    turn: int = 0
    "Rows of one turn go to disk in one transaction."
    taken: bool = False
    spooled: bool = False
    withdrawn: bool = False


Group = tuple[Statement, Sequence[Mapping[str, Any]]]
"Rows of one kind."


def grouped(batch: Iterable[Write]) -> list[Group]:
    """Put rows of one kind together, as far as fences allow: the order in which a batch is executed.

    A row that another one of the batch replaces is left out: nobody would ever see it, for a batch is one transaction.
    """
    done: list[Group] = []
    groups: _Rows = {}
    at_the_end: _Rows = {}
    for write in batch:
        statement = write.statement
        if statement.fence:
            done += _in_order(groups)
            groups = {}
            done.append((statement, [write.row]))
        else:
            chosen = at_the_end if statement.last else groups
            rows = chosen.setdefault(statement.sql, (statement, {}))[1]
            rows[write.row[statement.key] if statement.key else len(rows)] = write.row
    return [*done, *_in_order(groups), *_in_order(at_the_end)]


_Rows = dict[str, tuple[Statement, dict[Any, Mapping[str, Any]]]]


def _in_order(groups: _Rows) -> list[Group]:
    return [(statement, list(rows.values())) for statement, rows in groups.values()]


class Session(Protocol):
    """An open database in the hands of one thread. Everything here blocks."""

    def write(self, groups: Sequence[Group]) -> None:
        """Write all rows in one transaction.

        Raises:
            Away: it takes nothing now.
            Exception: it does not accept one of the rows; nothing was written.
        """
        ...

    def write_each(self, batch: Sequence[Write]) -> list[tuple[Write, str]]:
        """Write a batch row by row, still in one transaction; return the rows that were not accepted, and why.

        Raises:
            Away: it takes nothing now.
        """
        ...

    def close(self) -> None: ...


class Reads(Protocol):
    """Connections for reading, on the event loop."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def all(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """Run a query and give all its rows.

        With `values` for its named places the query is one that is kept and asked again: it is put into words once.

        Raises:
            ProviderError: the database cannot be read, or is closed.
        """
        ...


class Glance(Protocol):
    """A look into the database for commands, which have no event loop."""

    def all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        """Run a query and give all its rows.

        Raises:
            ProviderError: the database cannot be read.
        """
        ...

    def close(self) -> None: ...


class Database(Protocol):
    """One place where rows are kept."""

    @property
    def name(self) -> str:
        """For people: which one it is, without passwords."""
        ...

    def spool_path(self, data_dir: Path) -> Path:
        """Where its spool is, in an installation with this folder."""
        ...

    def migrate(self) -> None:
        """Make its tables, or bring older ones up to date. Blocks.

        Raises:
            ProviderError: it cannot be used, or was written by a newer version.
        """
        ...

    def connect(self) -> Session:
        """Open it for writing, for the calling thread.

        Raises:
            Away: it cannot be opened now.
        """
        ...

    def reader(self) -> Reads:
        """Connections for reading, not open yet."""
        ...

    def look(self) -> Glance:
        """Open it for reading, for a command.

        Raises:
            ProviderError: it cannot be opened, or there is none.
        """
        ...
