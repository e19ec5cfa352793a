"""What is told of an observed leg: speech, tones, levels. And prompts that make room or wait for each other."""

from __future__ import annotations

import asyncio
import math
import struct

import pytest

from ringline.base import EffectId, LegId, MediaError
from ringline.engine.ports import (
    AudioLevels,
    PlaybackFinished,
    RtpPlan,
    SpeechStarted,
    SpeechStopped,
    SrtpKeys,
    ToneHeard,
)
from ringline.testing.audio import goertzel, level_dbfs, tone
from ringline.testing.studio import Studio


def _voice(seconds: float) -> bytes:
    """A buzz with syllables: loud and soft by turns, its pitch in motion."""
    samples = []
    phase = 0.0
    for n in range(round(seconds * 8000)):
        at = n / 8000
        phase += 2 * math.pi * (130 + 30 * math.sin(at * 7)) / 8000
        loud = 0.15 + 0.85 * (math.sin(at * 2 * math.pi * 4) > 0)
        samples.append(round(loud * sum(4000 / k * math.sin(k * phase) for k in range(1, 9))))
    return struct.pack(f"<{len(samples)}h", *samples)


def test_speech_and_a_beep_on_a_leg_are_told_when_they_happen() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            watch = EffectId("watch")
            studio.media.observe(watch, LegId("a"))
            phone.say(bytes(2 * 4000) + _voice(1.0) + bytes(2 * 6400) + tone(1000, 0.5) + bytes(2 * 4000), repeat=True)
            started = await studio.event(SpeechStarted, watch=watch)
            stopped = await studio.event(SpeechStopped, watch=watch)
            beep = await studio.event(ToneHeard, watch=watch)
            levels = await studio.event(AudioLevels, watch=watch)
            assert 0 < started.at_ms < stopped.at_ms < beep.at_ms
            assert stopped.spoke_ms == pytest.approx(1000, abs=150)
            assert (beep.tone, beep.hz) == ("beep", 1000)
            assert beep.length_ms == pytest.approx(500, abs=60)
            assert len(levels.dbfs) == 50
            assert -96 <= min(levels.dbfs) < -60
            studio.media.unwatch(watch)
            await phone.hear(0.1)
            count = len(studio.events)
            await phone.hear(1.2)
            assert len(studio.events) == count

    asyncio.run(scenario())


def test_voices_make_room_for_a_prompt_that_wants_it() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            one, other = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            other.say(tone(500, 1), repeat=True)
            await one.hear(0.5)
            before = goertzel_dbfs(await one.hear(0.3), 500)
            play = EffectId("quiet")
            studio.media.play(play, LegId("a"), rate_hz=8000, duck_db=12)
            studio.media.feed(play, bytes(2 * 8000), last=True)
            await one.hear(0.2)
            during = goertzel_dbfs(await one.hear(0.3), 500)
            await studio.event(PlaybackFinished, play=play)
            await one.hear(0.2)
            after = goertzel_dbfs(await one.hear(0.3), 500)
            assert during == pytest.approx(before - 12, abs=0.5)
            assert after == pytest.approx(before, abs=0.5)

    asyncio.run(scenario())


def goertzel_dbfs(pcm: bytes, hz: float) -> float:
    """The level of one pitch."""
    return level_dbfs(pcm) + 10 * math.log10(max(goertzel(pcm, hz), 1e-9))


def test_a_prompt_waits_for_the_one_before_it() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            first, second = EffectId("first"), EffectId("second")
            studio.media.play(first, LegId("a"), rate_hz=8000)
            studio.media.play(second, LegId("a"), rate_hz=8000, after=first)
            studio.media.feed(second, tone(900, 0.3), last=True)
            studio.media.feed(first, tone(400, 0.3), last=True)
            await studio.event(PlaybackFinished, play=second)
            heard = phone.audio()
            assert [event.play for event in studio.events if isinstance(event, PlaybackFinished)] == [first, second]
            assert goertzel(heard[-2 * 2000 : -2 * 400], 900) > 0.98
            assert goertzel(heard[-2 * 4400 : -2 * 2800], 400) > 0.98

    asyncio.run(scenario())


@pytest.mark.parametrize(("suite", "length"), [("AES_CM_256_HMAC_SHA1_80", 30), ("AES_CM_128_HMAC_SHA1_80", 29)])
def test_keys_that_cannot_be_used_are_refused(suite: str, length: int) -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            studio.media.open(LegId("a"))
            keys = SrtpKeys(send_suite=suite, send_key=bytes(length), receive_suite=suite, receive_key=bytes(length))
            plan = RtpPlan(remote_host="127.0.0.1", remote_port=4000, codec="PCMA", payload_type=8, srtp=keys)
            with pytest.raises(MediaError, match="cannot be carried out"):
                studio.media.configure(LegId("a"), plan)
            assert "key" not in repr(keys).replace("SrtpKeys", "")

    asyncio.run(scenario())
