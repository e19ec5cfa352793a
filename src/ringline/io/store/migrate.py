"""Brings the database to the schema of this version, step by step, at every start."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from ringline.base import ProviderError

BUSY_TIMEOUT_S = 5.0
_WAL_LIMIT_BYTES = 64 * 1024 * 1024


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
    except CommandError as error:
        raise ProviderError(f"{path} was written by a newer version of Ringline ({error})") from error
    except DatabaseError as error:
        raise ProviderError(f"{path} cannot be used: {error.orig}") from error
    except (OSError, sqlite3.Error) as error:
        raise ProviderError(f"{path} cannot be used: {error}") from error


def connect(path: Path) -> sqlite3.Connection:
    """Open the database for writing, with transactions in our own hands.

    WAL with `synchronous=NORMAL`: what was committed survives the end of the process, however sudden; only a power
    failure may take the last moments, and never leaves a damaged file.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def alembic_config() -> Config:
    """Alembic's settings for the migrations that ship inside this package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _upgrade(path: Path) -> None:
    connect(path).close()
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
