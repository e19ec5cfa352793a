"""The work on one recording's file: audio is queued on the event loop and written by threads, in order."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ringline.audio import MAX_SECONDS, RATE_HZ
from ringline.base import get_log
from ringline.io._containers import ContainerWriter, Samples
from ringline.io._encoders import Encoders
from ringline.io._salvage import PART, sync_directory

_log = get_log(__name__)

_QUEUE_S: Final = 10
"Audio that may wait for a slow disk, per recording."


@dataclass(slots=True)
class _Gap:
    """Audio that got lost, in frames."""

    frames: int


class RecordingWriter:
    """The work on one file: a queue filled on the loop, emptied by whichever thread is free, in order."""

    def __init__(
        self,
        directory: Path,
        file_id: str,
        container: str,
        channels: int,
        threads: ThreadPoolExecutor,
        encoders: Encoders,
    ) -> None:
        self._encoders = encoders
        self.file_id = file_id
        self.container = container
        self._channels = channels
        self._part = directory / f"{file_id}{PART}"
        self._path = directory / f"{file_id}.{container}"
        self._threads = threads
        self._frame_bytes = 2 * channels
        # Shared with the threads, under the lock:
        self._lock = threading.Lock()
        self._queue: deque[bytes | _Gap] = deque()
        self._queued_bytes = 0
        self._scheduled = False
        self._completing = False
        self._abandoned = False
        self._failure: OSError | None = None
        # Only touched by the thread whose turn it is:
        self._writer: ContainerWriter | None = None
        self._done: Future[int] = Future()

    # ── on the event loop ──────────────────────────────────────────────────────────────────────────────────────────

    def add(self, pcm: bytes) -> int:
        """Take a block; return how many milliseconds were lost because too much is waiting."""
        frames = len(pcm) // self._frame_bytes
        whole = pcm[: frames * self._frame_bytes]
        with self._lock:
            if self._failure is not None or self._completing or self._abandoned:
                return 0
            if self._queued_bytes + len(whole) > _QUEUE_S * RATE_HZ * self._frame_bytes:
                self._skip(frames)
                return max(1, frames * 1000 // RATE_HZ)
            self._queue.append(whole)
            self._queued_bytes += len(whole)
            self._schedule()
        return 0

    def skip(self, milliseconds: int) -> None:
        """Leave a gap."""
        with self._lock:
            if self._failure is None and not self._completing and not self._abandoned:
                self._skip(milliseconds * RATE_HZ // 1000)
                self._schedule()

    def complete(self) -> Future[int]:
        """Write what is queued, then close and name the file; the future gives its size or the OSError."""
        with self._lock:
            self._completing = True
            self._schedule()
        return self._done

    def abandon(self) -> Future[int]:
        """Throw the file away, unless it is being completed; the future tells when that is done."""
        with self._lock:
            self._abandoned = not self._completing
            self._schedule()
        return self._done

    def waiting_s(self) -> float:
        return self._queued_bytes / (self._frame_bytes * RATE_HZ)

    def _skip(self, frames: int) -> None:
        frames = max(0, min(frames, MAX_SECONDS * RATE_HZ))
        if self._queue and isinstance(last := self._queue[-1], _Gap):
            last.frames = min(last.frames + frames, MAX_SECONDS * RATE_HZ)
        else:
            self._queue.append(_Gap(frames))

    def _schedule(self) -> None:
        if not self._scheduled and not self._done.done():
            self._scheduled = True
            self._threads.submit(self._turn)

    # ── in a thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        """Write what is waiting, then let another recording have the thread."""
        with self._lock:
            batch = list(self._queue)
            self._queue.clear()
            self._queued_bytes = 0
            abandoned = self._abandoned
            last = self._completing or abandoned
        size = 0
        try:
            if not abandoned and self._failure is None:
                for item in batch:
                    self._put(item)
                if self._writer is not None:
                    self._writer.flush()
                if last:
                    size = self._close()
        except Exception as error:
            if not isinstance(error, OSError):
                _log.error("recording writer failed", file_id=self.file_id, exc=error)
            self._fail(error if isinstance(error, OSError) else OSError(repr(error)))
        if last:
            if abandoned:
                self._fail(OSError("it was given up"))
            if self._failure is not None:
                self._done.set_exception(self._failure)
            else:
                self._done.set_result(size)
            return
        with self._lock:
            self._scheduled = False
            if self._queue or self._completing or self._abandoned:
                self._schedule()

    def _put(self, item: bytes | _Gap) -> None:
        if isinstance(item, bytes):
            self._write(np.frombuffer(item, dtype="<i2").reshape(-1, self._channels))
            return
        left = item.frames
        while left > 0:
            count = min(left, RATE_HZ)
            self._write(np.zeros((count, self._channels), dtype=np.int16))
            left -= count

    def _write(self, samples: Samples) -> None:
        self._open().write(samples)

    def _open(self) -> ContainerWriter:
        if self._writer is None:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._encoders.open(self._part, self.container, self._channels)
        return self._writer

    def _close(self) -> int:
        self._open().close()
        self._writer = None
        size = self._part.stat().st_size
        self._part.replace(self._path)
        sync_directory(self._path.parent)
        return size

    def _fail(self, error: OSError) -> None:
        _log.warning("recording failed", file_id=self.file_id, why=str(error))
        with self._lock:
            self._failure = self._failure or error
            self._queue.clear()
            self._queued_bytes = 0
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is whole already, and have it on disk before this returns.

    Raises:
        OSError: the disk refuses; nothing half-written is left.
    """
    part = path.with_suffix(PART)
    try:
        with part.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        sync_directory(path.parent)
    except OSError:
        part.unlink(missing_ok=True)
        raise
