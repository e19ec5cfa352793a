"""Recording taps: layouts, timeline, prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from ringline.base import ConversationId, EffectId, LegId, MediaError
from ringline.engine.ports import HeardLayout, MonoLayout, RecordingLayout, SlotLayout
from ringline.testing.audio import has_tone, level_dbfs, tone
from ringline.testing.studio import Studio, Tape

_ROOM = ConversationId("CON-1")
_PITCHES = {"a": 500.0, "b": 1100.0, "c": 1900.0}
_PROMPT_HZ = 2700.0


async def _record(layouts: Mapping[str, RecordingLayout], muted: str) -> dict[str, Tape]:
    """Three legs talk under a room prompt while taps record 600 ms; `a` alone hears 3300 Hz besides."""
    async with Studio() as studio:
        phones = [await studio.phone(leg) for leg in _PITCHES]
        studio.together("CON-1", *_PITCHES, muted=muted)
        for phone, hz in zip(phones, _PITCHES.values(), strict=True):
            phone.say(tone(hz, 0.5), repeat=True)
        studio.play("CON-1", tone(_PROMPT_HZ, 5))
        studio.play("a", tone(3300, 5))
        await phones[0].hear(0.3)
        tapes = {name: Tape() for name in layouts}
        for name, layout in layouts.items():
            studio.media.record(EffectId(name), _ROOM, layout, tapes[name])
        await phones[0].hear(0.6)
        for name in layouts:
            studio.media.stop_recording(EffectId(name))
        lengths = [len(tape.pcm) for tape in tapes.values()]
        await phones[0].hear(0.1)
        assert [len(tape.pcm) for tape in tapes.values()] == lengths
        return tapes


@pytest.fixture(scope="module")
def tapes() -> dict[str, Tape]:
    layouts: dict[str, RecordingLayout] = {
        "mono": MonoLayout(),
        "heard": HeardLayout(leg=LegId("a")),
        "four": SlotLayout(channels=4),
        "two": SlotLayout(channels=2),
    }
    return asyncio.run(_record(layouts, ""))


def _voices(pcm: bytes) -> str:
    pitches = {**_PITCHES, "P": _PROMPT_HZ, "w": 3300.0}
    return "".join(name for name, hz in pitches.items() if has_tone(pcm, hz, share=0.1))


def test_mono_holds_every_voice_and_all_prompts_also_those_for_one_leg(tapes: dict[str, Tape]) -> None:
    pcm = bytes(tapes["mono"].pcm)
    assert _voices(pcm) == "abcPw"
    assert 0.5 <= len(pcm) / 16_000 <= 0.8


def test_heard_has_the_leg_left_and_what_it_hears_right(tapes: dict[str, Tape]) -> None:
    assert _voices(tapes["heard"].channel(0, 2)) == "a"
    assert _voices(tapes["heard"].channel(1, 2)) == "bcPw"


def test_slots_hold_one_leg_each_and_the_surplus_in_the_last(tapes: dict[str, Tape]) -> None:
    assert [_voices(tapes["four"].channel(index, 4)) for index in range(4)] == ["a", "b", "c", ""]
    assert [_voices(tapes["two"].channel(index, 2)) for index in range(2)] == ["a", "bc"]


def test_a_muted_leg_is_in_no_recording() -> None:
    layouts: dict[str, RecordingLayout] = {"mono": MonoLayout(), "slots": SlotLayout(channels=3)}
    tapes = asyncio.run(_record(layouts, "b"))
    assert _voices(bytes(tapes["mono"].pcm)) == "acPw"
    assert [_voices(tapes["slots"].channel(index, 3)) for index in range(3)] == ["a", "", "c"]


def test_blocks_come_while_recording_and_a_leg_joins_at_the_right_moment() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            first, late = await studio.phone("a"), await studio.phone("b")
            late.say(tone(700, 0.5), repeat=True)
            studio.together("CON-1", "a")
            tape = Tape()
            studio.media.record(EffectId("tap"), _ROOM, SlotLayout(channels=2), tape)
            await first.hear(0.6)
            assert tape.blocks >= 1  # the last 300 ms are held back, to align the channels
            studio.together("CON-1", "a", "b")
            await first.hear(0.4)
            studio.together("CON-1", "a")
            await first.hear(0.3)
            studio.media.stop_recording(EffectId("tap"))
            ours, theirs = tape.channel(0, 2), tape.channel(1, 2)
            assert len(ours) == len(theirs)
            assert level_dbfs(ours) < -60
            assert level_dbfs(theirs[: 2 * 4000]) < -60
            assert has_tone(theirs[2 * 5600 : 2 * 7200], 700)
            assert level_dbfs(theirs[-2 * 800 :]) < -60
            assert tape.lost_ms == 0

    asyncio.run(scenario())


def test_two_recordings_of_a_room_do_not_know_each_other() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            studio.together("CON-1", "a")
            tapes = [Tape(), Tape()]
            studio.media.record(EffectId("one"), _ROOM, MonoLayout(), tapes[0])
            await phone.hear(0.3)
            studio.media.record(EffectId("two"), _ROOM, MonoLayout(), tapes[1])
            await phone.hear(0.1)
            studio.media.stop_recording(EffectId("one"))
            await phone.hear(0.3)
            studio.media.stop_recording(EffectId("two"))
            assert 0.3 <= len(tapes[0].pcm) / 16_000 <= 0.6
            assert 0.3 <= len(tapes[1].pcm) / 16_000 <= 0.6

    asyncio.run(scenario())


def test_a_paused_recording_is_silent_and_as_long_as_it_was() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phones = [await studio.phone(leg) for leg in ("a", "b")]
            studio.together("CON-1", "a", "b")
            for phone in phones:
                phone.say(tone(500, 0.5), repeat=True)
            await phones[0].hear(0.3)
            tapes = {"mono": Tape(), "slots": Tape()}
            studio.media.record(EffectId("mono"), _ROOM, MonoLayout(), tapes["mono"])
            studio.media.record(EffectId("slots"), _ROOM, SlotLayout(channels=2), tapes["slots"])
            for paused in (True, False, None):
                await phones[0].hear(0.6)
                for name in tapes:
                    if paused is None:
                        studio.media.stop_recording(EffectId(name))
                    else:
                        studio.media.pause_recording(EffectId(name), paused=paused)
            studio.media.pause_recording(EffectId("mono"), paused=True)  # is over: nothing happens
            for name, channels in (("mono", 1), ("slots", 2)):
                for channel in range(channels):
                    pcm = tapes[name].channel(channel, channels)
                    assert abs(len(pcm) // 2 - 14_400) <= 800
                    for middle_s, silent in ((0.3, False), (0.9, True), (1.5, False)):
                        piece = pcm[2 * round((middle_s - 0.1) * 8000) : 2 * round((middle_s + 0.1) * 8000)]
                        assert has_tone(piece, 500) is not silent, (name, channel, middle_s)
                        assert (level_dbfs(piece) < -90) is silent, (name, channel, middle_s)

    asyncio.run(scenario())


@pytest.mark.parametrize("channels", [-1, 0, 33])
def test_impossible_numbers_of_channels_are_refused(channels: int) -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            with pytest.raises(MediaError):
                studio.media.record(EffectId("tap"), _ROOM, SlotLayout(channels=channels), Tape())

    asyncio.run(scenario())
