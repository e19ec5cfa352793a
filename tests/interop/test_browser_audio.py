"""The media core talks with headless Chromium: tones are measured at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ringline.base import LegId
from ringline.engine.ports import DescriptionRefused, LegCounters, LegMediaFailed, MediaConnected, MediaInterrupted
from ringline.io.webrtc import CODECS, CoreWebRtc
from ringline.testing.audio import goertzel, level_dbfs, tone
from ringline.testing.studio import Studio

from .chromium import RATE_HZ, Chromium, Page
from .ports import free_block

pytestmark = pytest.mark.interop

BROWSER = LegId("browser")

PEER_JS = """
window.peers = {};
window.peer = (name, hz) => {
  const pc = new RTCPeerConnection();
  const stream = ringline.tone(hz);
  pc.addTrack(stream.getTracks()[0], stream);
  pc.ontrack = (event) => ringline.record(name, event.streams[0]);
  peers[name] = pc;
  return pc;
};
window.offered = async (name, hz) => {
  const pc = peer(name, hz);
  await pc.setLocalDescription(await pc.createOffer());
  return pc.localDescription.sdp;
};
// The official library gives no candidates of its own.
window.bare = (sdp) => sdp.replace(/a=candidate.*\\r\\n/g, "").replace(/m=audio [0-9]+/, "m=audio 9")
  .replace(/(a=mid:.*\\r\\n)/, "$1a=candidate:1 1 UDP 2113937151 0.0.0.0 9 typ host\\r\\n");
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    tab = chromium.page()
    tab.prepare_audio()
    tab.run(PEER_JS)
    yield tab
    tab.close()


class Call:
    """A page and a leg of the media core, and descriptions that go between them."""

    def __init__(self, studio: Studio, page: Page, *, codecs: tuple[str, ...] = CODECS) -> None:
        self.web = CoreWebRtc(studio.media, codecs=codecs)
        self._page = page
        self._studio = studio

    async def on_page(self, body: str, *arguments: object) -> object:
        """Run a function on the page while the media core goes on."""
        return await asyncio.to_thread(self._page.function, body, *arguments)

    async def calls(self, name: str, hz: float, leg: LegId = BROWSER) -> str:
        """The browser offers and we answer; gives the answer."""
        offer = await self.on_page("return bare(await offered(a, b))", name, hz)
        answer = self.web.answer(leg, str(offer))
        await self.on_page("await peers[a].setRemoteDescription({type: 'answer', sdp: b})", name, answer)
        return answer

    async def is_called(self, name: str, hz: float, leg: LegId = BROWSER) -> None:
        """We offer and the browser answers."""
        answer = await self.on_page(
            """const pc = peer(a, b);
            await pc.setRemoteDescription({type: 'offer', sdp: c});
            await pc.setLocalDescription(await pc.createAnswer());
            return bare(pc.localDescription.sdp)""",
            name,
            hz,
            self.web.offer(leg),
        )
        self.web.accept(leg, str(answer))

    async def hears(self, name: str) -> bytes:
        """What the page hears in the next second."""
        return await asyncio.to_thread(self._page.heard, name)

    def counters(self, leg: LegId = BROWSER) -> LegCounters:
        counters = self._studio.media.counters(leg)
        assert counters is not None
        return counters


def _studio() -> Studio:
    return Studio(port_range=free_block(40))


@pytest.mark.parametrize("codecs", [CODECS, ("G722",), ("PCMU",), ("PCMA",)])
def test_a_browser_calls_without_candidates_and_both_ends_hear_each_other(page: Page, codecs: tuple[str, ...]) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page, codecs=codecs)
            await call.calls("far", 440)
            await studio.event(MediaConnected, leg=BROWSER)
            phone = await studio.phone("phone")
            phone.say(tone(1000, 1.0), repeat=True)
            studio.together("CON-a", "browser", "phone")
            await phone.hear(0.6)
            assert goertzel(await phone.hear(1.0), 440) > 0.9
            heard = await call.hears("far")
            assert goertzel(heard, 1000, RATE_HZ) > 0.9
            assert level_dbfs(heard) == pytest.approx(-15, abs=2)
            counted = call.counters()
            assert counted.packets_received > 50
            assert counted.packets_sent > 50
            assert counted.packets_foreign <= 1  # the dummy candidate
            assert counted.packets_malformed == 0
            studio.media.close(BROWSER)
            assert studio.media.counters(BROWSER) is None

    asyncio.run(scenario())


def test_we_call_a_browser_and_both_ends_hear_each_other(page: Page) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page)
            await call.is_called("far", 600)
            await studio.event(MediaConnected, leg=BROWSER)
            phone = await studio.phone("phone", codec="PCMA")
            phone.say(tone(800, 1.0), repeat=True)
            studio.together("CON-a", "browser", "phone")
            await phone.hear(0.6)
            assert goertzel(await phone.hear(1.0), 600) > 0.9
            assert goertzel(await call.hears("far"), 800, RATE_HZ) > 0.9

    asyncio.run(scenario())


def test_a_room_of_browsers_is_mixed_in_full_band(page: Page) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page)
            one, other = LegId("one"), LegId("other")
            await call.calls("one", 9000, one)
            await call.calls("other", 10_000, other)
            await studio.event(MediaConnected, leg=one)
            await studio.event(MediaConnected, leg=other)
            studio.together("CON-b", "one", "other")
            await call.hears("one")
            assert goertzel(await call.hears("one"), 10_000, RATE_HZ) > 0.8
            assert goertzel(await call.hears("other"), 9000, RATE_HZ) > 0.8

    asyncio.run(scenario())


def test_a_new_connection_takes_the_place_of_the_old_one_and_the_leg_goes_on(page: Page) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page)
            await call.calls("before", 440)
            await studio.event(MediaConnected, leg=BROWSER)
            phone = await studio.phone("phone")
            phone.say(tone(1000, 1.0), repeat=True)
            studio.together("CON-a", "browser", "phone")
            await phone.hear(1.0)
            await call.on_page("peers.before.close()")
            await studio.event(MediaInterrupted, leg=BROWSER)
            studio.events.clear()
            ports = studio.media.gauges()["ports_used"]
            await call.calls("after", 700)
            await studio.event(MediaConnected, leg=BROWSER)
            await phone.hear(0.6)
            assert goertzel(await phone.hear(1.0), 700) > 0.9
            assert goertzel(await call.hears("after"), 1000, RATE_HZ) > 0.9
            assert studio.media.gauges()["ports_used"] == ports
            assert not [event for event in studio.events if isinstance(event, LegMediaFailed)]

    asyncio.run(scenario())


def test_a_hold_changes_directions_and_nothing_else(page: Page) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page)
            first = await call.calls("far", 440)
            await studio.event(MediaConnected, leg=BROWSER)
            studio.events.clear()
            phone = await studio.phone("phone")
            studio.together("CON-a", "browser", "phone")
            for direction, answered in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
                offer = await call.on_page(
                    """peers.far.getTransceivers()[0].direction = a;
                    await peers.far.setLocalDescription(await peers.far.createOffer());
                    return peers.far.localDescription.sdp""",
                    direction,
                )
                answer = call.web.answer(BROWSER, str(offer))
                await call.on_page("await peers.far.setRemoteDescription({type: 'answer', sdp: a})", answer)
                assert f"a={answered}\r\n" in answer
                assert _of(answer, "a=ice-") == _of(first, "a=ice-")
                assert _of(answer, "a=setup") == _of(first, "a=setup")
            await phone.hear(0.6)
            assert goertzel(await phone.hear(1.0), 440) > 0.9
            assert studio.events == [event for event in studio.events if not isinstance(event, MediaConnected)]

    asyncio.run(scenario())


def test_a_certificate_that_the_description_does_not_name_ends_the_leg(page: Page) -> None:
    async def scenario() -> None:
        async with _studio() as studio:
            call = Call(studio, page)
            offer = str(await call.on_page("return await offered('far', 440)"))
            lines = [
                "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) if line.startswith("a=fingerprint") else line
                for line in offer.split("\r\n")
            ]
            answer = call.web.answer(BROWSER, "\r\n".join(lines))
            await call.on_page("await peers.far.setRemoteDescription({type: 'answer', sdp: a})", answer)
            failed = await studio.event(LegMediaFailed, leg=BROWSER)
            assert "certificate" in failed.why
            with pytest.raises(DescriptionRefused):
                call.web.answer(BROWSER, "v=0\r\n")

    asyncio.run(scenario())


def _of(description: str, prefix: str) -> list[str]:
    return [line for line in description.split("\r\n") if line.startswith(prefix)]
