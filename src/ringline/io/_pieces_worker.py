"""Cuts recordings into pieces in which somebody speaks: `python -m ringline.io._pieces_worker`, for `recorded_speech`.

Its frames are those of `ringline.io.workers`. A request is the path of an audio file. Each block of the answer is four
bytes (little-endian) of length, so many of JSON, and audio: 16-bit mono at 16 kHz. The JSON says `channel`, `start_ms`
and `end_ms` of the piece; that of the last block `durations_ms`, one for each channel. A block of `{}` says that there
is no news yet. A file is read once, in blocks: a piece of each channel is all that is in memory.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE_HZ: Final = 16_000
FRAME: Final = RATE_HZ // 50
LONGEST_S: Final = 28
"Engines that take a whole utterance are made for half a minute."
LOOKS_BACK_S: Final = 8
"Somebody who never pauses is cut where it is quietest in the last seconds."
SILENCE_S: Final = 0.7
"So much of it ends a piece,"
MARGIN_S: Final = 0.3
"and so much is left at both ends."
_BLOCK_S: Final = 2
_NEWS_S: Final = 120
_FLOOR_DBFS: Final = -55.0
"What is below is silence, however quiet the rest is."
_ABOVE_NOISE_DB: Final = 8.0
_LEAST_LOUD: Final = 4
"Frames: less is a click, and no word."
_MEMORY_BYTES: Final = 1 << 30
_HEADER: Final = struct.Struct("<cII")

Samples = NDArray[np.int16]


class Cutter:
    """One channel: takes audio, gives pieces."""

    def __init__(self) -> None:
        self._audio: Samples = np.zeros(0, dtype=np.int16)
        "Whole frames from `_first` on."
        self._levels: list[float] = []
        self._first = 0
        self._noise_dbfs = -60.0
        self._begin: int | None = None
        "The frame at which somebody began to speak."
        self._goes_on = False
        "That was a cut in the middle of speech."
        self._last_loud = 0
        self._loud = 0
        self._left: Samples = self._audio

    def feed(self, samples: Samples) -> Iterator[tuple[int, int, Samples]]:
        """Take audio; give what is complete: first and last sample, and the samples."""
        whole = np.concatenate([self._left, samples])
        frames = len(whole) // FRAME
        self._left = whole[frames * FRAME :]
        fresh = whole[: frames * FRAME]
        self._audio = np.concatenate([self._audio, fresh])
        power = np.mean(np.square(fresh.reshape(-1, FRAME).astype(np.float32)), axis=1)
        for level in (10 * np.log10(power + 1e-3) - 90.3).tolist():
            yield from self._frame(level)
        self._forget()

    def end(self) -> Iterator[tuple[int, int, Samples]]:
        """That was all."""
        self._audio = np.concatenate([self._audio, self._left])
        if self._begin is not None:
            yield from self._piece(self._first + len(self._levels))

    def _frame(self, level: float) -> Iterator[tuple[int, int, Samples]]:
        at = self._first + len(self._levels)
        self._levels.append(level)
        # Down at once, up by 3 dB a second: speech does not raise it for long.
        self._noise_dbfs = max(-80.0, min(level, self._noise_dbfs + 0.06))
        if level > max(_FLOOR_DBFS, self._noise_dbfs + _ABOVE_NOISE_DB):
            if self._begin is None:
                self._begin, self._loud = at, 0
            self._last_loud = at
            self._loud += 1
        if self._begin is None:
            return
        if at - self._last_loud >= SILENCE_S * 50:
            yield from self._piece(self._last_loud + 1)
        elif at - self._begin >= (LONGEST_S - 2 * MARGIN_S) * 50:
            yield from self._cut(at)

    def _cut(self, at: int) -> Iterator[tuple[int, int, Samples]]:
        """In the middle of speech: where 100 ms are quietest."""
        back = int(LOOKS_BACK_S * 50)
        levels = np.array(self._levels[at - back - self._first : at - self._first])
        quietest = int(np.argmin(np.convolve(levels, np.ones(5), mode="valid"))) + 2
        where = at - back + quietest
        yield from self._piece(where, margin=0)
        self._begin, self._loud, self._goes_on = where, _LEAST_LOUD, True

    def _piece(self, end: int, *, margin: float = MARGIN_S) -> Iterator[tuple[int, int, Samples]]:
        assert self._begin is not None
        first = max(self._first, self._begin - (0 if self._goes_on else int(MARGIN_S * 50)))
        last = end + int(margin * 50)
        enough = self._loud >= _LEAST_LOUD
        self._begin, self._goes_on = None, False
        if enough:
            samples = self._audio[(first - self._first) * FRAME : (last - self._first) * FRAME]
            yield first * FRAME, first * FRAME + len(samples), samples

    def _forget(self) -> None:
        """What can be in no piece any more."""
        at = self._first + len(self._levels)
        keep = self._begin if self._begin is not None else at
        drop = keep - int(MARGIN_S * 50) - self._first
        if drop > 0:
            self._audio = self._audio[drop * FRAME :].copy()
            del self._levels[:drop]
            self._first += drop


def pieces(path: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """All pieces of a file as they are found, and at last how long its channels are.

    Raises:
        RuntimeError, OSError: it is no audio file, or cannot be read.
    """
    with soundfile.SoundFile(path) as file:
        cutters = [Cutter() for _ in range(file.channels)]
        resampler = None
        if file.samplerate != RATE_HZ:
            resampler = soxr.ResampleStream(file.samplerate, RATE_HZ, file.channels, dtype="int16")
        frames, silent_s = 0, 0
        while True:
            block = file.read(file.samplerate * _BLOCK_S, dtype="int16", always_2d=True)
            last = len(block) == 0
            if resampler is not None:
                block = resampler.resample_chunk(block, last=last).reshape(-1, file.channels)
            frames += len(block)
            silent_s += _BLOCK_S
            for channel, cutter in enumerate(cutters):
                found = [*cutter.feed(block[:, channel]), *(cutter.end() if last else ())]
                for first, end, samples in found:
                    times = {"start_ms": first * 1000 // RATE_HZ, "end_ms": end * 1000 // RATE_HZ}
                    silent_s = 0
                    yield {"channel": channel, **times}, samples.astype("<i2").tobytes()
            if last:
                break
            if silent_s >= _NEWS_S:
                silent_s = 0
                yield {}, b""
    yield {"durations_ms": [frames * 1000 // RATE_HZ] * len(cutters)}, b""


def _send(kind: bytes, number: int, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(_HEADER.pack(kind, number, len(payload)) + payload)
    sys.stdout.buffer.flush()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.nice(10)  # nobody waits for it on the telephone
    _send(b"H", 0, b"{}")
    source = sys.stdin.buffer
    while len(head := source.read(_HEADER.size)) == _HEADER.size:
        kind, number, length = _HEADER.unpack(head)
        payload = source.read(length)
        if kind != b"R":
            continue  # a cancel that came after the end
        try:
            for told, audio in pieces(payload.decode()):
                text = json.dumps(told).encode()
                _send(b"B", number, struct.pack("<I", len(text)) + text + audio)
            _send(b"E", number)
        except (RuntimeError, OSError, ValueError, MemoryError) as error:
            _send(b"X", number, f"the recording cannot be read: {error!r}"[:200].encode())


if __name__ == "__main__":
    main()
