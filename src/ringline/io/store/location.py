"""Where the store is: which database a URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ringline.base import ConfigError
from ringline.io.store.database import Database
from ringline.io.store.postgres import PostgresDatabase
from ringline.io.store.sqlite import SqliteDatabase

_POSTGRES: Final = ("postgresql://", "postgres://")


def open_database(url: str | Path) -> Database:
    """The database a store URL names; nothing is opened yet.

    Raises:
        ConfigError: it names none, or one of another kind.
    """
    if isinstance(url, str) and url.startswith(_POSTGRES):
        try:
            named = make_url(url).database
        except (ArgumentError, ValueError) as error:
            raise ConfigError("is not a database URL", where="[store]", key="url") from error
        if not named:
            raise ConfigError("must name a database: postgresql://user@host/ringline", where="[store]", key="url")
        return PostgresDatabase(url)
    return SqliteDatabase(database_path(url))


def database_path(url: str | Path) -> Path:
    """The SQLite file a store URL names.

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
        kinds = "only sqlite:///file and postgresql://user@host/name are"
        raise ConfigError(f"{parsed.drivername} is not supported: {kinds}", where="[store]", key="url")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("must name a file: sqlite:///ringline.db", where="[store]", key="url")
    return Path(parsed.database)
