"""Reads the database beside the writing thread, through connections that cannot write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from ringline.base import ProviderError

_DIALECT = sqlite.dialect(paramstyle="named")


class Reader:
    """A few read-only connections; a query waits for a free one."""

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

    async def all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        """Run a query and give all its rows.

        Raises:
            ProviderError: the database cannot be read, or is closed.
        """
        if not self._open:
            raise ProviderError("the store is closed")
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        connection = await self._free.get()
        try:
            found = await connection.execute_fetchall(str(compiled), dict(compiled.params))
        except (sqlite3.Error, ValueError) as error:
            raise ProviderError(f"cannot read the store: {error}", retryable=True) from error
        finally:
            self._free.put_nowait(connection)
        return [dict(row) for row in found]
