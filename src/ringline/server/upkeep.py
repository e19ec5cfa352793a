"""Forgets what need not be kept any longer: legs, journals, logs and recordings past their days, per application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ringline.accounts import Directory
from ringline.base import ApplicationId, Clock, ProviderError, get_log
from ringline.engine.ports import StoredFile
from ringline.io.recordings import FileRecordings
from ringline.io.store import SqlStore

log = get_log(__name__)
EVERY_S: Final = 3600.0
_USAGE_DAYS: Final = 62
_LEG_DAYS: Final = 2
_FILES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """How long what is kept, in days."""

    journal: int = 30
    log: int = 14
    "SIP and webhook logs inside the journal."
    recording: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The days of all applications."""

    default: Days = Days()
    of: Mapping[ApplicationId, Days] = field(default_factory=dict)
    "Of applications that have days of their own."
    audit: int = 400


@dataclass(slots=True)
class Forgotten:
    """What one look has forgotten."""

    legs: int = 0
    journals: int = 0
    logs: int = 0
    recordings: int = 0


class Upkeep:
    """A task that looks once an hour."""

    def __init__(
        self,
        *,
        store: SqlStore,
        recordings: FileRecordings,
        directory: Directory,
        clock: Clock,
        keeping: Keeping | None = None,
    ) -> None:
        self.keeping = keeping or Keeping()
        "Replaced as a whole when settings are read again."
        self._store = store
        self._recordings = recordings
        self._directory = directory
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="upkeep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def once(self) -> Forgotten:
        """Forget what is due, of applications that were deleted, too."""
        now = self._clock.wallclock()
        known = self._directory.applications()
        done = Forgotten()
        for owner in sorted({*known, *await self._store.owners()}):
            application = known.get(owner)
            voice = application.voice if application is not None else None
            leg_days = timedelta(days=voice.leg_persistence_days if voice is not None else _LEG_DAYS)
            days = self.keeping.of.get(owner, self.keeping.default)
            done.legs += await self._store.forget_legs(now - leg_days, application=owner)
            await self._store.forget_conversations(now - leg_days, owner)
            done.journals += await self._store.forget_journals(now - timedelta(days=days.journal), application=owner)
            done.logs += await self._store.forget_traces(now - timedelta(days=days.log), application=owner)
            done.recordings += await self._forget_recordings(now - timedelta(days=days.recording), owner)
        done.recordings += await self._forget_what_had_a_term(now)
        await self._store.forget_usage(now.toordinal() - _USAGE_DAYS)
        await self._store.forget_audit(now - timedelta(days=self.keeping.audit))
        return done

    async def _forget_recordings(self, before: datetime, owner: ApplicationId) -> int:
        gone = 0
        while files := await self._store.files_before(before, limit=_FILES_AT_ONCE, application=owner):
            gone += await self._remove(files)
        return gone

    async def _forget_what_had_a_term(self, now: datetime) -> int:
        gone = 0
        while files := await self._store.files_past_their_term(now, limit=_FILES_AT_ONCE):
            gone += await self._remove(files)
        return gone

    async def _remove(self, files: Sequence[StoredFile]) -> int:
        for file in files:
            await self._recordings.remove(file)
            await self._store.delete_file(file.file_id)
        return len(files)

    async def _run(self) -> None:
        while True:
            try:
                done = await self.once()
                if done != Forgotten():
                    log.info(
                        "forgotten: their days are over",
                        legs=done.legs,
                        journals=done.journals,
                        logs=done.logs,
                        recordings=done.recordings,
                    )
            except ProviderError as error:
                log.warning("upkeep has to wait", why=str(error))
            await asyncio.sleep(EVERY_S)
