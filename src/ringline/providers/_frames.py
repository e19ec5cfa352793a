"""The worker's end of the frames of `ringline.io.workers`, standard library only: programs load it by its path."""

from __future__ import annotations

import os
import select
import struct

HEADER = struct.Struct("<cII")
MAX_REQUEST = 4 * 1024 * 1024


class Gone(Exception):
    """The server closed the pipe."""


class Pipe:
    """The frames on standard input and output."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink

    def read(self) -> tuple[bytes, int, bytes]:
        kind, number, length = HEADER.unpack(self._exactly(HEADER.size))
        if length > MAX_REQUEST:
            raise Gone
        return kind, number, self._exactly(length)

    def waiting(self) -> bool:
        """Tell whether something can be read now, the end included."""
        return bool(select.select([self._source], [], [], 0)[0])

    def write(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        view = memoryview(HEADER.pack(kind, number, len(payload)) + payload)
        try:
            while view:
                view = view[os.write(self._sink, view) :]
        except OSError as error:
            raise Gone from error

    def _exactly(self, count: int) -> bytes:
        parts, left = [], count
        while left:
            piece = os.read(self._source, min(left, 1 << 20))
            if not piece:
                raise Gone
            parts.append(piece)
            left -= len(piece)
        return b"".join(parts)
