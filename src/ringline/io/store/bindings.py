"""The registrar's part of the store: where registered users are (`ringline.engine.ports.Bindings`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Table, Text, bindparam, delete, select
from sqlalchemy.dialects import postgresql

from ringline.io.store.lending import Lends
from ringline.io.store.rows import JSON, to_microseconds
from ringline.io.store.statements import compiled
from ringline.io.store.tables import METADATA

BINDINGS: Final = Table(
    "bindings",
    METADATA,
    Column("username", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

_INSERT: Final = postgresql.insert(BINDINGS).values(
    {column.name: bindparam(column.name) for column in BINDINGS.columns}
)
_PUT: Final = compiled(
    _INSERT.on_conflict_do_update(
        index_elements=["username"], set_={name: _INSERT.excluded[name] for name in ("document", "expires_at")}
    )
)
_TAKE: Final = compiled(delete(BINDINGS).where(BINDINGS.c.username == bindparam("username")), fence=True)
_TAKE_LAPSED: Final = compiled(delete(BINDINGS).where(BINDINGS.c.expires_at <= bindparam("before")), fence=True)


class BindingTable:
    """Mixed into a store."""

    def write_bindings(self: Lends, user: str, document: Sequence[Mapping[str, Any]], expires_at: datetime) -> None:
        """Insert or replace where a user is."""
        self._put(_PUT, {"username": user, "document": JSON(document), "expires_at": to_microseconds(expires_at)})

    def forget_bindings(self: Lends, user: str) -> None:
        self._put(_TAKE, {"username": user})

    def forget_lapsed_bindings(self: Lends, before: datetime) -> None:
        """Delete what was of no use any more at that time."""
        self._put(_TAKE_LAPSED, {"before": to_microseconds(before)})

    async def bindings(self: Lends) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
        """Everybody's: the user, and what was written."""
        found = await self._all(select(BINDINGS).order_by(BINDINGS.c.username))
        return [(row["username"], json.loads(row["document"])) for row in found]
