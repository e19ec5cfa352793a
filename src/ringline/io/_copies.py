"""Decoded audio files on disk: one copy for all who play it, while it is still growing, too.

A copy is a file without a name, so whatever happens to this process, nothing of it stays behind.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ringline.audio import Freshness

MOST_KEPT: Final = 500
"Copies that wait to be played again; each takes a file descriptor."


class Broken(Exception):
    """A file cannot be fetched or played; the words are for people."""


class Copy:
    """The samples of one file. `append` and `read` are for threads, everything else for the event loop."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._file: int | None = None
        self.closed = False
        self._progress = asyncio.Event()
        self.rate_hz = 0
        "Settled with the first samples."
        self.size = 0
        "Bytes that can be read."
        self.complete = False
        self.error: str | None = None
        self.readers = 0
        self.kept = False
        "It waits for the next who wants it."

    def append(self, data: bytes) -> None:
        """Write samples behind the others.

        Raises:
            OSError: the disk does not take them.
        """
        with self._lock:
            if self.closed:
                return
            if self._file is None:
                with tempfile.TemporaryFile(dir=self._directory, prefix="stream-") as file:
                    self._file = os.dup(file.fileno())
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def read(self, offset: int, count: int) -> bytes:
        """Read samples; nothing when the copy was given up.

        Raises:
            OSError: the disk fails.
        """
        with self._lock:
            return b"" if self._file is None else os.pread(self._file, count, offset)

    def grown(self, size: int, rate_hz: int) -> None:
        """There is more to read."""
        self.size, self.rate_hz = size, rate_hz
        self._progress.set()

    def finish(self) -> None:
        """All of it is there."""
        self.complete = True
        self._progress.set()

    def fail(self, why: str) -> None:
        """No more will come."""
        if not self.complete:
            self.error = self.error or why
            self._progress.set()

    async def beyond(self, offset: int) -> bool:
        """Wait for more than so many bytes; False when that is all.

        Raises:
            Broken: no more will come, though it is not all.
        """
        while True:
            if self.size > offset:
                return True
            if self.error is not None:
                raise Broken(self.error)
            if self.complete:
                return False
            self._progress.clear()
            await self._progress.wait()

    def close(self) -> None:
        """Give the disk space back."""
        self.fail("it was stopped")
        with self._lock:
            self.closed = True
            if self._file is not None:
                os.close(self._file)
                self._file = None


class Shelf:
    """The copies that may be played again, and the room that all copies together may take."""

    def __init__(self, *, max_bytes: int, released: Callable[[Copy], None]) -> None:
        self._max_bytes = max_bytes
        self._released = released
        self._kept: OrderedDict[str, tuple[Copy, Freshness]] = OrderedDict()
        self._used = 0

    def find(self, url: str) -> tuple[Copy, Freshness] | None:
        """A copy that may be used if it is fresh, or found to be the same still."""
        found = self._kept.get(url)
        if found is None:
            return None
        if found[0].error is not None:
            self.drop(url)
            return None
        self._kept.move_to_end(url)
        return found

    def keep(self, url: str, copy: Copy, freshness: Freshness) -> None:
        """Keep a copy, or what was learned about it."""
        if (before := self._kept.get(url)) is not None and before[0] is not copy:
            self.drop(url)
        copy.kept = True
        self._kept[url] = copy, freshness
        self._kept.move_to_end(url)
        while len(self._kept) > MOST_KEPT:
            self.drop(next(iter(self._kept)))

    def drop(self, url: str) -> None:
        """Keep a copy no longer; who plays it goes on."""
        found = self._kept.pop(url, None)
        if found is not None:
            found[0].kept = False
            self._released(found[0])

    def take(self, size: int) -> bool:
        """Take room for samples, from those not played for longest if need be; False when there is none."""
        self._used += size
        if self._used > self._max_bytes:
            for url in [url for url, (copy, _) in self._kept.items() if not copy.readers and copy.complete]:
                self.drop(url)
                if self._used <= self._max_bytes:
                    break
        return self._used <= self._max_bytes

    def give_back(self, size: int) -> None:
        """A copy was closed."""
        self._used -= size

    def clear(self) -> None:
        """Keep nothing."""
        for url in list(self._kept):
            self.drop(url)

    def gauges(self) -> dict[str, float]:
        """Copies kept, and the bytes of all."""
        return {"kept": len(self._kept), "copied_bytes": self._used}
