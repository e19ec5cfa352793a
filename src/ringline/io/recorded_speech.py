"""What is spoken in a finished recording, piece by piece, for those who write it down."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from ringline.engine.ports import StoredFile
from ringline.io.recordings import FileRecordings
from ringline.io.workers import WorkerPool

_COMMAND: Final = (sys.executable, "-m", "ringline.io._pieces_worker")
_SILENCE_TIMEOUT_S: Final = 60.0
"The worker says something for every two minutes of audio, which it reads in seconds."


@dataclass(frozen=True, slots=True)
class Piece:
    """Somebody speaks, for half a minute at most."""

    channel: int
    start_ms: int
    end_ms: int
    audio: bytes
    "16-bit mono at 16 kHz; empty: here the channel ends."


class RecordedSpeech:
    """Reads recordings in one worker process, which is started when the first one is to be read."""

    def __init__(self, recordings: FileRecordings) -> None:
        self._recordings = recordings
        self._workers = WorkerPool(
            _COMMAND, name="transcriptions", size=1, start_timeout_s=30.0, silence_timeout_s=_SILENCE_TIMEOUT_S
        )

    async def close(self) -> None:
        """End the worker."""
        await self._workers.close()

    async def pieces(self, file: StoredFile) -> AsyncGenerator[Piece, None]:
        """Give the pieces of all channels, each channel's in order, and at last the end of every channel.

        No more is read ahead than a pipe holds: whoever takes his time is not run over.

        Raises:
            ProviderError: the file is gone or cannot be read, or the worker died.
        """
        async with (
            self._recordings.at_hand(file) as path,
            aclosing(self._workers.request(str(path).encode())) as blocks,
        ):
            async for block in blocks:
                for piece in _read(block):
                    yield piece


def _read(block: bytes) -> list[Piece]:
    (length,) = struct.unpack_from("<I", block)
    told = json.loads(block[4 : 4 + length])
    if "channel" in told:
        return [Piece(told["channel"], told["start_ms"], told["end_ms"], block[4 + length :])]
    return [Piece(channel, lasted_ms, lasted_ms, b"") for channel, lasted_ms in enumerate(told.get("durations_ms", ()))]
