"""A prompt on its way into the media core, brought to a rate that the core takes."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

RATES_HZ: Final = (8000, 16_000, 48_000)
"What the core takes as it is. Anything else is brought to 16 kHz, the best that a recording or a phone keeps of it."


class PromptAudio:
    """One prompt: the core's number for it, and what must be remembered between two blocks of samples."""

    __slots__ = ("_odd", "_resampler", "complete", "inside_hz", "number")

    def __init__(self, number: int, rate_hz: int) -> None:
        """`rate_hz` is that of the samples to come."""
        self.number = number
        self.inside_hz = rate_hz if rate_hz in RATES_HZ else 8000 if rate_hz < 8000 else 16_000
        "The rate at which the core gets it."
        self.complete = False
        "The last block has been handed in."
        self._resampler = (
            None if rate_hz == self.inside_hz else soxr.ResampleStream(rate_hz, self.inside_hz, 1, dtype="int16")
        )
        self._odd = b""  # the first half of a sample whose second half comes with the next block

    def convert(self, pcm: bytes, *, last: bool) -> bytes:
        """Give 16-bit mono samples at the core's rate; the resampler keeps a few back until the last block."""
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        if self._resampler is None:
            return pcm[:whole]
        samples = np.frombuffer(pcm, dtype="<i2", count=whole // 2)
        return bytes(self._resampler.resample_chunk(samples, last=last).astype("<i2", copy=False).tobytes())
