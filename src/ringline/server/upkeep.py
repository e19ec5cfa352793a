"""Forgets what need not be kept any longer: ended legs with their journals, and recordings past their days."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from ringline.accounts import Directory
from ringline.base import Clock, ProviderError, get_log
from ringline.io.recordings import FileRecordings
from ringline.io.store import SqlStore

log = get_log(__name__)
EVERY_S: Final = 3600.0


class Upkeep:
    """A task that looks once an hour."""

    def __init__(
        self, *, store: SqlStore, recordings: FileRecordings, directory: Directory, clock: Clock, keep_days: int
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._directory = directory
        self._clock = clock
        self._keep_days = keep_days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="upkeep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def once(self) -> int:
        """Forget what is due; return how many recordings went."""
        now = self._clock.wallclock()
        for application in self._directory.applications().values():
            days = application.voice.leg_persistence_days if application.voice is not None else 2
            await self._store.forget(now - timedelta(days=days), application=application.id)
        gone = 0
        for file in await self._store.files_before(now - timedelta(days=self._keep_days)):
            await self._recordings.remove(file)
            await self._store.delete_file(file.file_id)
            gone += 1
        return gone

    async def _run(self) -> None:
        while True:
            try:
                gone = await self.once()
                if gone:
                    log.info("recordings were deleted: their days are over", recordings=gone)
            except ProviderError as error:
                log.warning("upkeep has to wait", why=str(error))
            await asyncio.sleep(EVERY_S)
