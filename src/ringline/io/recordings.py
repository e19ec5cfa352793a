"""Recordings in files: the audio is taken on the event loop and written by threads, as it comes; mp3 and Ogg are
encoded in worker processes.

A file is written as `<directory>/<file id>.part` and gets its real name when it is complete and on disk. If the disk is
full or broken, that recording fails and its `.part` is removed; no other recording notices. A writer that is too slow
loses audio of its own recording only: counted, and silence in the file, so that what follows stays in its place.

What is written is handed to the system at once, in containers that can be read without their end: should the process
die, the next one completes the file (`recover`), and only what the encoder held is lost, a fraction of a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from ringline.audio import (
    MAX_CHANNELS,
    RATE_HZ,
    actual_container,
    containers,
    extension,
    is_container,
    media_type,
)
from ringline.base import (
    ApplicationId,
    Clock,
    LocalProtocolError,
    ProviderError,
    Random,
    get_log,
    read_leg_id,
    uuid4,
)
from ringline.engine.ports import OpenRecording, StoredFile
from ringline.io._encoders import Encoders
from ringline.io._recording_writer import RecordingWriter, write_whole
from ringline.io._salvage import AGAIN, PART, complete

_log = get_log(__name__)

OnLoss = Callable[[str, int], None]
"Told the recording's UUID and the milliseconds lost."


class FileRecordings:
    """Recordings in one directory. `ringline.engine.ports.Recordings` for a single machine."""

    def __init__(
        self, directory: Path, *, clock: Clock, random: Random, on_loss: OnLoss | None = None, threads: int = 2
    ) -> None:
        self.encoders = Encoders(size=threads)
        self._directory = directory
        self._clock = clock
        self._random = random
        self._on_loss = on_loss
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="recordings")
        self._open: dict[str, RecordingWriter] = {}
        self._closed = False

    async def start(self) -> None:
        """Make the directory, and try that it can be written. What a crash left half-written stays until `sweep`.

        Raises:
            ProviderError: it cannot be used.
        """
        await asyncio.get_running_loop().run_in_executor(self._threads, self._prepare)

    async def warm_up(self) -> None:
        """Start the encoders before they are needed: what is said meanwhile would be lost in a crash.

        Raises:
            ProviderError: no process can be started.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self.encoders.warm_up)
        except OSError as error:
            raise ProviderError(f"the encoders of recordings cannot be started: {error}") from error

    async def close(self) -> None:
        """Give up recordings that nobody finished, and stop the threads. Finished ones are on disk already."""
        self._closed = True
        endings = [writing.abandon() for writing in self._open.values()]
        await asyncio.gather(*(asyncio.wrap_future(ending) for ending in endings), return_exceptions=True)
        self._open.clear()
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self.encoders.close)

    def create(self, application: ApplicationId, *, recording: str, container: str, channels: int) -> _Recording:
        """Start a recording; `container` is `mp3`, `wav` or `ogg` (mp3 with more than two channels becomes wav).

        Raises:
            LocalProtocolError: no such container, or a number of channels other than 1 to 32.
            ProviderError: the recordings are closed.
        """
        if self._closed:
            raise ProviderError("recordings are closed")
        if not is_container(container) or not 1 <= channels <= MAX_CHANNELS:
            raise LocalProtocolError(f"recordings cannot be {container!r} with {channels} channels")
        container = actual_container(container, channels)
        file_id = uuid4(self._random)
        writing = RecordingWriter(self._directory, file_id, container, channels, self._threads, self.encoders)
        self._open[file_id] = writing
        return _Recording(self, application, recording, container, writing)

    def path(self, file: StoredFile) -> Path:
        """Where a stored file is. It may be gone (removed by hand, or after its time)."""
        return self._directory / f"{file.file_id}.{extension(file.media_type)}"

    def find(self, file_id: str) -> Path | None:
        """Where a finished file of that id is; None when the id is no UUID or there is no such file."""
        if read_leg_id(file_id) != file_id:
            return None
        for container in containers():
            path = self._directory / f"{file_id}.{container}"
            if path.is_file():
                return path
        return None

    async def recover(self, recording: OpenRecording) -> StoredFile:
        """Complete a file that a process that died was writing; `created_at` is when it wrote last.

        Raises:
            ProviderError: nothing of it is left, or the disk refuses.
        """
        try:
            size, written = await asyncio.get_running_loop().run_in_executor(
                self._threads, complete, self._directory, recording
            )
        except OSError as error:
            raise ProviderError(f"the recording could not be completed: {error.strerror or error}") from error
        return StoredFile(
            file_id=recording.file_id,
            application=recording.application,
            media_type=media_type(recording.container),
            size=size,
            created_at=datetime.fromtimestamp(written, UTC),
        )

    async def sweep(self) -> None:
        """Remove what a crash left half-written and nobody has recovered.

        Raises:
            ProviderError: the disk refuses.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._sweep, frozenset(self._open))
        except OSError as error:
            raise ProviderError(f"the directory for recordings cannot be used: {error}") from error

    async def remove(self, file: StoredFile) -> None:
        """Delete a stored file; no error when it is gone already.

        Raises:
            ProviderError: the disk refuses.
        """
        path = self.path(file)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, path.unlink, True)
        except OSError as error:
            raise ProviderError(f"the recording cannot be removed: {error}") from error

    async def keep(self, file: StoredFile, data: bytes) -> StoredFile:
        """Keep a file beside the recordings that is whole already: a transcription.

        Raises:
            ProviderError: it could not be written; nothing half-written is left behind.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, write_whole, self.path(file), data)
        except OSError as error:
            raise ProviderError(f"the file could not be written: {error.strerror or error}") from error
        return await self.store(file)

    @asynccontextmanager
    async def at_hand(self, file: StoredFile) -> AsyncIterator[Path]:
        """A path at which a stored file can be read for a while.

        Raises:
            ProviderError: it is gone.
        """
        path = self.path(file)
        if not await asyncio.get_running_loop().run_in_executor(None, path.is_file):
            raise ProviderError("the recording is gone")
        yield path

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: recordings being written, and seconds of audio waiting for the disk."""
        waiting = sum(writing.waiting_s() for writing in self._open.values())
        return {"open": len(self._open), "waiting_seconds": waiting, "encoders_died": self.encoders.died}

    async def finished(self, application: ApplicationId, recording: str, writing: RecordingWriter) -> StoredFile:
        """Complete a file (called by its recording)."""
        ending = writing.complete()
        try:
            # Shielded: a caller that gives up must not stop the file from getting its name.
            size = await asyncio.shield(asyncio.wrap_future(ending))
        except OSError as error:
            raise ProviderError(f"the recording could not be written: {error}") from error
        finally:
            if ending.done():
                self._open.pop(writing.file_id, None)
        file = StoredFile(
            file_id=writing.file_id,
            application=application,
            media_type=media_type(writing.container),
            size=size,
            created_at=self._clock.wallclock(),
        )
        return await self.store(file)

    async def store(self, file: StoredFile) -> StoredFile:
        """Bring a complete file to where it is kept: it is there already."""
        return file

    def lost(self, recording: str, milliseconds: int) -> None:
        """Report lost audio (called by its recording)."""
        _log.warning("recording lost audio", recording=recording, milliseconds=milliseconds)
        if self._on_loss is not None:
            self._on_loss(recording, milliseconds)

    def _prepare(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            probe = self._directory / f"probe-{os.getpid()}{PART}"
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise ProviderError(f"the directory for recordings cannot be used: {error}") from error

    def _sweep(self, running: frozenset[str]) -> None:
        for path in sorted([*self._directory.glob(f"*{PART}"), *self._directory.glob(f"*{AGAIN}")]):
            if path.stem not in running:
                path.unlink(missing_ok=True)


class _Recording:
    """The face of one recording on the event loop (`ringline.engine.ports.RecordingFile`)."""

    def __init__(
        self,
        owner: FileRecordings,
        application: ApplicationId,
        recording: str,
        container: str,
        writing: RecordingWriter,
    ) -> None:
        self._owner = owner
        self._application = application
        self._recording = recording
        self._writing = writing
        self.file_id = writing.file_id
        self.container = container
        self.media_type = media_type(container)
        self.rate_hz = RATE_HZ

    def write(self, pcm: bytes) -> None:
        if lost_ms := self._writing.add(pcm):
            self._owner.lost(self._recording, lost_ms)

    def lost(self, milliseconds: int) -> None:
        self._writing.skip(milliseconds)
        self._owner.lost(self._recording, milliseconds)

    async def finish(self) -> StoredFile:
        return await self._owner.finished(self._application, self._recording, self._writing)
