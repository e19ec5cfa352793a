"""A SQLite file as the store's database: one connection that writes, a few that read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from ringline.base import ProviderError
from ringline.io.store.blocks import blocks
from ringline.io.store.database import Away, Group, Write
from ringline.io.store.migrate import connect, migrate

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_BUSY_S: Final = 0.25
"The writing thread waits no longer for another program: what must not be lost then goes to the spool."


class SqliteDatabase:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return str(self.path)

    def spool_path(self, data_dir: Path) -> Path:
        """Beside the file, wherever the installation has its folder."""
        return self.path.with_name(self.path.name + ".spool")

    def migrate(self) -> None:
        migrate(self.path)

    def connect(self) -> SqliteSession:
        """Open the file for writing; one put in place of another is brought up to date first."""
        if self._identity not in (None, _identity(self.path)):
            try:
                migrate(self.path)
            except ProviderError as error:
                raise Away(str(error)) from error
        try:
            connection = connect(self.path, timeout_s=_BUSY_S)
        except sqlite3.Error as error:
            raise Away(str(error)) from error
        self._identity = _identity(self.path)
        return SqliteSession(connection, check=self._check)

    def reader(self) -> SqliteReader:
        return SqliteReader(self.path)

    def look(self) -> SqliteGlance:
        return SqliteGlance(self.path)

    def _check(self) -> None:
        if _identity(self.path) != self._identity:
            raise Away(f"{self.path} is not where it was")


class SqliteSession:
    """The connection that writes. `check` is asked before every transaction whether the file is where it was."""

    def __init__(self, connection: sqlite3.Connection, *, check: Any = lambda: None) -> None:
        """`connection` has `isolation_level=None`: transactions are in our own hands."""
        self._connection = connection
        self._check = check

    def write(self, groups: Sequence[Group]) -> None:
        with self._transaction():
            for statement, rows in groups:
                for sql, values in blocks(statement.sql, rows):
                    self._connection.execute(sql, values)

    def write_each(self, batch: Sequence[Write]) -> list[tuple[Write, str]]:
        refused: list[tuple[Write, str]] = []
        with self._transaction():
            for write in batch:
                try:
                    self._connection.execute(write.statement.sql, write.row)
                except Exception as error:
                    if _is_the_disks_fault(error):
                        raise
                    refused.append((write, str(error)))
        return refused

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._check()
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            # A connection that is beyond this is closed and opened anew; its transaction is gone with it.
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            if isinstance(error, Exception) and _is_the_disks_fault(error):
                raise Away(str(error)) from error
            raise


class SqliteReader:
    """A few connections that cannot write; a query waits for a free one."""

    def __init__(self, path: Path, *, connections: int = 2) -> None:
        self._path = path
        self._connections = connections
        self._open: list[aiosqlite.Connection] = []
        self._free: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()

    async def start(self) -> None:
        for _ in range(self._connections):
            connection = await aiosqlite.connect(self._path)
            self._open.append(connection)
            connection.row_factory = sqlite3.Row
            for pragma in ("query_only=ON", "busy_timeout=5000"):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
            self._free.put_nowait(connection)

    async def stop(self) -> None:
        while self._open:
            await self._open.pop().close()
        self._free = asyncio.Queue()

    async def all(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        if not self._open:
            raise ProviderError("the store is closed")
        sql, given = _compiled(query) if values is None else _kept(query)
        connection = await self._free.get()
        try:
            found = await connection.execute_fetchall(sql, {**given, **(values or {})})
        except (sqlite3.Error, ValueError) as error:
            raise ProviderError(f"cannot read the store: {error}", retryable=True) from error
        finally:
            self._free.put_nowait(connection)
        return [dict(row) for row in found]


class SqliteGlance:
    """One connection that cannot write, for commands; the platform may be running."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ProviderError: there is no such file, or it cannot be opened.
        """
        if not path.is_file():
            raise ProviderError(f"there is no store at {path} yet: nothing was called here")
        place = f"file:{quote(str(path.resolve()))}?mode=ro"
        try:
            self._connection = sqlite3.connect(place, uri=True, timeout=5, check_same_thread=False)
        except sqlite3.Error as error:
            raise ProviderError(f"the store {path} cannot be opened: {error}") from error
        self._connection.row_factory = sqlite3.Row

    def all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        try:
            return [dict(row) for row in self._connection.execute(*_compiled(query))]
        except (sqlite3.Error, ValueError) as error:
            raise ProviderError(f"the store cannot be read: {error}") from error

    def close(self) -> None:
        self._connection.close()


def statement_sql(query: Any) -> str:
    """Write a statement with names, as `sqlite3` takes it."""
    return str(query.compile(dialect=_DIALECT))


def _compiled(query: Select[Any]) -> tuple[str, dict[str, Any]]:
    compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(compiled), dict(compiled.params)


@lru_cache(maxsize=512)
def _kept(query: Select[Any]) -> tuple[str, dict[str, Any]]:
    return _compiled(query)


def _is_the_disks_fault(error: Exception) -> bool:
    """Full, locked, read-only, damaged: worth trying again. What a row itself is to blame for is not."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _identity(path: Path) -> tuple[int, int]:
    """What tells a file from another one of the same name.

    Raises:
        Away: there is none.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise Away(f"{path} is gone: {error.strerror}") from error
    return found.st_dev, found.st_ino
