"""The part of the store that knows which files of recordings there are, and how long each is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from ringline.base import ApplicationId
from ringline.engine.ports import StoredFile
from ringline.io.store import rows, statements
from ringline.io.store.lending import Lends
from ringline.io.store.tables import FILES

_DAY_US: Final = 86_400_000_000


class FileTable:
    """Mixed into a store."""

    def write_file(self: Lends, file: StoredFile) -> None:
        self._put(statements.PUT_FILE, rows.file_row(file))

    async def file(self: Lends, file_id: str) -> StoredFile | None:
        found = await self._all(select(FILES).where(FILES.c.file_id == file_id))
        return rows.stored_file(found[0]) if found else None

    async def files_before(
        self: Lends, before: datetime, *, limit: int = 500, application: ApplicationId | None = None
    ) -> Sequence[StoredFile]:
        """The oldest recordings made before a time, without those that have a term of their own: delete each file,
        then `delete_file`.
        """
        old = select(FILES).where(FILES.c.created_at < rows.to_microseconds(before), FILES.c.keep_days.is_(None))
        if application is not None:
            old = old.where(FILES.c.application == application)
        found = await self._all(old.order_by(FILES.c.created_at, FILES.c.file_id).limit(limit))
        return [rows.stored_file(row) for row in found]

    async def files_past_their_term(self: Lends, now: datetime, *, limit: int = 500) -> Sequence[StoredFile]:
        """The recordings that were to be kept for so many days, which are over."""
        ends = FILES.c.created_at + FILES.c.keep_days * _DAY_US
        found = await self._all(select(FILES).where(ends < rows.to_microseconds(now)).order_by(ends).limit(limit))
        return [rows.stored_file(row) for row in found]

    async def delete_file(self: Lends, file_id: str) -> None:
        self._put(statements.DELETE_FILE, {"file_id": file_id})
        self._put(statements.DELETE_FILE_INFO, {"file_id": file_id})
        await self.flush()
