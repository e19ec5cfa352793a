"""Ears on single legs: audio and what is told of it, in one order, whatever the leg hears meanwhile."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

import pytest

from ringline.base import EffectId, LegId, MediaError
from ringline.engine.ports import SpeechStarted, SpeechStopped, Told, ToneHeard
from ringline.testing.audio import tone
from ringline.testing.studio import Studio

EAR = EffectId("ear")


@dataclass
class Sink:
    """Keeps what an ear brings."""

    pcm: bytearray = field(default_factory=bytearray)
    events: list[tuple[Told, int]] = field(default_factory=list)
    "What was told, and how many bytes of audio had come before."
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, pcm: bytes) -> None:
        self.pcm += pcm

    def lost(self, milliseconds: int) -> None:
        raise AssertionError(f"{milliseconds} ms were lost")

    def told(self, event: Told) -> None:
        self.events.append((event, len(self.pcm)))
        self.news.set()

    async def waits_for(self, kind: type[Told]) -> None:
        """Wait until something of this kind is told."""
        async with asyncio.timeout(30):
            while not self.of(kind):
                self.news.clear()
                await self.news.wait()

    def of(self, kind: type[Told]) -> list[tuple[Told, int]]:
        return [one for one in self.events if isinstance(one[0], kind)]


def voice(seconds: float, peak: int = 3000) -> bytes:
    """A buzz with syllables."""
    samples = []
    for n in range(round(seconds * 8000)):
        loud = 1.0 if n // 1000 % 2 == 0 else 0.3
        samples.append(round(loud * (peak if n % 64 < 8 else -peak / 7)))
    return struct.pack(f"<{len(samples)}h", *samples)


def test_audio_comes_before_what_is_told_of_it_also_from_a_muted_leg() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            await studio.phone("b")
            studio.together("CON-1", "a", "b", muted="a")
            sink = Sink()
            studio.media.open_ear(EAR, LegId("a"), sink, rate_hz=16_000)
            phone.say(bytes(16_000) + voice(1.0) + bytes(16_000) + tone(1000, 0.4) + bytes(64_000))
            await sink.waits_for(ToneHeard)
            ((started, bytes_then),) = sink.of(SpeechStarted)
            ((stopped, _),) = sink.of(SpeechStopped)
            assert isinstance(started, SpeechStarted)
            assert isinstance(stopped, SpeechStopped)
            assert bytes_then >= started.at_ms * 32, "all of it up to then has come"
            assert stopped.at_ms - started.at_ms == pytest.approx(1000, abs=100)
            studio.media.close_ear(EAR)
            count = len(sink.pcm)
            await asyncio.sleep(0.3)
            assert len(sink.pcm) == count
            studio.media.close_ear(EAR)

    asyncio.run(scenario())


def test_an_echo_of_a_prompt_is_no_speech_and_a_caller_over_it_is() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            sink = Sink()
            prompt = voice(6.0, peak=12_000)
            studio.media.open_ear(EAR, LegId("a"), sink)
            studio.play("a", prompt)
            phone.say(bytes(2 * 8 * 100) + voice(2.5, peak=1200) + voice(2.0, peak=12_000))  # 20 dB below, then not
            await asyncio.sleep(2.4)
            assert sink.of(SpeechStarted) == []
            await sink.waits_for(SpeechStarted)
            assert sink.pcm == b""
            studio.media.close_ear(EAR)

    asyncio.run(scenario())


def test_a_leg_that_is_not_open_gives_nothing_and_a_strange_rate_is_refused() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            sink = Sink()
            studio.media.open_ear(EAR, LegId("nobody"), sink)
            studio.media.close_ear(EAR)
            await studio.phone("a")
            with pytest.raises(MediaError, match="11025"):
                studio.media.open_ear(EAR, LegId("a"), sink, rate_hz=11_025)
            assert sink.events == []

    asyncio.run(scenario())
