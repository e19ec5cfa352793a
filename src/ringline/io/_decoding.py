"""Turning an audio file into blocks of samples while it is still being downloaded.

The decoding is done by the media core's `FileDecoder`, without the interpreter. Which files are taken: mp3, wav (linear
PCM, float, G.711, GSM 6.10) and ogg (Opus, Vorbis).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ringline._media import FileDecoder
from ringline.engine.ports import Pcm

MAX_SECONDS: Final = 7200
_BLOCK_S: Final = 0.5
_FIRST_HZ: Final = 16_000
"Taken for the rate until the header has told it."


class Undecodable(Exception):
    """It is no audio file that we know, or it ended before its end."""


def sniff(head: bytes, content_type: str) -> bool:
    """Tell from the first bytes (12 or more), or else from the `Content-Type`, whether we try to decode it."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return True
    if head[:4] == b"OggS" or head[:3] == b"ID3":
        return True
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return True  # an MPEG audio frame; layer bits 00 are AAC
    return content_type in ("audio/mpeg", "audio/mp3")  # junk before the first frame


class Decoder:
    """One file: fed on the event loop, read in threads, one at a time."""

    def __init__(self) -> None:
        self._core = FileDecoder(max_seconds=MAX_SECONDS)
        # What has come since the last read: the loop does not wait for a decoder that is at work.
        self._arrived: deque[bytes] = deque()
        self._ended = False
        self.over = False
        "Everything was given."

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the file."""
        self._arrived.append(data)

    def end(self) -> None:
        """All of the file has come."""
        self._ended = True

    def read(self) -> Pcm | None:
        """Decode up to half a second of what has arrived; None when more must arrive first, or at the end.

        Raises:
            Undecodable: it is no audio file that we take, is damaged, or too long.
        """
        ended = self._ended
        while self._arrived:
            self._core.feed(self._arrived.popleft())
        if ended:
            self._core.end()
        try:
            data, step = self._core.read(int((self._core.rate_hz() or _FIRST_HZ) * _BLOCK_S))
        except ValueError as error:
            self.over = True
            raise Undecodable(str(error)) from error
        self.over = step == "end"
        rate_hz = self._core.rate_hz()
        return Pcm(rate_hz=rate_hz, data=data) if data and rate_hz else None
