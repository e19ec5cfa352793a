"""SIP phones in browsers under the engine: their audio is agreed on by the media core, beside others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from ringline.accounts import Directory, Number
from ringline.agent import Admit, AgentConfig, Send, UserAgent
from ringline.base import ApplicationId, LegId, MediaError, SeededRandom, SystemClock
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.guard import Guard
from ringline.engine.ports import MediaConnected, MediaInterrupted
from ringline.engine.sip.phones import Phones
from ringline.routing import RoutingTable, SipUser
from ringline.sdp import Capabilities, offer
from ringline.sip import Flow, Message, Place, Places, Request, Response, parse, respond
from ringline.testing import ScriptedWebRtc
from ringline.testing.application import Paths, new_application
from ringline.testing.media import ScriptedMedia
from ringline.testing.store import MemoryStore

_T = TypeVar("_T")

APP = ApplicationId("app")
LEG = LegId("63f61863-4a51-4f6b-86e1-46edebcf9356")
OURS = ("192.0.2.1", 443)
WEB = Flow("wss", OURS, ("198.51.100.7", 51_000), 1)
DESK = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.8", 5060))
PLAIN = bytes(offer(Capabilities(host="198.51.100.8", port=40_000, session_id=1)))
BROWSER = (
    b"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    b"m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8 126\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:F7gI\r\n"
    b"a=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n"
    b"a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24\r\na=setup:actpass\r\n"
    b"a=mid:0\r\na=sendrecv\r\n"
    b"a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:126 telephone-event/8000\r\n"
)


class House:
    """Phones on a user agent whose wire is in the test's hands."""

    def __init__(self, *, webrtc: bool = True, codecs: tuple[str, ...] = ("PCMA", "PCMU", "opus")) -> None:
        number = Number(msisdn="442079460000", country="GB", application_id=APP)
        store = MemoryStore()
        self.directory = Directory(applications=[new_application(APP, "app", "http://app", Paths())], numbers=[number])
        self.outside = SimpleNamespace(store=store)
        self.guard = Guard(clock=SystemClock(), book=store)
        self.told: list[events.Event] = []
        self.arrived: list[LegId] = []
        self.pumping = False
        self.media = ScriptedMedia(changed=lambda: None)
        self.media.listen(lambda _event: None)
        self.webrtc = ScriptedWebRtc(self.media)
        config = AgentConfig(
            contacts={"udp": ("192.0.2.1", 5060), "wss": OURS}, user_agent="Ringline/test", realm="test"
        )
        self.agent = UserAgent(
            config,
            SeededRandom(b"phones"),
            lambda _context: Admit("user:alice"),
            lambda _username: None,
            registers=lambda context: Admit(context.aor_user),
        )
        self.sent: list[tuple[Any, Message]] = []
        alice = SipUser(username="alice", password="x", number="442079460900")
        routing = RoutingTable(
            book=self.directory, sip_host="sip.example.com", users=[alice], caller_id="any", srtp=True
        )
        self.phones = Phones(
            engine=cast(Engine, self),
            link=self,
            media=self.media,
            directory=self.directory,
            routing=routing,
            resolver=cast(Any, None),
            codecs=codecs,
            places=Places(Place(sip_host="192.0.2.1")),
            random=SeededRandom(b"keys"),
            webrtc=self.webrtc if webrtc else None,
        )

    # ── what the engine would do ───────────────────────────────────────────────────────────────────────────────────

    def report(self, event: events.Event) -> None:
        self.told.append(event)

    def trace(self, leg: LegId, fact: object) -> None:
        pass

    def watch_media(self, watcher: object) -> None:
        pass

    def incoming(self, leg: LegId, *_args: object, **_more: object) -> None:
        self.arrived.append(leg)

    def look(self, ask: Callable[[UserAgent], _T]) -> _T:
        return ask(self.agent)

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        act(self.agent, 100.0)
        if self.pumping:
            return
        self.pumping = True
        while (output := self.agent.poll()) is not None:
            if isinstance(output, Send):
                self.sent.append((output.to, parse(output.data)))
            else:
                self.phones.heard(output)
        self.pumping = False

    # ── the wire ───────────────────────────────────────────────────────────────────────────────────────────────────

    def receives(self, message: bytes, flow: Flow) -> None:
        self.command(lambda agent, now: agent.receive(message, flow, now=now))

    def registers(self, flow: Flow, contact: str) -> None:
        text = (
            f"REGISTER sip:192.0.2.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{flow.transport.upper()} x;rport;branch=z9hG4bK{contact}\r\n"
            f"From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: {contact}\r\n"
            f"CSeq: 1 REGISTER\r\nContact: <sip:alice@{contact}>\r\nContent-Length: 0\r\n\r\n"
        )
        self.receives(text.encode(), flow)
        assert self.response().status == 200

    def acknowledges(self, cseq: int, to_tag: str, sdp: bytes = b"") -> None:
        text = (
            f"ACK sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/WSS q.invalid;branch=z9hG4bKa{cseq}\r\n"
            f"From: <sip:alice@192.0.2.1>;tag=f\r\nTo: <sip:442079460000@192.0.2.1>{to_tag}\r\n"
            f"Call-ID: in\r\nCSeq: {cseq} ACK\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
        )
        self.receives(text.encode() + sdp, WEB)

    def calls(self, sdp: bytes, *, flow: Flow = WEB, cseq: int = 1, to_tag: str = "") -> None:
        text = (
            f"INVITE sip:442079460000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/WSS q.invalid;branch=z9hG4bKi{cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.1>;tag=f\r\nTo: <sip:442079460000@192.0.2.1>{to_tag}\r\n"
            f"Call-ID: in\r\nCSeq: {cseq} INVITE\r\nContact: <sip:alice@q.invalid;transport=ws>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
        )
        self.receives(text.encode() + sdp, flow)

    def response(self) -> Response:
        found = self.sent[-1][1]
        assert isinstance(found, Response)
        return found

    async def rings_alice(self) -> list[tuple[Any, Request]]:
        to = Party(kind="phone", address="442079460900")
        self.phones.dial(LEG, to, Party(kind="phone", address="442079460000"), APP)
        for _ in range(5):
            await asyncio.sleep(0)
        return [(way, each) for way, each in self.sent if isinstance(each, Request) and each.method == "INVITE"]

    def answers(self, way: Flow, invite: Request, sdp: bytes) -> None:
        response = respond(invite, 200, "OK", to_tag="far")
        response.headers.add("Contact", "<sip:alice@q.invalid;transport=ws>")
        response.headers.add("Content-Type", "application/sdp")
        response.body = sdp
        self.receives(bytes(response), way)


def run(test: Callable[[], Any]) -> None:
    asyncio.run(test())


def test_a_browser_calls_and_its_offer_is_answered_by_the_media_core() -> None:
    async def test() -> None:
        house = House()
        house.calls(BROWSER)
        (leg,) = house.arrived
        house.phones.alert(leg)
        house.phones.answer(leg)
        accepted = house.response()
        assert accepted.status == 200
        assert f"s=answer 1 of {leg}".encode() in accepted.body
        assert house.webrtc.taken[leg][0].encode().splitlines()[3:] == BROWSER.splitlines()[3:]
        assert accepted.headers.get("Contact") == "<sip:ringline@192.0.2.1:443;transport=ws>"
        assert [type(each) for each in house.told] == [events.LegAnswered]

    run(test)


def test_a_browser_that_calls_without_an_offer_is_made_one_of_its_kind_and_answers_with_its_ack() -> None:
    async def test() -> None:
        house = House()
        house.calls(b"")
        (leg,) = house.arrived
        assert not house.media.is_open(leg)
        house.phones.alert(leg)
        house.phones.answer(leg)
        offered = house.response()
        assert offered.status == 200
        assert f"s=offer 1 of {leg}".encode() in offered.body
        house.acknowledges(1, f";tag={offered.to.tag}", BROWSER.replace(b"actpass", b"active"))
        assert len(house.webrtc.taken[leg]) == 1
        assert [type(each) for each in house.told] == [events.LegAnswered]

    run(test)


def test_whoever_calls_over_a_websocket_without_an_offer_is_made_a_plain_one_where_there_is_no_webrtc() -> None:
    async def test() -> None:
        house = House(webrtc=False)
        house.calls(b"")
        (leg,) = house.arrived
        house.phones.answer(leg)
        assert b"RTP/AVP" in house.response().body

    run(test)


def test_a_call_without_an_offer_ends_where_no_way_can_be_offered() -> None:
    async def test() -> None:
        house = House()
        house.calls(b"")
        (leg,) = house.arrived

        def refuse(_leg: LegId) -> str:
            raise MediaError("no port is free")

        house.webrtc.offer = refuse  # type: ignore[assignment, method-assign]
        house.phones.answer(leg)
        assert house.response().status == 503
        assert type(house.told[0]) is events.LegLost

    run(test)


def test_hold_is_an_offer_to_the_same_leg() -> None:
    async def test() -> None:
        house = House()
        house.calls(BROWSER)
        (leg,) = house.arrived
        house.phones.answer(leg)
        tag = f";tag={house.response().to.tag}"
        house.acknowledges(1, tag)
        house.calls(BROWSER.replace(b"sendrecv", b"sendonly"), cseq=2, to_tag=tag)
        assert house.response().status == 200
        assert f"s=answer 2 of {leg}".encode() in house.response().body
        house.acknowledges(2, tag)
        house.calls(BROWSER[: BROWSER.index(b"m=audio")], cseq=3, to_tag=tag)
        assert house.response().status == 488
        assert house.media.is_open(leg)

    run(test)


def test_a_browser_whose_way_is_lost_has_lost_its_call() -> None:
    async def test() -> None:
        house = House()
        house.calls(BROWSER)
        (leg,) = house.arrived
        house.phones.answer(leg)
        house.phones.media_changed(MediaConnected(leg=leg))
        house.phones.media_changed(MediaInterrupted(leg=LEG, why="another endpoint's"))
        house.phones.media_changed(MediaInterrupted(leg=leg, why="no checks are answered"))
        assert house.told == [events.LegAnswered(leg=leg), events.LegLost(leg=leg, why="no checks are answered")]

    run(test)


def test_early_audio_goes_to_a_browser_too() -> None:
    async def test() -> None:
        house = House()
        house.calls(BROWSER)
        (leg,) = house.arrived
        house.phones.open_early(leg)
        assert (house.response().status, b"s=answer 1" in house.response().body) == (183, True)
        house.phones.answer(leg)
        assert (house.response().status, b"s=answer 1" in house.response().body) == (200, True)

    run(test)


def test_a_browser_without_a_codec_of_ours_or_without_webrtc_here_gets_488() -> None:
    async def test() -> None:
        for house in (House(codecs=("L16",)), House(webrtc=False)):
            house.calls(BROWSER)
            assert house.response().status == 488
            assert house.arrived == []

    run(test)


def test_an_offer_that_turns_out_to_be_unusable_ends_that_call() -> None:
    async def test() -> None:
        house = House()
        house.calls(BROWSER)
        (leg,) = house.arrived
        house.webrtc.answer = house.webrtc.accept  # type: ignore[assignment, method-assign]
        house.phones.answer(leg)
        assert house.response().status == 503
        assert type(house.told[0]) is events.LegLost

    run(test)


def test_a_browser_that_registered_is_called_over_its_socket_with_an_offer_of_its_kind() -> None:
    async def test() -> None:
        house = House()
        house.registers(WEB, "q.invalid;transport=ws")
        ((way, invite),) = await house.rings_alice()
        assert way == WEB
        assert invite.uri == "sip:alice@q.invalid;transport=ws"
        assert str(invite.via).startswith("SIP/2.0/WSS 192.0.2.1:443;")
        assert b"s=offer 1 of" in invite.body
        house.answers(way, invite, BROWSER)
        house.answers(way, invite, BROWSER)
        assert [type(each) for each in house.told] == [events.LegAnswered]
        assert len(house.webrtc.taken[LEG]) == 1
        # The ACK goes back over the same socket: the contact is a name that means nothing.
        assert [to for to, each in house.sent if isinstance(each, Request) and each.method == "ACK"] == [WEB, WEB]

    run(test)


def test_a_desk_phone_and_a_browser_of_one_user_ring_together_each_with_its_own_kind_of_audio() -> None:
    async def test() -> None:
        for first in (WEB, DESK):
            house = House()
            house.registers(WEB, "q.invalid;transport=ws")
            house.registers(DESK, "198.51.100.8:5060")
            rung = dict(await house.rings_alice())
            assert b"RTP/AVP" in rung[DESK].body
            assert b"s=offer 1 of" in rung[WEB].body
            house.answers(first, rung[first], BROWSER if first == WEB else PLAIN)
            assert [type(each) for each in house.told] == [events.LegAnswered]
            assert bool(house.webrtc.taken) == (first == WEB)

    run(test)


def test_a_browser_whose_socket_is_gone_is_not_called_any_more() -> None:
    async def test() -> None:
        house = House()
        house.registers(WEB, "198.51.100.7:51000;transport=ws")
        house.command(lambda agent, now: agent.connection_lost(WEB, now=now))
        assert await house.rings_alice() == []
        (failed,) = house.told
        assert isinstance(failed, events.LegFailed)
        assert failed.cause == "unavailable"

    run(test)
