"""Finished audio on disk: whole files under a hash, checked when read, the longest unused removed first."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Final

from ringline.base import get_log

_log = get_log(__name__)

_HEADER: Final = struct.Struct("<4sIII")
"Magic, rate in Hz, length in bytes, CRC-32 of the audio."
_MAGIC: Final = b"RLS1"
_SUFFIX: Final = ".pcm"
_PART: Final = ".part"


class DiskStore:
    """Audio by key (hex digits), at most `max_bytes` of it. All methods block; call them in threads.

    A file appears whole or not at all. What cannot be read, or is not what was written, is removed and counts as
    absent.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._writes = 0

    def open(self) -> None:
        """Make the directory and take stock of it.

        Raises:
            OSError: it cannot be made or read.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        found: list[tuple[float, str, int]] = []
        for path in sorted(self._directory.glob("??/*")):
            with contextlib.suppress(OSError):
                if path.suffix == _PART:
                    path.unlink()  # a write that a crash cut off
                elif path.suffix == _SUFFIX:
                    about = path.stat()
                    found.append((about.st_mtime, path.stem, about.st_size))
        with self._lock:
            self._sizes = OrderedDict((key, size) for _, key, size in sorted(found))
            self._total = sum(self._sizes.values())
            self._shrink()

    def total(self) -> int:
        """Bytes on disk, as far as is known."""
        return self._total

    def read(self, key: str) -> tuple[int, bytes] | None:
        """Rate and audio of a key; None when absent."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            self._forget(key)
            return None
        except OSError as error:
            _log.warning("speech cache cannot be read", why=str(error))
            return None
        audio = data[_HEADER.size :]
        if len(data) >= _HEADER.size:
            magic, rate_hz, length, check = _HEADER.unpack_from(data)
            if magic == _MAGIC and length == len(audio) and check == zlib.crc32(audio):
                self._remember(key, len(data))
                return rate_hz, audio
        _log.warning("speech cache entry is damaged, removed", key=key)
        with contextlib.suppress(OSError):
            path.unlink()
        self._forget(key)
        return None

    def write(self, key: str, rate_hz: int, audio: bytes) -> None:
        """Keep audio under a key. A full or broken disk only costs the entry."""
        data = _HEADER.pack(_MAGIC, rate_hz, len(audio), zlib.crc32(audio)) + audio
        if len(data) > self._max_bytes:
            return
        path = self._path(key)
        with self._lock:
            self._writes += 1
            part = path.with_name(f"{key}-{os.getpid()}-{self._writes}{_PART}")
        try:
            part.parent.mkdir(exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            _log.warning("speech cache cannot be written", why=str(error))
            with contextlib.suppress(OSError):
                part.unlink()
            return
        self._remember(key, len(data))

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / f"{key}{_SUFFIX}"

    def _remember(self, key: str, size: int) -> None:
        with self._lock:
            self._total += size - self._sizes.pop(key, 0)
            self._sizes[key] = size
            self._shrink()

    def _forget(self, key: str) -> None:
        with self._lock:
            self._total -= self._sizes.pop(key, 0)

    def _shrink(self) -> None:
        while self._total > self._max_bytes and self._sizes:
            key, size = self._sizes.popitem(last=False)
            self._total -= size
            with contextlib.suppress(OSError):
                self._path(key).unlink()
