"""Strangers throw rubbish at a running server while a call goes on, and the call hears nothing of it."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from ringline.testing.audio import tone

from .application import Application
from .ears import Ear, longest_gap_s, spoken_s
from .installation import Installation
from .scripts import LONG_TALK, talk
from .sipp import Sipp, status_of
from .wire import Peer

pytestmark = pytest.mark.interop

STRANGER = "127.0.0.66"


def _hang_up(peer: Peer) -> None:
    """Say BYE, and again as phones do: after a flood the server's socket may have no room for the first."""
    for patience_s in (2, 4, 8, 16):
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        try:
            peer.response(200, "BYE", within_s=patience_s)
        except AssertionError:
            if patience_s == 16:
                raise
        else:
            return


@contextmanager
def call_going_on(ringline: Installation, app: Application, number: str) -> Iterator[Ear]:
    """A call with speech; at its end the speech must have had no holes, and the call must still be up."""
    app.answers(number, [LONG_TALK])
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.3)
        before = len(ear.packets)
        yield ear
        ear.hears(0.5)
        _hang_up(peer)
        during = ear.packets[before:]
    assert longest_gap_s(during) < 0.25
    assert spoken_s(during) > 0.3 * len(during) * 0.02
    assert [one.sequence for one in during] == [(during[0].sequence + index) % 65536 for index in range(len(during))]
    assert ringline.running
    assert "Traceback" not in ringline.log_file.read_text(errors="replace")


def rubbish() -> Iterator[bytes]:
    """Datagrams that are no SIP, or nearly."""
    chance = random.Random(4711)
    yield b""
    yield b"\r\n\r\n"
    yield b"\0" * 1000
    yield b"INVITE"
    yield b"INVITE sip:x SIP/2.0\r\n\r\n"
    yield b"SIP/2.0 200 OK\r\n\r\n"
    yield b"SIP/2.0 99999999999999999999 OK\r\n\r\n"
    yield b"INVITE " + b"a" * 60_000 + b" SIP/2.0\r\n\r\n"
    yield chance.randbytes(65_507)
    for _ in range(200):
        yield chance.randbytes(chance.randrange(1, 1500))
    whole = _invite("b")
    for cut in range(0, len(whole), 7):
        yield whole[:cut]
    for _ in range(300):
        bent = bytearray(whole)
        for _ in range(chance.randrange(1, 12)):
            bent[chance.randrange(len(bent))] = chance.randrange(256)
        yield bytes(bent)
    for header in (
        b"CSeq: 99999999999999999999 INVITE",
        b"CSeq: -1 INVITE",
        b"CSeq: one INVITE",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: -5",
        b"Max-Forwards: \xff\xfe",
        b"Contact: <sip:[::::]:99999999>",
        b"Via: SIP/2.0/UDP " + b"," * 5000,
        b"Route: " + b"<sip:a;lr>," * 3000,
        b"To: " + b'"' * 4000,
        b"Authorization: Digest " + b'nonce="' * 500,
        b"X: " + b"(" * 30_000,
        b"Content-Encoding: gzip",
    ):
        yield whole.replace(b"Max-Forwards: 70", header)
    yield whole.replace(b"Max-Forwards: 70", b"\r\n".join(b"X-%d: y" % index for index in range(5000)))


def test_rubbish_in_datagrams(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    with call_going_on(ringline, app, number), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, 0))
        for datagram in rubbish():
            stranger.sendto(datagram, ("127.0.0.1", ringline.sip_port))
    _calls_still_come_in(ringline, app, number, tmp_path)


def test_rubbish_from_a_trunk_itself(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    with call_going_on(ringline, app, number), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
        carrier.bind(("127.0.0.1", 0))
        for datagram in rubbish():
            carrier.sendto(datagram, ("127.0.0.1", ringline.sip_port))
    _calls_still_come_in(ringline, app, number, tmp_path)


def test_a_flood_of_invites_by_strangers(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    with call_going_on(ringline, app, number), ExitStack() as stack:
        sockets = []
        for index in range(20):
            stranger = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            stranger.bind((f"127.0.1.{index + 1}", 0))
            sockets.append(stranger)
        for index in range(4000):
            sockets[index % 20].sendto(_invite(f"f{index}"), ("127.0.0.1", ringline.sip_port))
    _calls_still_come_in(ringline, app, number, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "v=0",
        "rubbish",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 224.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 99999 RTP/AVP 8\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 4000 RTP/AVP 96\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        + "m=audio 4000 RTP/AVP 8\r\n" * 2000,
    ],
    ids=["nothing", "cut", "rubbish", "nowhere", "multicast", "port-0", "port-99999", "srtp", "video", "lines"],
)
def test_an_offer_nobody_can_take_is_refused(ringline: Installation, app: Application, number: str, body: str) -> None:
    with Peer(ringline.sip_address, number=number) as peer:
        type_ = ["Content-Type: application/sdp"] if not body else []
        app.answers(number, [talk("Hello.")])
        peer.send(peer.request("INVITE", headers=type_, body=body))
        message = _final(peer)
        if status_of(message) == 200:  # nothing offered is a late offer; a port of 0 is nobody to talk to
            assert body == "" or body.count("m=audio") > 1
            peer.send(peer.request("ACK", branch="ack"))
            peer.to_tag = (message.partition("To:")[2].partition(";tag=")[2].splitlines() or [""])[0]
            peer.send(peer.request("BYE", cseq=2, branch="bye"))
            return
        assert status_of(message) in (400, 488)
        assert app.requests("/answer", to=number) == []


def test_rubbish_over_tcp(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    whole = _invite("t", transport="TCP")
    lies = [
        whole.replace(b"Content-Length: 0", b"Content-Length: 999999999999"),
        whole.replace(b"Content-Length: 0", b"Content-Length: -1"),
        whole.replace(b"Content-Length: 0", b"Content-Length: 5\r\nContent-Length: 7"),
        whole.replace(b"Content-Length: 0\r\n", b""),
        whole.replace(b"Content-Length: 0", b"Content-Length: x"),
        whole.replace(b"Content-Length: 0", b"Content-Length: 65000"),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\r\n" * 10_000,
        b"INVITE sip:x SIP/2.0\r\n" + b"X: y\r\n" * 50_000,
        b"A" * 300_000,
        bytes(70_000),
    ]
    with call_going_on(ringline, app, number), ExitStack() as stack:
        half_open = []
        for index in range(150):
            half_open.append(stack.enter_context(_connected(ringline, f"127.0.2.{index % 5 + 1}")))
            half_open[-1].sendall(whole[: index + 1])
        for lie in lies:
            with _connected(ringline, STRANGER) as one, suppress(OSError):
                one.sendall(lie)
        with _connected(ringline, "127.0.0.67") as one:  # the other one is no longer answered by now
            one.settimeout(5)
            for each in whole:  # a byte at a time is still a message
                one.sendall(bytes([each]))
            assert one.recv(65536).startswith(b"SIP/2.0 ")
    _calls_still_come_in(ringline, app, number, tmp_path)


def test_strangers_cannot_take_over_the_audio(ringline: Installation, app: Application, number: str) -> None:
    app.answers(number, [LONG_TALK])
    chance = random.Random(17)
    with Ear() as ear, Peer(ringline.sip_address, number=number) as peer:
        peer.send(peer.request("INVITE", body=peer.sdp(port=ear.port)))
        answer = peer.response(200, "INVITE")
        peer.send(peer.request("ACK", branch="ack"))
        ear.hears(0.2)
        ear.says(tone(440, 1))
        ear.hears(0.3)
        port = int(answer.partition("m=audio ")[2].split()[0])
        got: list[bytes] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((STRANGER, 0))
            before = len(ear.packets)
            for index in range(500):
                packet = struct.pack("!BBHII", 0x80, 8, index, index * 160, 0xBAD) + bytes(160)
                stranger.sendto(packet, ("127.0.0.1", port))
                stranger.sendto(chance.randbytes(chance.randrange(0, 300)), ("127.0.0.1", port))
            ear.hears(0.6)
            stranger.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    got.append(stranger.recv(2000))
        assert got == []
        assert longest_gap_s(ear.packets[before:]) < 0.25
        peer.send(peer.request("BYE", cseq=2, branch="bye"))
        peer.response(200, "BYE")


def test_rubbish_at_the_rest_port(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    good = f"POST /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ringline.token()}\r\n".encode()
    json_type = b"Content-Type: application/json\r\n"
    lies = [
        b"\0" * 5000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        good + json_type + b"Content-Length: 999999999\r\n\r\n{",
        good + json_type + b"Content-Length: -1\r\n\r\n{",
        good + json_type + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n",
        good + json_type + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        good + json_type + b'Content-Length: 9\r\n\r\n\xff\xfe{"a":1}',
        good + json_type + b'Content-Length: 13\r\n\r\n{"to":1e99999}',
    ]
    with call_going_on(ringline, app, number), ExitStack() as stack:
        for _ in range(50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", ringline.http_port), timeout=5))
            slow.sendall(good)
        for lie in lies:
            with socket.create_connection(("127.0.0.1", ringline.http_port), timeout=5) as one, suppress(OSError):
                one.sendall(lie)
                one.shutdown(socket.SHUT_WR)
                reply = one.recv(65536)
                assert b" 500 " not in reply.partition(b"\r\n")[0], (lie[:60], reply)
        assert ringline.request("GET", "/v1/calls").status == 200


def _calls_still_come_in(ringline: Installation, app: Application, number: str, tmp_path: Path) -> None:
    app.answers(number, [talk("Still here.")])
    with Sipp("call", tmp_path, to=ringline.sip_address, number=number) as sipp:
        sipp.good()


def _connected(ringline: Installation, host: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", ringline.sip_port), timeout=5, source_address=(host, 0))


def _final(peer: Peer) -> str:
    while (message := peer.message(within_s=8)) is not None:
        if (status_of(message) or 0) >= 200:
            return message
    raise AssertionError("no final response")


def _invite(branch: str, *, transport: str = "UDP") -> bytes:
    return (
        "INVITE sip:442079460100@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {STRANGER}:5060;branch=z9hG4bK{branch}\r\n"
        f"From: <sip:x@{STRANGER}>;tag={branch}\r\n"
        "To: <sip:442079460100@127.0.0.1>\r\n"
        f"Call-ID: {branch}@{STRANGER}\r\n"
        "CSeq: 1 INVITE\r\n"
        f"Contact: <sip:x@{STRANGER}:5060>\r\n"
        "Max-Forwards: 70\r\n"
        "Content-Length: 0\r\n"
        "\r\n"
    ).encode()
