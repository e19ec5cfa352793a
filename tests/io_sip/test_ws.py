"""SIP over WebSocket: messages both ways, and strangers who send anything else."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.io_sip import fuzz
from tests.io_sip.fuzz import HANDSHAKE, frame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode
from websockets.typing import Origin, Subprotocol

from ringline.io.sip import tcp
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.tls import make_contexts
from ringline.io.sip.ws import WebSocketFraming
from ringline.server.certificates import ensure_certificates
from ringline.sip import MAX_MESSAGE, Destination, Flow

MESSAGE = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS abc.invalid;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is overdue is looked for every few seconds; a test does not wait so long."""
    monkeypatch.setattr(tcp, "_SWEEP_S", 0.02)


class Node:
    """One WebSocket listener, and what came through it."""

    def __init__(self, limits: TcpLimits | None = None, origins: Sequence[str] = ()) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.lost: list[Flow | Destination] = []
        self.ws = TcpConnections(
            lambda data, flow: self.messages.append((data, flow)),
            self.lost.append,
            limits or TcpLimits(),
            name="ws",
            framing=partial(WebSocketFraming, origins),
        )

    async def __aenter__(self) -> Node:
        await self.ws.listen("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ws.close()

    def dial(self, *, subprotocol: str | None = "sip", origin: str | None = None) -> connect:
        return connect(
            f"ws://127.0.0.1:{self.ws.local[1]}",
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            origin=Origin(origin) if origin else None,
            proxy=None,
        )


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()
            for _ in range(10):
                await asyncio.sleep(0)

    asyncio.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - sockets have no event to wait for
        await asyncio.sleep(0.002)


def test_messages_go_both_ways_one_in_each_frame() -> None:
    async def test() -> None:
        async with Node() as node, node.dial() as phone:
            assert phone.subprotocol == "sip"
            await phone.send(MESSAGE.decode())
            await phone.send(MESSAGE)  # in a binary one
            await phone.send([MESSAGE[:40].decode(), MESSAGE[40:].decode()])  # in two fragments
            await until(lambda: len(node.messages) == 3)
            assert {data for data, _ in node.messages} == {MESSAGE}
            flow = node.messages[0][1]
            assert (flow.transport, flow.reliable, len({each for _, each in node.messages})) == ("ws", True, 1)
            assert node.ws.send(MESSAGE, flow)
            assert await phone.recv() == MESSAGE.decode()
            node.ws.send(MESSAGE + b"\xff", flow)  # a body that is no UTF-8
            assert await phone.recv() == MESSAGE + b"\xff"

    run(test)


def test_line_ends_alone_are_a_keep_alive() -> None:
    async def test() -> None:
        async with Node() as node, node.dial() as phone:
            await phone.send("\r\n\r\n")
            assert await phone.recv() == "\r\n"
            assert await (await phone.ping()) >= 0
            assert node.messages == []

    run(test)


@pytest.mark.parametrize("subprotocol", [None, "chat"])
def test_who_does_not_speak_sip_is_not_let_in(subprotocol: str | None) -> None:
    async def test() -> None:
        async with Node() as node:
            with pytest.raises(InvalidStatus) as refused:
                await node.dial(subprotocol=subprotocol)
            assert refused.value.response.status_code == 400
            await until(lambda: not len(node.ws))

    run(test)


def test_pages_of_strangers_are_turned_away_where_ours_are_named() -> None:
    async def test() -> None:
        async with Node(origins=["https://phone.example.com"]) as node:
            with pytest.raises(InvalidStatus) as refused:
                await node.dial(origin="https://evil.example")
            assert refused.value.response.status_code == 403
            async with node.dial(origin="https://phone.example.com"), node.dial():
                await until(lambda: len(node.ws) == 2)

    run(test)


async def _closed(phone: ClientConnection) -> int | None:
    with suppress(ConnectionClosed):
        while True:
            await phone.recv()
    return phone.close_code


def test_messages_that_are_too_long_or_never_end_close_the_connection() -> None:
    async def test() -> None:
        async with Node() as node:
            async with node.dial() as phone:
                await phone.send("x" * (MAX_MESSAGE + 1))
                assert await _closed(phone) == 1009
            async with node.dial() as phone:
                await phone.send(["x" * 1000] * (MAX_MESSAGE // 1000 + 2))
                assert await _closed(phone) == 1009
            async with node.dial() as phone:
                await phone.send([""] * 2000)
                assert await _closed(phone) == 1008
            assert node.messages == []
            await until(lambda: not len(node.ws))

    run(test)


@pytest.mark.parametrize(
    "noise",
    [
        b"\x81\x05hello",  # not masked
        b"\xc1\x85\0\0\0\0hello",  # a compressed frame
        b"\x83\x80\0\0\0\0",  # an opcode of the future
        b"\x89\xfe\x01\x00\0\0\0\0" + bytes(256),  # a long ping
        b"\x80\x85\0\0\0\0hello",  # the continuation of nothing
        b"\x88\x81\0\0\0\0x",  # a close without a whole code
    ],
)
def test_what_is_no_frame_closes_the_connection(noise: bytes) -> None:
    async def test() -> None:
        async with Node() as node:
            reader, writer = await asyncio.open_connection(*node.ws.local)
            writer.write(HANDSHAKE)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            writer.write(noise)
            answer = await reader.read()  # ends: we are cut off
            assert answer[0] == 0x88
            assert int.from_bytes(answer[2:4]) == 1002
            writer.close()
            assert node.messages == []

    run(test)


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", MESSAGE, b"\x16\x03\x01\0\0", b"A" * 20_000, HANDSHAKE + b"\x88\x80abcd"],
)
def test_what_is_no_handshake_ends_the_connection(request_: bytes) -> None:
    async def test() -> None:
        async with Node(TcpLimits(first_message_s=0.2)) as node:
            reader, writer = await asyncio.open_connection(*node.ws.local)
            writer.write(request_)
            with suppress(ConnectionResetError):
                assert b" 101 " not in await reader.read()
            writer.close()
            await until(lambda: not len(node.ws))
            assert node.messages == []

    run(test)


def test_a_phone_that_is_silent_is_pinged_and_one_that_answers_no_ping_is_let_go() -> None:

    async def test() -> None:
        async with Node(TcpLimits(probe_s=0.1, answer_s=0.3)) as node, node.dial() as alive:
            reader, writer = await asyncio.open_connection(*node.ws.local)
            writer.write(HANDSHAKE)
            await until(lambda: len(node.ws) == 2)
            await until(lambda: len(node.ws) == 1)
            with suppress(ConnectionResetError):
                assert b"\x89\x00" in await reader.read()
            writer.close()
            assert len(node.lost) == 1
            await alive.send(MESSAGE)  # it was silent as long, but for its answers
            await until(lambda: node.messages)

    run(test)


def test_nobody_is_connected_to(recwarn: pytest.WarningsRecorder) -> None:
    async def test() -> None:
        async with Node() as node, Node() as other:
            assert not node.ws.send(MESSAGE, Destination("ws", *other.ws.local))
            assert not len(other.ws)

    run(test)
    assert not recwarn.list


def test_over_tls_with_the_same_limits(tmp_path: Path) -> None:
    ours = ensure_certificates(tmp_path, names=("localhost", "127.0.0.1"), now=datetime.now(UTC))

    async def test() -> None:
        heard: list[tuple[bytes, Flow]] = []
        wss = TcpConnections(
            lambda data, flow: heard.append((data, flow)),
            lambda _flow: None,
            TcpLimits(),
            name="wss",
            tls=make_contexts(ours.cert_file, ours.key_file),
            framing=WebSocketFraming,
        )
        await wss.listen("127.0.0.1", 0)
        trust = ssl.create_default_context(cafile=str(ours.ca_file))
        uri = f"wss://localhost:{wss.local[1]}"
        async with connect(uri, ssl=trust, subprotocols=[Subprotocol("sip")], proxy=None) as phone:
            await phone.send(MESSAGE)
            await until(lambda: heard)
            assert heard[0][1].transport == "wss"
            wss.send(MESSAGE, heard[0][1])
            assert await phone.recv() == MESSAGE.decode()
            await wss.close()
            assert await _closed(phone) == 1001

    run(test)


@pytest.mark.parametrize("cut", range(1, 60))
def test_frames_may_arrive_in_any_two_pieces(cut: int) -> None:
    framing = WebSocketFraming()
    sent = HANDSHAKE + frame(MESSAGE[:30], fin=False) + frame(b"x", opcode=Opcode.PING)
    sent += frame(MESSAGE[30:], opcode=Opcode.CONT) + frame(MESSAGE)
    # What follows the handshake waits for its answer.
    assert framing.feed(HANDSHAKE) == []
    place = cut * (len(sent) - len(HANDSHAKE)) // 60
    rest = sent[len(HANDSHAKE) :]
    assert framing.feed(rest[:place]) + framing.feed(rest[place:]) == [MESSAGE, MESSAGE]
    assert framing.drain().endswith(b"\x8a\x01x")
    assert framing.waiting == 0


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_noise_is_only_ever_refused_politely(target: Callable[[random.Random], None]) -> None:
    chance = random.Random(7118)
    for _ in range(2000):
        target(chance)
