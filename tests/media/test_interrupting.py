"""Prompts that yield: cut by the core itself, in the frame in which a key or a voice is heard. Nobody stops them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from ringline.base import EffectId, LegId
from ringline.engine.ports import KeyDown, KeyReleased, PlaybackFinished, SpeechStarted, Told
from ringline.testing.audio import has_tone, level_dbfs, tone
from ringline.testing.studio import Studio

_PROMPT_HZ = 600.0
_EAR = EffectId("ear")


@dataclass
class Sink:
    """Keeps what an ear tells."""

    told_of: list[Told] = field(default_factory=list)

    def write(self, pcm: bytes) -> None:
        """The audio does not matter."""

    def lost(self, milliseconds: int) -> None:
        raise AssertionError(f"{milliseconds} ms were lost")

    def told(self, event: Told) -> None:
        self.told_of.append(event)


def _prompt(studio: Studio, target: str) -> EffectId:
    return studio.play(target, tone(_PROMPT_HZ, 0.5), loop=0)


@pytest.mark.parametrize("target", ["a", "CON-1"])
@pytest.mark.parametrize("dtmf", [True, False])
def test_a_key_silences_a_prompt_that_yields_to_it_and_is_told_before_its_end(target: str, dtmf: bool) -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a", dtmf=dtmf)
            studio.together("CON-1", "a")
            play, other = _prompt(studio, target), _prompt(studio, target)
            studio.media.yield_to(play, keys_of=LegId("a"))
            studio.media.yield_to(other, keys_of=LegId("a"))
            assert has_tone(await phone.hear(0.3), _PROMPT_HZ)
            if dtmf:
                await phone.press("5")
            else:
                low, high = (memoryview(tone(hz, 0.1, level_db=-13)).cast("h") for hz in (770, 1336))
                phone.say(b"".join((a + b).to_bytes(2, "little", signed=True) for a, b in zip(low, high, strict=True)))
            assert (await studio.event(PlaybackFinished, play=play)).stopped
            assert (await studio.event(PlaybackFinished, play=other)).stopped
            kinds = [type(event) for event in studio.events if not isinstance(event, KeyReleased)]
            assert kinds.index(KeyDown) < kinds.index(PlaybackFinished)
            await phone.hear(0.1)
            assert level_dbfs(await phone.hear(0.2)) < -70

    asyncio.run(scenario())


def test_a_voice_silences_a_prompt_that_yields_to_the_ear_that_hears_it() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            studio.together("CON-1", "a")
            sink, play = Sink(), _prompt(studio, "CON-1")
            studio.media.open_ear(_EAR, LegId("a"), sink, rate_hz=16_000)
            studio.media.yield_to(play, keys_of=LegId("a"), voice_of=_EAR)
            await phone.hear(0.3)
            buzz = b"".join((6000 if n % 64 < 8 else -850).to_bytes(2, "little", signed=True) for n in range(8000))
            phone.say(buzz)
            assert (await studio.event(PlaybackFinished, play=play)).stopped
            assert [type(event) for event in sink.told_of] == [SpeechStarted]
            studio.media.close_ear(_EAR)
            await phone.hear(0.1)
            assert level_dbfs(await phone.hear(0.2)) < -70

    asyncio.run(scenario())


def test_letters_and_the_keys_of_others_silence_nothing() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone, stranger = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            play = _prompt(studio, "CON-1")
            studio.media.yield_to(play, keys_of=LegId("a"))
            studio.media.yield_to(EffectId("nobody's"), keys_of=LegId("a"))
            await phone.hear(0.2)
            await phone.press("A")
            await stranger.press("1")
            await studio.event(KeyReleased, leg=LegId("a"))
            await studio.event(KeyReleased, leg=LegId("b"))
            assert has_tone(await phone.hear(0.3), _PROMPT_HZ)
            assert not any(isinstance(event, PlaybackFinished) for event in studio.events)

    asyncio.run(scenario())
