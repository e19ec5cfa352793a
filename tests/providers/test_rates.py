"""An engine's audio is brought to a rate of the media core once, before the cache keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers import CachedVoice, SpeechCache
from ringline.providers.rates import FitVoice
from ringline.testing.audio import goertzel, level_dbfs, tone

HELLO = SpeechRequest(text="hello")


class Whistle:
    """Speaks a tone of 440 Hz, in blocks of so many bytes."""

    name, version = "whistle", "1"

    def __init__(self, rate_hz: int, block: int) -> None:
        self.rate_hz, self.block = rate_hz, block
        self.left = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def ready(self) -> str | None:
        return None

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        whole = tone(440, 1.0, self.rate_hz)
        try:
            for at in range(0, len(whole), self.block):
                yield Pcm(rate_hz=self.rate_hz, data=whole[at : at + self.block])
        finally:
            self.left += 1


def heard(voice: FitVoice | CachedVoice) -> list[Pcm]:
    async def listen() -> list[Pcm]:
        return [block async for block in voice.speak(HELLO)]

    return asyncio.run(listen())


@pytest.mark.parametrize("block", [2, 333, 8192])
@pytest.mark.parametrize("rate_hz", [11_025, 22_050, 24_000, 44_100])
def test_any_rate_becomes_16_khz_with_the_same_sound(rate_hz: int, block: int) -> None:
    blocks = heard(FitVoice(Whistle(rate_hz, block)))
    whole = b"".join(each.data for each in blocks)
    assert {each.rate_hz for each in blocks} == {16_000}
    assert len(whole) / 2 / 16_000 == pytest.approx(1.0, abs=0.001)
    assert goertzel(whole, 440, 16_000) > 0.99
    assert level_dbfs(whole) == pytest.approx(level_dbfs(tone(440, 1.0)), abs=0.2)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_what_the_core_takes_is_left_alone(rate_hz: int) -> None:
    blocks = heard(FitVoice(Whistle(rate_hz, 1000)))
    assert {each.rate_hz for each in blocks} == {rate_hz}
    assert b"".join(each.data for each in blocks) == tone(440, 1.0, rate_hz)


def test_who_leaves_early_lets_the_engine_go() -> None:
    engine = Whistle(22_050, 100)

    async def listen() -> None:
        stream = FitVoice(engine).speak(HELLO)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(listen())
    assert engine.left == 1


def test_the_cache_keeps_the_fitting_audio(tmp_path: Path) -> None:
    async def scene() -> tuple[list[Pcm], list[Pcm]]:
        cache = SpeechCache(tmp_path)
        await cache.start()
        voice = CachedVoice(FitVoice(Whistle(22_050, 8192)), cache)
        first = [block async for block in voice.speak(HELLO)]
        await asyncio.gather(*(flight.task for flight in list(voice._flights.values())))
        again = [block async for block in voice.speak(HELLO)]
        await voice.close()
        await cache.close()
        return first, again

    first, again = asyncio.run(scene())
    assert b"".join(each.data for each in first) == b"".join(each.data for each in again)
    assert {each.rate_hz for each in again} == {16_000}
