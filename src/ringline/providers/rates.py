"""Brings an engine's audio to a rate that the media core takes as it is, once, before it is kept in the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import numpy as np
import soxr

from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._streams import leaving
from ringline.providers.contract import SpeechEngine

_TAKEN_HZ: Final = (8000, 16_000, 48_000)
_WIDE_HZ: Final = 16_000
"The best that a recording or a phone keeps of speech."


class FitVoice:
    """An engine whose audio comes at 8, 16 or 48 kHz. Everything else about it is the engine's own.

    A sentence that is played a thousand times from the cache is resampled the first time only.
    """

    def __init__(self, inner: SpeechEngine) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def version(self) -> str:
        return self._inner.version

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    def ready(self) -> str | None:
        return self._inner.ready()

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        resampler: soxr.ResampleStream | None = None
        rate_hz, odd = 0, b""
        async with leaving(self._inner.speak(request)) as blocks:
            async for block in blocks:
                if block.rate_hz in _TAKEN_HZ:
                    yield block
                    continue
                if resampler is None or block.rate_hz != rate_hz:
                    rate_hz, odd = block.rate_hz, b""
                    resampler = soxr.ResampleStream(rate_hz, _WIDE_HZ, 1, dtype="int16")
                pcm = odd + block.data
                whole = len(pcm) & ~1
                odd = pcm[whole:]
                if data := _resampled(resampler, pcm[:whole], last=False):
                    yield Pcm(rate_hz=_WIDE_HZ, data=data)
        if resampler is not None and (data := _resampled(resampler, b"", last=True)):
            yield Pcm(rate_hz=_WIDE_HZ, data=data)


def _resampled(resampler: soxr.ResampleStream, pcm: bytes, *, last: bool) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2")
    return bytes(resampler.resample_chunk(samples, last=last).astype("<i2", copy=False).tobytes())
