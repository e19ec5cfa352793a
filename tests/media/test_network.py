"""What the network does to a leg: strangers, noise, loss, hold, silence, ports."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.interop.ports import free_block

from ringline.base import EffectId, LegId, MediaError
from ringline.engine.ports import AudioStarted, KeyDown, LegCounters, MediaTimeout, PlaybackFinished, SilenceReached
from ringline.testing.audio import goertzel, has_tone, silence, tone
from ringline.testing.rtp import RtpPhone
from ringline.testing.studio import Studio


def _counters(studio: Studio, leg: str) -> LegCounters:
    counters = studio.media.counters(LegId(leg))
    assert counters is not None
    return counters


def test_packets_flow_every_20_ms_from_the_first_plan_on() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a", codec="PCMA")
            await phone.hear(1.0)
            packets = phone.packets
            assert [packet.marker for packet in packets] == [True] + [False] * (len(packets) - 1)
            assert {packet.payload_type for packet in packets} == {8}
            assert len({packet.ssrc for packet in packets}) == 1
            assert {(after.sequence - before.sequence) % 65536 for before, after in pairwise(packets)} == {1}
            assert {(after.timestamp - before.timestamp) % 2**32 for before, after in pairwise(packets)} == {160}
            assert packets[-1].at - packets[0].at == pytest.approx(0.02 * (len(packets) - 1), abs=0.03)
            assert set(b"".join(packet.payload for packet in packets)) == {0xD5}

    asyncio.run(scenario())


def test_packets_have_the_length_of_the_plan() -> None:
    async def listen(studio: Studio, ptime_ms: int) -> None:
        leg = f"leg-{ptime_ms}"
        phone = await studio.phone(leg, ptime_ms=ptime_ms)
        studio.play(leg, tone(1000, 2))
        heard = await phone.hear(0.5)
        assert {len(packet.payload) for packet in phone.packets} == {8 * ptime_ms}
        clock = {(after.timestamp - before.timestamp) % 2**32 for before, after in pairwise(phone.packets)}
        assert clock == {8 * ptime_ms}
        assert goertzel(heard[-2 * 2400 :], 1000) > 0.98

    async def scenario() -> None:
        async with Studio() as studio:
            await asyncio.gather(*(listen(studio, ptime_ms) for ptime_ms in (10, 20, 30, 40, 60)))

    asyncio.run(scenario())


def test_packets_of_other_lengths_are_understood() -> None:
    async def listen(studio: Studio, packet_ms: int) -> None:
        first = await studio.phone(f"talker-{packet_ms}", packet_ms=packet_ms)
        second = await studio.phone(f"listener-{packet_ms}")
        studio.together(f"CON-{packet_ms}", f"talker-{packet_ms}", f"listener-{packet_ms}")
        first.say(tone(1000, 0.6), repeat=True)
        await second.hear(0.4)
        assert goertzel(await second.hear(0.4), 1000) > 0.97, packet_ms

    async def scenario() -> None:
        async with Studio() as studio:
            await asyncio.gather(*(listen(studio, packet_ms) for packet_ms in (10, 30, 40, 60)))

    asyncio.run(scenario())


def test_audio_goes_to_where_it_really_comes_from() -> None:
    async def scenario() -> None:
        async with Studio() as studio, RtpPhone() as phone:
            address = studio.media.open(LegId("a"))
            phone.aim(*address)
            # As behind a NAT: the SDP names an address that nobody can reach.
            plan = replace(studio.plan(phone), remote_host="192.0.2.1", remote_port=4000)
            studio.media.configure(LegId("a"), plan)
            phone.say(silence(0.5), repeat=True)
            await phone.hear(0.1)
            assert await studio.event(AudioStarted) == AudioStarted(leg=LegId("a"))

    asyncio.run(scenario())


def test_an_address_that_cannot_be_sent_to_waits_for_audio() -> None:
    async def call(studio: Studio, host: str) -> None:
        async with RtpPhone() as phone:
            leg = LegId(f"leg-{host}")
            phone.aim(*studio.media.open(leg))
            studio.media.configure(leg, replace(studio.plan(phone), remote_host=host))
            phone.say(silence(0.5), repeat=True)
            await phone.hear(0.1)

    async def scenario() -> None:
        async with Studio() as studio:
            hosts = ("0.0.0.0", "phone.example.org", "::1", "239.1.2.3", "")
            await asyncio.gather(*(call(studio, host) for host in hosts))

    asyncio.run(scenario())


@pytest.mark.parametrize("nat", [False, True])
def test_a_stranger_is_neither_heard_nor_answered(nat: bool) -> None:
    async def scenario() -> None:
        async with Studio() as studio, RtpPhone() as stranger:
            first, second = await studio.phone("a"), await studio.phone("b")
            if nat:
                plan = replace(studio.plan(first), remote_host="192.0.2.1", remote_port=4000)
                studio.media.configure(LegId("a"), plan)
            studio.together("CON-1", "a", "b")
            first.say(tone(440, 0.5), repeat=True)
            await second.hear(0.2)
            stranger.aim(*first.aimed_at)
            stranger.say(tone(1900, 0.5), repeat=True)
            await stranger.press("9")
            heard = await second.hear(0.3)
            assert has_tone(heard, 440, share=0.95)
            assert stranger.packets == []
            # Where the phone is found at the place that was signalled, the kernel keeps strangers away by itself.
            assert (_counters(studio, "a").packets_foreign > 5) == nat
            assert not any(isinstance(event, KeyDown) for event in studio.events)

    asyncio.run(scenario())


def test_a_stream_left_over_from_another_call_does_not_silence_the_phone() -> None:
    async def scenario() -> None:
        async with Studio() as studio, RtpPhone() as leftover:
            first, second = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            leftover.aim(*first.aimed_at)
            # From now on their packets come in turns, so that neither is ever twice in a row.
            leftover.say(tone(1900, 0.5), repeat=True)
            first.say(tone(440, 0.5), repeat=True)
            await second.hear(0.3)
            assert has_tone(await second.hear(0.3), 440, share=0.95)

    asyncio.run(scenario())


def test_noise_on_the_port_is_counted_and_harms_nobody() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            first, second = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            first.say(tone(440, 0.5), repeat=True)
            await second.hear(0.2)
            noise = random.Random(1)
            for length in (0, 1, 3, 11, 12, 13, 100, 1500, 60_000):
                first.send_raw(noise.randbytes(length))
                first.send_raw((b"\x80" + noise.randbytes(length))[:length])
            rtcp = studio.media.gauges()["packets_rtcp"]
            first.send(0, b"")
            first.send(0, bytes(1400))
            first.send(77, bytes(160))
            first.send(101, b"\x05")
            # RTCP on the same port: sender report, and a cut one.
            first.send_raw(bytes([0x80, 200, 0, 6]) + bytes(24))
            first.send_raw(bytes([0x80, 200]))
            await second.hear(0.3)
            assert has_tone(await second.hear(0.2), 440, share=0.95)
            assert _counters(studio, "a").packets_malformed > 5
            assert studio.media.gauges()["packets_rtcp"] >= rtcp + 1

    asyncio.run(scenario())


def test_loss_is_counted_and_jitter_is_small_on_loopback() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            phone.say(tone(440, 0.2))
            await phone.said()
            phone.skip(packets=7, samples=7 * 160)
            phone.say(tone(440, 0.2))
            await phone.said()
            await phone.hear(0.1)
            counters = _counters(studio, "a")
            assert (counters.packets_received, counters.packets_lost) == (20, 7)
            assert counters.packets_sent >= 20
            assert counters.bytes_in == 20 * 160
            assert abs(counters.bytes_out - counters.packets_sent * 160) <= 160, "one may be on its way"
            assert counters.jitter_ms < 10

    asyncio.run(scenario())


def test_a_held_leg_gets_nothing_and_starts_again_with_a_marker() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            await phone.hear(0.1)
            studio.media.configure(LegId("a"), studio.plan(phone, send=False))
            before = _counters(studio, "a").packets_sent
            play = studio.play("a", tone(440, 0.2))
            await studio.event(PlaybackFinished, play=play)
            assert _counters(studio, "a").packets_sent - before <= 1
            count = len(phone.packets)
            studio.media.configure(LegId("a"), studio.plan(phone))
            await phone.hear(0.1)
            again = phone.packets[count:]
            assert [packet.marker for packet in again[:2]] == [True, False]

    asyncio.run(scenario())


def test_a_leg_that_we_hold_is_not_heard() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            first, second = await studio.phone("a"), await studio.phone("b")
            studio.together("CON-1", "a", "b")
            first.say(tone(440, 0.5), repeat=True)
            await second.hear(0.2)
            studio.media.configure(LegId("a"), studio.plan(first, receive=False))
            await second.hear(0.1)
            assert not has_tone(await second.hear(0.2), 440)
            studio.media.configure(LegId("a"), studio.plan(first))
            await second.hear(0.1)
            assert has_tone(await second.hear(0.2), 440)

    asyncio.run(scenario())


def test_a_codec_may_change_in_the_middle_of_a_call() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a", codec="PCMU")
            studio.play("a", tone(900, 5))
            await phone.hear(0.1)
            sequence = phone.packets[-1].sequence
            phone.codec, phone.payload_type = "PCMA", 8
            studio.media.configure(LegId("a"), studio.plan(phone))
            await phone.hear(0.1)
            assert goertzel(await phone.hear(0.2), 900) > 0.98
            assert (phone.packets[-1].sequence - sequence) % 65536 < 30

    asyncio.run(scenario())


def test_a_silent_network_is_told_once_and_only_of_legs_not_held() -> None:
    async def scenario() -> None:
        async with Studio(media_timeout_s=0.3) as studio:
            first, held = await studio.phone("a"), await studio.phone("b")
            studio.media.configure(LegId("b"), studio.plan(held, receive=False))
            assert await studio.event(MediaTimeout) == MediaTimeout(leg=LegId("a"))
            await first.hear(0.5)
            assert [event for event in studio.events if isinstance(event, MediaTimeout)] == [
                MediaTimeout(leg=LegId("a"))
            ]

    asyncio.run(scenario())


def test_silence_is_told_after_the_last_word() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            clock = asyncio.get_running_loop().time
            phone.say(tone(300, 0.4) + tone(300, 5, level_db=-50))
            begun = clock()
            studio.media.watch_silence(EffectId("forgotten"), LegId("a"), 0.1)
            studio.media.unwatch(EffectId("forgotten"))
            studio.media.watch_silence(EffectId("w"), LegId("a"), 0.3)
            await studio.event(SilenceReached, watch="w")
            assert 0.65 <= clock() - begun <= 2.0
            assert len([event for event in studio.events if isinstance(event, SilenceReached)]) == 1

    asyncio.run(scenario())


def test_ports_run_out_rest_and_are_even() -> None:
    async def scenario() -> None:
        low, _ = free_block(8)
        async with Studio(port_range=(low + 1, low + 6)) as studio:
            ports = [studio.media.open(LegId(leg))[1] for leg in "abc"]
            assert ports == [low + 2, low + 4, low + 6]
            with pytest.raises(MediaError, match="no RTP port is free"):
                studio.media.open(LegId("d"))
            studio.media.close(LegId("a"))
            studio.media.close(LegId("a"))
            with pytest.raises(MediaError):
                studio.media.open(LegId("d"))
            gauges = studio.media.gauges()
            assert (gauges["ports_used"], gauges["ports_free"], gauges["legs"]) == (2, 1, 2)

    asyncio.run(scenario())


def test_what_cannot_be_is_refused() -> None:
    async def scenario() -> None:
        async with Studio() as studio:
            phone = await studio.phone("a")
            plan = studio.plan(phone)
            with pytest.raises(MediaError):
                studio.media.open(LegId("a"))
            for leg, wrong in (
                ("x", plan),
                ("a", replace(plan, codec="G729")),
                ("a", replace(plan, payload_type=128)),
                ("a", replace(plan, payload_type=-1)),
                ("a", replace(plan, remote_port=70_000)),
            ):
                with pytest.raises(MediaError):
                    studio.media.configure(LegId(leg), wrong)
            assert studio.media.counters(LegId("x")) is None

    asyncio.run(scenario())
