"""Legs that go by ICE and DTLS-SRTP, two of one core talking with each other: no browser is needed to see them work."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from tests.interop.ports import free_block

from ringline.base import LegId, MediaError
from ringline.engine.ports import (
    DescriptionRefused,
    KeyDown,
    LegCounters,
    LegMediaFailed,
    MediaConnected,
    MediaInterrupted,
)
from ringline.io.media import MediaCore
from ringline.io.webrtc import CODECS, CoreWebRtc
from ringline.sdp import read_answer
from ringline.testing.audio import has_tone, tone
from ringline.testing.rtp import RtpPhone
from ringline.testing.studio import Studio

CALLER, CALLEE = LegId("caller"), LegId("callee")


def _join(web: CoreWebRtc, caller: LegId = CALLER, callee: LegId = CALLEE) -> str:
    """One leg calls the other; gives the offer."""
    offer = web.offer(caller)
    web.accept(caller, web.answer(callee, offer))
    return offer


async def _phones(studio: Studio) -> tuple[RtpPhone, RtpPhone]:
    """A phone at each end, that talks through the two legs."""
    phones = await studio.phone("near"), await studio.phone("far")
    studio.together("CON-near", "near", "caller")
    studio.together("CON-far", "far", "callee")
    phones[0].say(tone(500, 1.0), repeat=True)
    phones[1].say(tone(900, 1.0), repeat=True)
    return phones


async def _both_hear(phones: tuple[RtpPhone, RtpPhone]) -> None:
    await asyncio.gather(*(phone.hear(0.6) for phone in phones))
    near, far = await asyncio.gather(*(phone.hear(0.6) for phone in phones))
    assert has_tone(near, 900, share=0.9)
    assert has_tone(far, 500, share=0.9)


def _counters(studio: Studio, leg: LegId) -> LegCounters:
    counters = studio.media.counters(leg)
    assert counters is not None
    return counters


def _studio(*, media_timeout_s: float = 60.0) -> Studio:
    return Studio(port_range=free_block(60), media_timeout_s=media_timeout_s)


@pytest.mark.parametrize("codecs", [CODECS, ("G722",), ("PCMA",)])
def test_two_legs_hear_each_other(codecs: tuple[str, ...]) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media, codecs=codecs)
            _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            await _both_hear(await _phones(studio))
            for leg in (CALLER, CALLEE):
                counted = _counters(studio, leg)
                assert counted.packets_received > 30
                assert (counted.packets_malformed, counted.packets_lost) == (0, 0)

    asyncio.run(scenario())


def test_nothing_is_sent_before_the_way_stands_and_silence_from_then_on() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            answer = web.answer(CALLEE, web.offer(CALLER))
            await asyncio.sleep(0.2)
            assert _counters(studio, CALLEE).packets_sent == 0
            web.accept(CALLER, answer)
            await studio.event(MediaConnected, leg=CALLEE)
            await asyncio.sleep(0.3)
            assert _counters(studio, CALLER).packets_received > 5
            with pytest.raises(MediaError):
                web.accept(CALLER, answer)

    asyncio.run(scenario())


def test_keys_pass_where_telephone_event_was_agreed_on() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            _join(web)
            await studio.event(MediaConnected, leg=CALLER)
            studio.media.send_keys(studio.play("nobody", b""), CALLER, "5")
            assert await studio.event(KeyDown, leg=CALLEE) == KeyDown(leg=CALLEE, digit="5")

    asyncio.run(scenario())


def test_a_new_way_takes_over_without_a_gap_and_gives_the_old_port_back() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            phones = await _phones(studio)
            await _both_hear(phones)
            ports = studio.media.gauges()["ports_used"]
            lost = _counters(studio, CALLEE).packets_lost
            studio.events.clear()
            _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            await _both_hear(phones)
            assert studio.media.gauges()["ports_used"] == ports
            assert _counters(studio, CALLEE).packets_lost - lost <= 5
            assert not [event for event in studio.events if isinstance(event, LegMediaFailed | MediaInterrupted)]

    asyncio.run(scenario())


@pytest.mark.parametrize("other", ["nothing", "session", "session and places"])
def test_new_names_in_the_same_session_look_for_the_far_end_anew_and_keep_port_keys_and_audio(other: str) -> None:
    # Some libraries (werift) call the session otherwise in each description; then the rest of it tells.
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            offer = _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            phones = await _phones(studio)
            await _both_hear(phones)
            ports, number = studio.media.gauges()["ports_used"], studio.media.number_of(CALLER)
            assert number is not None
            name, password = studio.media.core().restart_web(number)
            again = re.sub(
                r"ice-ufrag:[^\r\n]*", f"ice-ufrag:{name}", re.sub(r"ice-pwd:[^\r\n]*", f"ice-pwd:{password}", offer)
            )
            if "session" in other:
                again = re.sub(r"o=(\S+) \d+", r"o=\1 4711", again)
            if "places" in other:
                again = re.sub(r"a=candidate.*\r\n", "", again).replace("setup:actpass", "setup:passive")
            way, _ = read_answer(web.answer(CALLEE, again), CODECS)
            studio.media.core().join_web(
                number,
                name=way.name,
                password=way.password,
                fingerprint=way.fingerprint,
                we_begin=False,
                candidates=list(way.candidates),
            )
            studio.events.clear()
            await asyncio.sleep(1.0)  # of audio: a way that was given up would be told within it
            await _both_hear(phones)
            assert studio.media.gauges()["ports_used"] == ports
            assert not [one for one in studio.events if isinstance(one, LegMediaFailed | MediaInterrupted)]
            assert not [one for one in studio.events if isinstance(one, MediaConnected)], "it is the way that there was"

    asyncio.run(scenario())


def test_a_far_end_that_closes_is_told_at_once_and_may_come_back_with_a_new_way() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            studio.media.close(CALLER)
            interrupted = await studio.event(MediaInterrupted, leg=CALLEE)
            assert "closed" in interrupted.why
            studio.events.clear()
            again = LegId("again")
            _join(web, again, CALLEE)
            await studio.event(MediaConnected, leg=CALLEE)

    asyncio.run(scenario())


def test_legs_go_on_when_their_rooms_change_threads() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            phones = await _phones(studio)
            for _ in range(4):
                studio.together("CON-far", "far", "callee", "caller", "near")
                await asyncio.sleep(0.1)
                studio.together("CON-near", "near", "caller")
                studio.together("CON-far", "far", "callee")
                await asyncio.sleep(0.1)
            await _both_hear(phones)

    asyncio.run(scenario())


def test_floods_of_strangers_are_counted_and_harm_no_audio() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            offer = _join(web)
            for leg in (CALLER, CALLEE):
                await studio.event(MediaConnected, leg=leg)
            phones = await _phones(studio)
            port = int(next(line for line in offer.split("\r\n") if line.startswith("m=audio")).split()[1])
            check = bytes.fromhex("000100242112a442") + bytes(12) + bytes.fromhex("00060009") + b"a:b" + bytes(33)
            floods = (check, b"\x16\xfe\xfd" + bytes(80), b"\x80\x6f" + bytes(100), b"\xff" * 50, b"")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for _ in range(40):
                    for flood in floods * 2:
                        stranger.sendto(flood, ("127.0.0.1", port))
                    await asyncio.sleep(0.02)
            assert _counters(studio, CALLER).packets_foreign > 300
            await _both_hear(phones)

    asyncio.run(scenario())


def test_a_leg_that_never_connects_is_closed_like_any_other() -> None:
    async def scenario() -> None:
        async with _studio(media_timeout_s=1.0) as studio:
            web = CoreWebRtc(studio.media)
            web.offer(CALLER)
            web.answer(CALLEE, CoreWebRtc(studio.media).offer(LegId("other")))
            used = studio.media.gauges()["ports_used"]
            assert used == 3
            for leg in ("caller", "callee", "other"):
                studio.media.close(LegId(leg))
            assert studio.media.gauges()["ports_used"] == 0

    asyncio.run(scenario())


def test_what_is_no_offer_opens_no_leg() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            web = CoreWebRtc(studio.media)
            for offer in ("", "v=0\r\n", web.offer(CALLER).replace("SAVPF", "SAVX")):
                with pytest.raises(DescriptionRefused):
                    web.answer(CALLEE, offer)
            web.add_candidate(CALLEE, "candidate:1 1 udp 1 127.0.0.1 4000 typ host")
            web.add_candidate(CALLER, "nonsense")
            assert studio.media.counters(CALLEE) is None

    asyncio.run(scenario())


def test_ports_that_are_all_in_use_are_told() -> None:
    async def scenario() -> None:
        media = MediaCore(port_range=free_block(2), threads=1)
        media.start(asyncio.get_running_loop())
        try:
            web = CoreWebRtc(media)
            web.offer(CALLER)
            with pytest.raises(MediaError, match="no RTP port is free"):
                web.offer(CALLEE)
            with pytest.raises(MediaError, match="no RTP port is free"):
                web.offer(CALLER)
        finally:
            media.shut_down()

    asyncio.run(scenario())


def test_the_address_of_the_outside_stands_before_or_instead_of_our_own() -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            offer = CoreWebRtc(studio.media, public_ip="203.0.113.9").offer(CALLER)
            assert [line.split()[4] for line in offer.split("\r\n") if line.startswith("a=candidate")] == [
                "203.0.113.9"
            ]
            offer = CoreWebRtc(studio.media, public_ip="media.example.com").offer(CALLEE)
            assert [line.split()[4] for line in offer.split("\r\n") if line.startswith("a=candidate")] == ["127.0.0.1"]

    asyncio.run(scenario())


@pytest.mark.parametrize(("bind", "families"), [("0.0.0.0", {4}), ("::", {4, 6}), ("::1", {6})])
def test_every_address_of_this_machine_is_a_candidate(bind: str, families: set[int]) -> None:
    async def scenario() -> None:
        media = MediaCore(bind_ip=bind, port_range=free_block(20), threads=1)
        media.start(asyncio.get_running_loop())
        try:
            web = CoreWebRtc(media)
            offer = web.offer(CALLER)
            found = [line.split()[4] for line in offer.split("\r\n") if line.startswith("a=candidate")]
            assert {6 if ":" in address else 4 for address in found} <= families
            assert found
            told = asyncio.Event()
            media.listen(lambda event: told.set() if event == MediaConnected(leg=CALLEE) else None)
            web.accept(CALLER, web.answer(CALLEE, offer))
            await asyncio.wait_for(told.wait(), 5)
        finally:
            media.shut_down()

    asyncio.run(scenario())
