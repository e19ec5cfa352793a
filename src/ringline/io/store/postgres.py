"""PostgreSQL as the store's database: one connection that writes, from its own thread, and a small pool that reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Dialect, Select
from sqlalchemy.engine import make_url

from ringline.base import ProviderError
from ringline.io.store.database import Away, Group, Write
from ringline.io.store.migrate import migrate_postgres

T = TypeVar("T")
_DIALECT: Final[Dialect] = make_url("postgresql+asyncpg://").get_dialect()()
_CONNECT_S: Final = 5.0
_COMMAND_S: Final = 10.0
_READERS: Final = 4
_SPOOL: Final = "ringline-store.spool"
_ROWS_FAULT: Final = ("22", "23", "54")
"Classes of SQLSTATE for which a row is to blame: its data, a constraint, its size."
_UNTIMELY: Final = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError)


class PostgresDatabase:
    """One database of a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        """`url` is `postgresql://user:password@host:port/database`, with what libpq takes behind a question mark."""
        self._url = url
        self._doubtful: int | None = None
        self._bare = False

    @property
    def name(self) -> str:
        return make_url(self._url).render_as_string(hide_password=True)

    def spool_path(self, data_dir: Path) -> Path:
        """In the folder of the installation: the server may be far away, and will be when the spool is needed."""
        data_dir.mkdir(parents=True, exist_ok=True)
        return data_dir / _SPOOL

    def migrate(self) -> None:
        try:
            asyncio.run(migrate_postgres(lambda: self._open("ringline migrations", _COMMAND_S * 360)))
        except _UNTIMELY as error:
            raise ProviderError(f"{self.name} cannot be used: {_words(error)}", retryable=True) from error
        self._bare = False

    def connect(self) -> PostgresSession:
        if self._bare:  # its tables are gone: another database was put in its place
            try:
                self.migrate()
            except ProviderError as error:
                raise Away(str(error)) from error
        session = PostgresSession(self)
        session.open()
        return session

    def reader(self) -> PostgresReader:
        return PostgresReader(self._url)

    def look(self) -> PostgresGlance:
        return PostgresGlance(self._url, self.name)

    def _open(self, application: str, command_s: float = _COMMAND_S) -> Awaitable[asyncpg.Connection]:
        return _open(self._url, application, command_s)


class PostgresSession:
    """The connection that writes. It has an event loop of its own, which runs only inside these calls."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def open(self) -> None:
        """Connect.

        Raises:
            Away: nobody answers there, or does not let us in.
        """
        try:
            self._connection = self._run(self._database._open("ringline"))
        except BaseException:
            self._runner.close()
            raise

    def write(self, groups: Sequence[Group]) -> None:
        self._run(self._write(groups))

    def write_each(self, batch: Sequence[Write]) -> list[tuple[Write, str]]:
        return self._run(self._write_each(batch))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._runner.close()

    async def _write(self, groups: Sequence[Group]) -> None:
        if await self._is_done_already():
            return
        connection = self._connection
        assert connection is not None
        await connection.execute("BEGIN")
        try:
            number = await connection.fetchval("SELECT pg_current_xact_id()::text::bigint")
            for statement, rows in groups:
                values = [[row[name] for name in statement.names] for row in rows]
                if len(values) == 1:
                    await connection.execute(statement.numbered, *values[0])
                else:
                    await connection.executemany(statement.numbered, values)
            self._database._doubtful = number
            await connection.execute("COMMIT")
        except BaseException:
            await self._roll_back()
            raise
        self._database._doubtful = None

    async def _is_done_already(self) -> bool:
        """Whether this batch is in the database: its transaction was made, but the connection broke before we heard."""
        number, connection = self._database._doubtful, self._connection
        if number is None or connection is None:
            return False
        try:
            status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", str(number))
        except asyncpg.DataError:
            status = None  # this server has not come so far yet: it is another one
        if status == "in progress":
            raise TimeoutError("the last transaction has not come to its end yet")
        self._database._doubtful = None
        return bool(status == "committed")

    async def _write_each(self, batch: Sequence[Write]) -> list[tuple[Write, str]]:
        connection = self._connection
        assert connection is not None
        refused: list[tuple[Write, str]] = []
        await connection.execute("BEGIN")
        try:
            for write in batch:
                await connection.execute("SAVEPOINT each_row")
                try:
                    values = [_holdable(write.row[name]) for name in write.statement.names]
                    await connection.execute(write.statement.numbered, *values)
                except Exception as error:
                    if not _is_the_rows_fault(error):
                        raise
                    await connection.execute("ROLLBACK TO SAVEPOINT each_row")
                    refused.append((write, _words(error)))
            await connection.execute("COMMIT")
        except BaseException:
            await self._roll_back()
            raise
        return refused

    async def _roll_back(self) -> None:
        """Leave the transaction; a connection that is beyond this is closed anyway."""
        if self._connection is not None and not self._connection.is_closed():
            with contextlib.suppress(*_UNTIMELY):
                await self._connection.execute("ROLLBACK", timeout=1)

    def _run(self, work: Awaitable[T]) -> T:
        async def waited() -> T:
            return await work

        try:
            return self._runner.run(waited())
        except Exception as error:
            if _is_the_rows_fault(error) or not isinstance(error, _UNTIMELY):
                raise
            if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
                self._database._bare = True
            raise Away(_words(error)) from error


class PostgresReader:
    """A few connections whose transactions are read only."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        """Open the pool.

        Raises:
            ProviderError: nobody answers there.
        """
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,  # a pool that keeps some open fills the log while the server is away
                max_size=_READERS,
                timeout=_CONNECT_S,
                command_timeout=_COMMAND_S,
                server_settings={"application_name": "ringline reading", "default_transaction_read_only": "on"},
            )
        except _UNTIMELY as error:
            raise ProviderError(f"cannot read the store: {_words(error)}", retryable=True) from error

    async def stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(1):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    async def all(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        pool = self._pool
        if pool is None:
            raise ProviderError("the store is closed")
        sql, given = _compiled(query) if values is None else _filled(query, values)
        try:
            async with asyncio.timeout(_COMMAND_S):
                found = await pool.fetch(sql, *given)
        except (*_UNTIMELY, ValueError) as error:
            raise ProviderError(f"cannot read the store: {_words(error)}", retryable=True) from error
        return [dict(row) for row in found]


class PostgresGlance:
    """One connection whose transactions are read only, for commands. A thread of its own has its event loop, so that it
    may be asked from anywhere.
    """

    def __init__(self, url: str, name: str) -> None:
        """Connect.

        Raises:
            ProviderError: nobody answers there, or does not let us in.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-glance")
        self._runner = asyncio.Runner()
        try:
            self._connection = self._run(_opened(url, "ringline command"))
        except _UNTIMELY as error:
            self._close_loop()
            raise ProviderError(f"the store {name} cannot be opened: {_words(error)}") from error

    def all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        sql, values = _compiled(query)
        try:
            return [dict(row) for row in self._run(self._connection.fetch(sql, *values))]
        except (*_UNTIMELY, ValueError) as error:
            raise ProviderError(f"the store cannot be read: {_words(error)}") from error

    def close(self) -> None:
        self._thread.submit(self._connection.terminate).result()
        self._close_loop()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()

    def _close_loop(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


def statement_sql(query: Any) -> tuple[str, tuple[str, ...]]:
    """Write a statement with numbered places, and what stands in them."""
    compiled = query.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())


def _open(url: str, application: str, command_s: float = _COMMAND_S) -> Awaitable[asyncpg.Connection]:
    settings = {"application_name": application}
    connecting: Awaitable[asyncpg.Connection] = asyncpg.connect(
        url, timeout=_CONNECT_S, command_timeout=command_s, server_settings=settings
    )
    return connecting


async def _opened(url: str, application: str) -> asyncpg.Connection:
    connection = await _open(url, application)
    await connection.execute("SET default_transaction_read_only = on")
    return connection


def _compiled(query: Select[Any]) -> tuple[str, list[Any]]:
    compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(compiled), [_holdable(compiled.params[name]) for name in compiled.positiontup or ()]


def _filled(query: Select[Any], values: Mapping[str, Any]) -> tuple[str, list[Any]]:
    sql, names, fixed = _kept(query)
    return sql, [_holdable(values[name] if name in values else fixed[name]) for name in names]


@lru_cache(maxsize=512)
def _kept(query: Select[Any]) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    compiled = query.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ()), compiled.params


def _holdable(value: Any) -> Any:
    """PostgreSQL has no text with a zero character in it: one with a replacement is found, and kept, in its place."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _is_the_rows_fault(error: BaseException) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "")[:2] in _ROWS_FAULT
    return isinstance(error, ValueError | TypeError | OverflowError | KeyError)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
