"""Brings the database to the schema of this version, step by step, at every start."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import NullPool

from ringline.base import ProviderError

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_TIMEOUT_S = 5.0
_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_WAL_PAGES = 8_000
"""So many pages (32 MB) are gathered before they are copied into the database: new rows go to the same few pages again
and again, and each of these is copied once."""
_VERSIONS: Final = Path(__file__).with_name("migrations") / "versions"
_NAMED: Final = re.compile(r'^(revision|down_revision) = "([^"]+)"$', re.MULTILINE)
_LOCK = 0x52494E47
"Whoever holds this advisory lock of PostgreSQL migrates; other nodes that start at the same time wait for it."


def migrate(path: Path) -> None:
    """Create the database file, or bring an older one up to date. Blocks: call it off the event loop.

    Raises:
        ProviderError: it cannot be written, is no database, or was written by a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whom people called is nobody else's business: the file is ours alone from its first byte.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        _upgrade(path)
    except _Newer as error:
        raise ProviderError(f"{path} was written by a newer version of Ringline ({error})") from error
    except DatabaseError as error:
        raise ProviderError(f"{path} cannot be used: {error.orig}") from error
    except (OSError, sqlite3.Error) as error:
        raise ProviderError(f"{path} cannot be used: {error}") from error


async def migrate_postgres(connect: Callable[[], Awaitable[Any]]) -> None:
    """The same for PostgreSQL; `connect` opens an asyncpg connection to the database, which must be there.

    Raises:
        ProviderError: it does not let us, or was written by a newer version.
    """
    from sqlalchemy.ext.asyncio import create_async_engine  # a second of processor time that SQLite does not need

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_to_head)
    except _Newer as error:
        raise ProviderError(f"the database was written by a newer version of Ringline ({error})") from error
    except DBAPIError as error:
        raise ProviderError(f"the database cannot be used: {error.orig}") from error
    finally:
        await engine.dispose()


def connect(path: Path, *, timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the database, which must be there, for writing, with transactions in our own hands.

    `timeout_s` is how long to wait for another program that holds it.

    WAL with `synchronous=NORMAL`: what was committed survives the end of the process, however sudden; only a power
    failure may take the last moments, and never leaves a damaged file.
    """
    place = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite3.connect(place, uri=True, isolation_level=None, timeout=timeout_s)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def alembic_config() -> Config:
    """Alembic's settings for the migrations that ship inside this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_VERSIONS.parent).replace("%", "%%"))
    return config


def newest_revision() -> str:
    """The schema of this version, read off the migrations without Alembic."""
    found: list[tuple[str, str]] = []
    for file in _VERSIONS.glob("*.py"):
        found += _NAMED.findall(file.read_text())
    before = {name for what, name in found if what == "down_revision"}
    (newest,) = {name for what, name in found if what == "revision"} - before
    return newest


def _upgrade(path: Path) -> None:
    connect(path).close()
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    with engine.begin() as connection:
        _to_head(connection)


def _to_head(connection: Connection) -> None:
    if _is_at_head(connection):
        return
    # Alembic takes longer to load than a platform to start; most starts find the schema as it should be.
    from alembic import command
    from alembic.util import CommandError

    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise _Newer(str(error)) from error


def _is_at_head(connection: Connection) -> bool:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return list(found) == [newest_revision()]


class _Newer(Exception):
    """The database is at a revision that is not known here."""
