"""Prompts, heard by a real phone."""

from __future__ import annotations

import asyncio

import pytest

from ringline.base import EffectId, LegId, MediaError
from ringline.engine.ports import PlaybackFinished
from ringline.testing.audio import goertzel, has_tone, level_dbfs, tone
from ringline.testing.studio import Studio


def test_a_prompt_of_any_rate_is_heard_at_its_pitch_and_level() -> None:
    async def listen(studio: Studio, codec: str, rate_hz: int) -> None:
        leg = f"{codec}-{rate_hz}"
        phone = await studio.phone(leg, codec=codec)
        play = studio.play(leg, tone(1000, 0.4, rate_hz, -12), rate_hz=rate_hz)
        finished = await studio.event(PlaybackFinished, play=play)
        assert not finished.stopped
        assert abs(finished.played_ms - 400) <= 1
        heard = phone.audio()
        middle = heard[len(heard) - 2 * 2400 : -2 * 800]
        assert goertzel(middle, 1000) > 0.99, leg
        assert level_dbfs(middle) == pytest.approx(-15, abs=0.3), leg

    async def scenario() -> None:
        async with Studio() as studio:
            rates = (8000, 16_000, 22_050, 44_100)
            await asyncio.gather(*(listen(studio, codec, rate) for codec in ("PCMU", "PCMA") for rate in rates))

    asyncio.run(scenario())


def test_blocks_may_be_cut_anywhere_even_inside_a_sample() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play, pcm = EffectId("p"), tone(700, 0.4, 16_000)
            studio.media.play(play, LegId("a"), rate_hz=16_000)
            for start in range(0, len(pcm), 333):
                studio.media.feed(play, pcm[start : start + 333], last=False)
            studio.media.feed(play, b"", last=True)
            studio.media.feed(play, pcm, last=True)
            finished = await studio.event(PlaybackFinished, play=play)
            assert abs(finished.played_ms - 400) <= 1
            assert goertzel(phone.audio()[-2 * 1600 :], 700) > 0.98

    asyncio.run(scenario())


def test_a_level_makes_a_prompt_quieter() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play = studio.play("a", tone(500, 0.3, level_db=-6), level_db=-12)
            await studio.event(PlaybackFinished, play=play)
            assert level_dbfs(phone.audio()[-2 * 1600 :]) == pytest.approx(-21, abs=0.3)

    asyncio.run(scenario())


def test_a_boost_never_exceeds_one_decibel_below_full_scale() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play = studio.play("a", tone(500, 0.3, level_db=-1), level_db=12)
            await studio.event(PlaybackFinished, play=play)
            heard = phone.audio()[-2 * 1600 :]
            samples = memoryview(heard).cast("h")
            # One step of G.711 at that size is 1024.
            assert max(samples) <= 32_768 * 10 ** (-1 / 20) + 512

    asyncio.run(scenario())


def test_rounds_are_all_played_and_counted() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play = studio.play("a", tone(800, 0.11), loop=3)
            finished = await studio.event(PlaybackFinished, play=play)
            assert finished.played_ms == 330
            sounding = [packet for packet in phone.packets if packet.payload != b"\xff" * 160]
            assert len(sounding) == 17  # 330 ms in frames of 20 ms

    asyncio.run(scenario())


def test_a_prompt_for_ever_is_cut_where_it_is() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play = studio.play("a", tone(800, 0.05), loop=0)
            await phone.hear(0.3)
            studio.media.stop(play)
            finished = await studio.event(PlaybackFinished, play=play)
            sounding = [packet for packet in phone.packets if packet.payload != b"\xff" * 160]
            assert finished.stopped
            assert abs(finished.played_ms - 20 * len(sounding)) <= 20
            assert not has_tone(await phone.hear(0.1), 800)
            studio.media.stop(play)

    asyncio.run(scenario())


def test_closing_a_leg_ends_its_prompt_and_a_prompt_for_no_leg_ends_at_once() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            play = studio.play("a", tone(800, 5))
            await phone.hear(0.1)
            studio.media.close(LegId("a"))
            finished = await studio.event(PlaybackFinished, play=play)
            assert finished.stopped
            assert 60 <= finished.played_ms <= 1000
            late = studio.play("a", tone(800, 5))
            assert await studio.event(PlaybackFinished, play=late) == PlaybackFinished(
                play=late, played_ms=0, stopped=True
            )

    asyncio.run(scenario())


def test_a_room_prompt_is_heard_by_all_and_a_leg_prompt_by_one() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            first, second = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            studio.play("CON-1", tone(600, 1))
            studio.play("b", tone(1700, 1))
            heard_a, heard_b = await asyncio.gather(first.hear(0.5), second.hear(0.5))
            assert has_tone(heard_a, 600, share=0.9)
            assert not has_tone(heard_a, 1700, share=0.01)
            assert has_tone(heard_b, 600, share=0.4)
            assert has_tone(heard_b, 1700, share=0.4)

    asyncio.run(scenario())


def test_dissolving_a_room_cuts_its_prompts_and_not_those_of_its_legs() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            studio.together("CON-1", "a")
            ours, theirs = studio.play("CON-1", tone(600, 3)), studio.play("a", tone(1700, 3))
            await phone.hear(0.1)
            studio.together("CON-1")
            assert (await studio.event(PlaybackFinished, play=ours)).stopped
            assert has_tone(await phone.hear(0.2), 1700, share=0.9)
            assert all(getattr(event, "play", None) != theirs for event in studio.events)

    asyncio.run(scenario())


def test_impossible_rates_and_a_second_prompt_of_one_name_are_refused() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            await studio.phone("a")
            with pytest.raises(MediaError):
                studio.media.play(EffectId("p"), LegId("a"), rate_hz=0)
            studio.media.play(EffectId("p"), LegId("a"), rate_hz=8000)
            with pytest.raises(MediaError):
                studio.media.play(EffectId("p"), LegId("a"), rate_hz=8000)

    asyncio.run(scenario())
