"""The spool: a small file beside the database that takes what must not be lost while the database takes nothing.

Its room is reserved when it is opened, so that a full disk does not matter to it. Records follow each other as lines of
JSON; the first zero byte is the end. Everything here blocks and is for the writing thread.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ringline.base import get_log

log = get_log(__name__)

Record = tuple[str, Mapping[str, Any]]
"The name of a statement (`statements.VITAL`) and its row."


class Spool:
    """One spool file."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.used = 0
        "Bytes of records in it."
        self.lost = 0
        "Records that it had no room for, or that could not be written."
        self._handle: int | None = None

    def open(self) -> list[Record]:
        """Open or create it, and give what a process that died has left in it.

        Raises:
            OSError: it cannot be used.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self._handle = handle
        found, self.used = _records(_contents(handle))
        with contextlib.suppress(OSError):  # a file system that cannot reserve room still takes what comes
            os.posix_fallocate(handle, 0, max(self.max_bytes, 1))
        return found

    def append(self, records: Sequence[Record]) -> int:
        """Add records; return how many found room. Those that did not are counted."""
        lines = [(json.dumps(record, separators=(",", ":")) + "\n").encode() for record in records]
        fitting: list[bytes] = []
        size = self.used
        for line in lines:
            if size + len(line) >= self.max_bytes:  # the last byte stays zero: the end
                break
            size += len(line)
            fitting.append(line)
        kept = len(fitting) if self._write(b"".join(fitting), size) else 0
        if kept < len(lines):
            if not self.lost:
                log.error("the spool is full: what comes now would be lost in a crash", spool=str(self.path))
            self.lost += len(lines) - kept
        return kept

    def clear(self) -> None:
        """Everything in it is in the database now."""
        if self._handle is None or not self.used:
            return
        # The end first: should this be cut short, what is left is still whole records from the beginning.
        try:
            os.pwrite(self._handle, b"\0", 0)
            os.pwrite(self._handle, bytes(self.used), 0)
            self.used = 0
        except OSError as error:
            log.error("the spool cannot be emptied", spool=str(self.path), why=str(error))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _write(self, data: bytes, size: int) -> bool:
        if self._handle is None:
            return False
        try:
            written = os.pwrite(self._handle, data, self.used) if data else 0
        except OSError as error:
            log.error("the spool cannot be written", spool=str(self.path), why=str(error))
            return False
        if written < len(data):
            with contextlib.suppress(OSError):
                os.pwrite(self._handle, bytes(written), self.used)  # a half record is no record
            return False
        self.used = size
        return True


def _contents(handle: int) -> bytes:
    parts: list[bytes] = []
    position = 0
    while part := os.pread(handle, 1 << 20, position):
        parts.append(part)
        position += len(part)
        if 0 in part:
            break
    return b"".join(parts).partition(b"\0")[0]


def _records(data: bytes) -> tuple[list[Record], int]:
    """The whole records at the beginning, and how many bytes they take."""
    found: list[Record] = []
    used = 0
    for line in data.splitlines(keepends=True):
        try:
            name, row = json.loads(line)
            if not line.endswith(b"\n") or not isinstance(name, str) or not isinstance(row, dict):
                break
        except (ValueError, TypeError):
            break
        found.append((name, row))
        used += len(line)
    return found, used
