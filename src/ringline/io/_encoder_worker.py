"""Encodes recordings in a process of its own: `python -m ringline.io._encoder_worker`, started by `_encoders`.

It is asked over a socket, its standard input: a byte that says what, the recording's number, the length of what
follows, and that. Every request is answered with `K` or, when it failed, `E` and why. When the socket closes, all
files are brought to a clean end and kept as they are: whoever asked is gone, and the next one completes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import struct
import sys
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from ringline.io._containers import ContainerWriter, EncodedWriter, Samples
from ringline.io._salvage import AGAIN, salvage

HEAD: Final = struct.Struct("<cII")
REPLY: Final = struct.Struct("<cI")
MAX_PAYLOAD: Final = 1 << 20
MEMORY_BYTES: Final = 1 << 30
"More a worker may not have; an encoder takes about half a megabyte."
_BLOCK_FRAMES: Final = 16_000 * 4


class Encoders:
    """The recordings of this process, by number."""

    def __init__(self) -> None:
        self._writers: dict[int, tuple[ContainerWriter, int]] = {}

    def do(self, kind: bytes, number: int, payload: bytes) -> None:
        """Carry one request out.

        Raises:
            OSError: the disk or the encoder refuses.
        """
        if kind == b"O":
            wish = json.loads(payload)
            path, channels = Path(wish["path"]), int(wish["channels"])
            self._writers[number] = _begin(path, wish["container"], channels, wish["frames"]), channels
            return
        if number not in self._writers:
            return  # it failed before, and that was told
        writer, channels = self._writers[number]
        if kind == b"W":
            writer.write(np.frombuffer(payload, dtype="<i2").reshape(-1, channels))
            writer.flush()
            return
        del self._writers[number]
        if kind == b"C":
            try:
                writer.close()
            except OSError:
                writer.abandon()
                raise
        else:
            writer.abandon()

    def end(self) -> None:
        """Nobody asks any more."""
        for writer, _ in self._writers.values():
            with contextlib.suppress(OSError):
                writer.close()


def _begin(path: Path, container: str, channels: int, frames: int) -> ContainerWriter:
    """Start a file; one whose encoder died after so many frames is begun again with what is left of it."""
    if not frames:
        return EncodedWriter(path, container, channels)
    fresh = path.with_suffix(AGAIN)
    writer = EncodedWriter(fresh, container, channels)
    try:
        left = frames
        with contextlib.suppress(OSError, soundfile.SoundFileError):
            salvage(path, container)
            with soundfile.SoundFile(path) as old:
                while left and len(block := old.read(min(left, _BLOCK_FRAMES), "int16", always_2d=True)):
                    writer.write(block)
                    left -= len(block)
        while left:  # what was in the encoder is lost; silence keeps the rest in its place
            count = min(left, _BLOCK_FRAMES)
            writer.write(_silence(count, channels))
            left -= count
        writer.flush()
        fresh.replace(path)
    except BaseException:
        writer.abandon()
        fresh.unlink(missing_ok=True)
        raise
    return writer


def _silence(frames: int, channels: int) -> Samples:
    return np.zeros((frames, channels), dtype=np.int16)


def _receive(line: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = line.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(5)  # playing audio on time comes first
    os.dup2(2, 1)  # whatever the libraries print is for nobody
    encoders = Encoders()
    with socket.socket(fileno=os.dup(0)) as line:
        try:
            while True:
                kind, number, length = HEAD.unpack(_receive(line, HEAD.size))
                payload = _receive(line, length)
                try:
                    encoders.do(kind, number, payload)
                except Exception as error:  # whatever it is, it is that recording's and no other's
                    why = ((error.strerror if isinstance(error, OSError) else None) or repr(error)).encode()
                    line.sendall(REPLY.pack(b"E", len(why)) + why)
                else:
                    line.sendall(REPLY.pack(b"K", 0))
        except (EOFError, ConnectionError):
            encoders.end()
    sys.exit(0)


if __name__ == "__main__":
    main()
