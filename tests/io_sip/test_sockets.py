"""SIP over real sockets on the loopback: datagrams, connections, limits, and what happens when they break."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from ringline.base import ConfigError
from ringline.io.sip import SipSockets
from ringline.io.sip.connection import TcpLimits
from ringline.sip import Destination, Flow

MESSAGE = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Node:
    """Sockets, and what came through them."""

    def __init__(self, limits: TcpLimits | None = None) -> None:
        self.sockets = SipSockets(limits=limits)
        self.messages: list[tuple[bytes, Flow]] = []
        self.lost: list[Flow | Destination] = []

    async def start(self, *transports: str) -> Node:
        await self.sockets.start(
            "127.0.0.1",
            0,
            on_message=lambda data, flow: self.messages.append((data, flow)),
            on_lost=self.lost.append,
            transports=transports or ("udp", "tcp"),
        )
        return self

    def at(self, transport: str) -> Destination:
        return Destination(transport, "127.0.0.1", self.sockets.port)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - sockets have no event to wait for
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_messages_go_both_ways(transport: str) -> None:
    async def test() -> None:
        a, b = await Node().start(), await Node().start()
        a.sockets.send(MESSAGE, b.at(transport))
        await until(lambda: b.messages)
        data, flow = b.messages[0]
        assert (data, flow.transport, flow.remote[0]) == (MESSAGE, transport, "127.0.0.1")
        b.sockets.send(MESSAGE + b"", flow)
        await until(lambda: a.messages)
        a.sockets.send(MESSAGE, b.at(transport))
        await until(lambda: len(b.messages) == 2)
        assert b.messages[1][1] == flow
        await a.sockets.close()
        await b.sockets.close()

    run(test)


def test_both_transports_have_the_same_port() -> None:
    async def test() -> None:
        node = await Node().start()
        reader, writer = await asyncio.open_connection("127.0.0.1", node.sockets.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(MESSAGE, ("127.0.0.1", node.sockets.port))
            await until(lambda: node.messages)
        writer.close()
        await writer.wait_closed()
        assert reader is not None
        await node.sockets.close()

    run(test)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use_is_told_plainly(transport: str) -> None:
    async def test() -> None:
        first = await Node().start(transport)
        second = SipSockets()
        with pytest.raises(ConfigError, match="another program uses it"):
            await second.start(
                "127.0.0.1",
                first.sockets.port,
                on_message=lambda _data, _flow: None,
                on_lost=lambda _flow: None,
                transports=(transport,),
            )
        await first.sockets.close()

    run(test)


def test_broken_datagrams_leave_the_socket_listening() -> None:
    async def test() -> None:
        node = await Node().start("udp")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for data in (b"", b"\0", b"\r\n\r\n", b"\xff" * 60_000, MESSAGE):
                udp.sendto(data, ("127.0.0.1", node.sockets.port))
            await until(lambda: any(data == MESSAGE for data, _ in node.messages))
        await node.sockets.close()

    run(test)


def test_messages_on_a_connection_are_framed_and_pings_answered() -> None:
    async def test() -> None:
        node = await Node().start("tcp")
        reader, writer = await asyncio.open_connection("127.0.0.1", node.sockets.port)
        writer.write(b"\r\n\r\n" + MESSAGE[:100])
        assert await reader.readexactly(2) == b"\r\n"
        writer.write(MESSAGE[100:] + MESSAGE)
        await until(lambda: len(node.messages) == 2)
        assert [data for data, _ in node.messages] == [MESSAGE, MESSAGE]
        writer.write(b"INVITE sip:x SIP/2.0\r\nContent-Length: many\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        await until(lambda: node.lost)
        assert node.lost == [node.messages[0][1]]
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await node.sockets.close()

    run(test)


def test_a_destination_nobody_listens_at_is_reported() -> None:
    async def test() -> None:
        node, gone = await Node().start(), await Node().start("tcp")
        destination = gone.at("tcp")
        await gone.sockets.close()
        node.sockets.send(MESSAGE, destination)
        await until(lambda: node.lost)
        assert node.lost == [destination]
        await node.sockets.close()

    run(test)


@pytest.mark.parametrize(
    "destination",
    [
        Destination("udp", "a.name.example", 5060),
        Destination("tls", "127.0.0.1", 5061),
        Destination("udp", "::1", 5060),
    ],
)
def test_what_cannot_be_sent_is_reported_after_the_call(destination: Destination) -> None:
    async def test() -> None:
        node = await Node().start()
        node.sockets.send(MESSAGE, destination)
        assert node.lost == []
        await until(lambda: node.lost)
        assert node.lost == [destination]
        await node.sockets.close()

    run(test)


def test_one_source_cannot_take_all_connections() -> None:
    async def test() -> None:
        node = await Node(TcpLimits(per_source=2)).start("tcp")
        streams = [await asyncio.open_connection("127.0.0.1", node.sockets.port) for _ in range(3)]
        with contextlib.suppress(ConnectionError):
            assert await streams[2][0].read() == b""
        streams[0][1].write(MESSAGE)
        await until(lambda: node.messages)
        for _, writer in streams:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await node.sockets.close()

    run(test)


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async def test() -> None:
        node = await Node(TcpLimits(buffered_bytes=1000)).start("tcp")
        _, writer = await asyncio.open_connection("127.0.0.1", node.sockets.port, limit=1)
        writer.write(MESSAGE)
        await until(lambda: node.messages)
        flow = node.messages[0][1]
        while not node.lost:
            node.sockets.send(b"x" * 60_000, flow)
            await asyncio.sleep(0)
        assert node.lost == [flow]
        writer.transport.abort()
        await node.sockets.close()

    run(test)


def test_messages_for_a_connection_that_is_gone_are_dropped() -> None:
    async def test() -> None:
        node = await Node().start("tcp")
        node.sockets.send(MESSAGE, Flow("tcp", ("127.0.0.1", 1), ("127.0.0.1", 2), 99))
        assert node.lost == []
        await node.sockets.close()

    run(test)
