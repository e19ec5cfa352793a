"""Recordings that are written here and kept in a bucket.

A recording is written to the local disk as it happens, which no network can hold up, and goes into the bucket when it
is complete. If the bucket does not take it, nothing is lost: it stays here, is fetched from here, and goes up as soon
as the bucket takes files again, even after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from ringline.audio import containers, media_type
from ringline.base import Clock, ProviderError, Random, get_log, read_leg_id
from ringline.engine.ports import OpenRecording, StoredFile
from ringline.io.bucket import Bucket
from ringline.io.recordings import FileRecordings, OnLoss

_log = get_log(__name__)

_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 300.0
_JSON: Final = "application/json"
_FETCHED: Final = ".fetched"
"A copy of what the bucket has, while somebody reads it."


class BucketRecordings(FileRecordings):
    """`FileRecordings` that moves finished files into a bucket."""

    def __init__(
        self, directory: Path, bucket: Bucket, *, clock: Clock, random: Random, on_loss: OnLoss | None = None
    ) -> None:
        super().__init__(directory, clock=clock, random=random, on_loss=on_loss)
        self._bucket = bucket
        self._waiting: dict[str, str] = {}
        "Files that did not go up yet, by name, with their media types."
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the directory, and send up what an earlier run could not."""
        await super().start()
        for path in await asyncio.to_thread(self._left_over):
            self._waiting[path.name] = _JSON if path.suffix == ".json" else media_type(path.suffix[1:])
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._send_up(), name="recordings-to-bucket")

    async def close(self) -> None:
        """Stop; what is not in the bucket yet goes there after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await super().close()

    async def store(self, file: StoredFile) -> StoredFile:
        path = self.path(file)
        if not await self._move(path.name, file.media_type):
            self._waiting[path.name] = file.media_type
            self._wake.set()
        return file

    async def recover(self, recording: OpenRecording) -> StoredFile:
        """Complete a file that a process that died was writing; it goes up in its turn."""
        file = await super().recover(recording)
        self._waiting[self.path(file).name] = file.media_type
        self._wake.set()
        return file

    async def remove(self, file: StoredFile) -> None:
        """Delete a stored file, wherever it is.

        Raises:
            ProviderError: the bucket or the disk refuses.
        """
        self._waiting.pop(self.path(file).name, None)
        await super().remove(file)
        await self._bucket.remove(self.path(file).name)

    async def distant_size(self, file: StoredFile) -> int | None:
        """How many bytes the bucket has of it; None when it has none.

        Raises:
            ProviderError: the bucket cannot be asked.
        """
        return await self._bucket.size(self.path(file).name)

    def read_distant(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """Give a file's bytes from the bucket.

        Raises:
            ProviderError: it cannot be had.
        """
        return self._bucket.read(self.path(file).name, start, end)

    @asynccontextmanager
    async def at_hand(self, file: StoredFile) -> AsyncIterator[Path]:
        """A path at which a stored file can be read for a while: it is fetched if the bucket has it.

        Raises:
            ProviderError: it is gone, the bucket cannot be asked, or the disk is full.
        """
        path = self.path(file)
        if await asyncio.to_thread(path.is_file):
            yield path
            return
        size = await self.distant_size(file)
        if size is None:
            raise ProviderError("the recording is gone")
        fetched = path.with_suffix(_FETCHED)
        try:
            with await asyncio.to_thread(fetched.open, "wb") as out:
                async for block in self.read_distant(file, 0, size):
                    await asyncio.to_thread(out.write, block)
            yield fetched
        except OSError as error:
            raise ProviderError(f"the recording cannot be fetched: {error.strerror or error}") from error
        finally:
            await asyncio.to_thread(fetched.unlink, True)

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: as those of files, and how many wait for the bucket."""
        return {**super().gauges(), "waiting_for_bucket": len(self._waiting)}

    def _left_over(self) -> list[Path]:
        for path in self._directory.glob(f"*{_FETCHED}"):
            path.unlink(missing_ok=True)
        known = [*(f".{container}" for container in containers()), ".json"]
        found = [path for path in self._directory.iterdir() if path.suffix in known]
        return sorted(path for path in found if read_leg_id(path.stem) == path.stem)

    async def _move(self, name: str, kind: str) -> bool:
        path = self._directory / name
        try:
            await self._bucket.put(name, path, kind)
            await asyncio.get_running_loop().run_in_executor(None, partial(path.unlink, missing_ok=True))
        except (ProviderError, OSError) as error:
            _log.warning("a recording stays here for now", file=name, why=str(error))
            return False
        return True

    async def _send_up(self) -> None:
        """Try again, in longer and longer pauses while it fails."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            for name, kind in list(self._waiting.items()):
                exists = await asyncio.to_thread((self._directory / name).is_file)
                if not exists or await self._move(name, kind):
                    self._waiting.pop(name, None)
                    pause_s = _FIRST_PAUSE_S
                else:
                    break
            if self._waiting:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                self._wake.set()
