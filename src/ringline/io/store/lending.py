"""What a store lends to the parts that are mixed into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Select

from ringline.io.store.database import Statement
from ringline.io.store.rows import Row


class Lends(Protocol):
    """Writing one row, reading rows, waiting for the disk."""

    def _put(self, statement: Statement, row: Row) -> None:
        """Have a row written; it goes to disk with others, in the order of the calls."""
        ...

    async def _all(self, query: Select[Any]) -> Sequence[Row]:
        """Read, after everything that was written before."""
        ...

    async def flush(self) -> None:
        """Return when everything written so far is on disk."""
        ...
