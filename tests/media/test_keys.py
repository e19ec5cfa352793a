"""DTMF in and out, over real sockets."""

from __future__ import annotations

import asyncio
import struct

import numpy as np

from ringline.base import EffectId, LegId
from ringline.engine.ports import KeyDown, KeyReleased, KeysSent
from ringline.testing.audio import has_tone, level_dbfs, silence, tone
from ringline.testing.studio import Studio


def test_a_pressed_key_is_down_at_once_and_released_with_its_length() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            await phone.press("7", held_ms=140)
            await phone.press("#", held_ms=80, end_packets=1)
            await studio.event(KeyReleased, digit="#")
            assert [event for event in studio.events if isinstance(event, KeyDown | KeyReleased)] == [
                KeyDown(leg=LegId("a"), digit="7"),
                KeyReleased(leg=LegId("a"), digit="7", held_ms=140),
                KeyDown(leg=LegId("a"), digit="#"),
                KeyReleased(leg=LegId("a"), digit="#", held_ms=80),
            ]

    asyncio.run(scenario())


def test_a_key_whose_end_is_lost_is_released_after_120_ms() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            await phone.press("0", end_packets=0)
            clock = asyncio.get_running_loop().time
            begun = clock()
            assert (await studio.event(KeyReleased)).held_ms == 100
            assert 0.08 <= clock() - begun <= 1.0

    asyncio.run(scenario())


def test_the_sound_of_a_key_reaches_nobody() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            first, second = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            first.say(tone(440, 0.5), repeat=True)
            await second.hear(0.3)
            # A phone that sends the tone in its audio as well: event packets share the audio's clock.
            before = len(second.packets)
            for step in range(1, 11):
                payload = struct.pack("!BBH", 5, 0x8A if step == 10 else 0x0A, step * 160)
                first.send(101, payload, marker=step == 1)
                first.skip(samples=0)
            await studio.event(KeyReleased, digit="5", held_ms=200)
            await second.hear(0.4)
            frames = [second.audio(before)[start : start + 320] for start in range(0, 2 * 3200, 320)]
            silent = sum(level_dbfs(frame) < -45 for frame in frames)
            assert 9 <= silent <= 12
            assert has_tone(await second.hear(0.2), 440)

    asyncio.run(scenario())


def test_keys_leave_as_events_with_their_pauses() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            studio.media.send_keys(EffectId("k1"), LegId("a"), "17")
            studio.media.send_keys(EffectId("k2"), LegId("a"), "p*D")
            await studio.event(KeysSent, keys=EffectId("k2"))
            assert phone.keys() == "17*D"
            events = [packet for packet in phone.packets if packet.payload_type == 101]
            for key in range(4):
                packets = events[8 * key : 8 * key + 8]
                assert [packet.marker for packet in packets] == [True] + [False] * 7
                assert len({packet.timestamp for packet in packets}) == 1
                fields = [struct.unpack("!BBH", packet.payload) for packet in packets]
                assert [duration for _, _, duration in fields] == [160, 320, 480, 640, 800, 800, 800, 800]
                assert [flags for _, flags, _ in fields] == [10] * 5 + [0x80 | 10] * 3
            begins = [events[8 * key].timestamp for key in range(4)]
            assert [(after - begins[0]) % 2**32 for after in begins] == [0, 1600, 2 * 1600 + 4000, 3 * 1600 + 4000]
            sequences = [packet.sequence for packet in phone.packets]
            assert [(number - sequences[0]) % 65536 for number in sequences] == list(range(len(sequences)))

    asyncio.run(scenario())


def test_without_telephone_event_keys_leave_as_tones() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a", dtmf=False)
            studio.media.send_keys(EffectId("k"), LegId("a"), "5")
            await studio.event(KeysSent)
            heard = phone.audio()
            assert has_tone(heard, 770, share=0.4, window_s=0.04)
            assert has_tone(heard, 1336, share=0.4, window_s=0.04)
            assert phone.keys() == ""

    asyncio.run(scenario())


def test_without_telephone_event_tones_in_the_audio_are_keys() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone, telephone_event = await studio.phone("a", dtmf=False), await studio.phone("b")
            low, high = np.frombuffer(tone(852, 0.1), "<i2"), np.frombuffer(tone(1209, 0.1), "<i2")
            for talker in (phone, telephone_event):
                talker.say(silence(0.1) + (low + high).astype("<i2").tobytes() + silence(0.2))
            released = await studio.event(KeyReleased)
            assert (released.leg, released.digit) == ("a", "7")
            assert 60 <= released.held_ms <= 120
            await telephone_event.said()
            assert [event.leg for event in studio.events if isinstance(event, KeyDown)] == ["a"]

    asyncio.run(scenario())
