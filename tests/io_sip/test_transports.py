"""Several addresses, TLS beside TCP, and connections that are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from ringline.io.sip import SipSockets
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.tls import make_contexts
from ringline.server.certificates import ensure_certificates
from ringline.sip import Destination, Flow, Place, Places

MESSAGE = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Node:
    """Sockets, and what came through them."""

    def __init__(self, places: Places | None = None) -> None:
        self.sockets = SipSockets(places=places)
        self.messages: list[Flow] = []
        self.lost: list[Flow | Destination] = []

    async def start(self, bind: str = "127.0.0.1") -> Node:
        await self.sockets.start(bind, 0, on_message=self.heard, on_lost=self.lost.append)
        return self

    def heard(self, data: bytes, flow: Flow) -> None:
        assert data == MESSAGE
        self.messages.append(flow)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - sockets have no event to wait for
        await asyncio.sleep(0.002)


def test_requests_leave_from_the_address_of_their_place() -> None:
    async def test() -> None:
        other = Place(sip_host="127.0.0.2", networks=("127.0.0.8/32",), bind="127.0.0.2")
        node = await Node(Places(Place(sip_host="127.0.0.1", bind="127.0.0.1"), (other,))).start()
        far, near = await Node().start("127.0.0.9"), await Node().start("127.0.0.8")
        for transport in ("udp", "tcp"):
            node.sockets.send(MESSAGE, Destination(transport, "127.0.0.9", far.sockets.port))
            node.sockets.send(MESSAGE, Destination(transport, "127.0.0.8", near.sockets.port))
        await until(lambda: len(far.messages) == 2 and len(near.messages) == 2)
        assert {flow.remote[0] for flow in far.messages} == {"127.0.0.1"}
        assert {flow.remote[0] for flow in near.messages} == {"127.0.0.2"}
        # What is said to the second address is answered from there.
        near.sockets.send(MESSAGE, Destination("udp", "127.0.0.2", node.sockets.port))
        await until(lambda: node.messages)
        node.sockets.send(MESSAGE, node.messages[0])
        await until(lambda: len(near.messages) == 3)
        assert near.messages[2].remote == ("127.0.0.2", node.sockets.port)
        for each in (node, far, near):
            await each.sockets.close()

    run(test)


def test_ipv6_has_a_socket_of_its_own() -> None:
    async def test() -> None:
        six = Place(sip_host="::1", networks=("::/0",), bind="::1")
        node = await Node(Places(Place(sip_host="127.0.0.1", bind="127.0.0.1"), (six,))).start()
        far = await Node().start("::1")
        node.sockets.send(MESSAGE, Destination("udp", "::1", far.sockets.port))
        await until(lambda: far.messages)
        assert far.messages[0].remote == ("::1", node.sockets.port)
        await node.sockets.close()
        await far.sockets.close()

    run(test)


def test_a_connection_that_is_gone_is_told_to_who_sends_to_it() -> None:
    async def test() -> None:
        node = await Node().start()
        gone = Flow("tcp", ("127.0.0.1", node.sockets.port), ("127.0.0.1", 9), 77)
        node.sockets.send(MESSAGE, gone)
        await until(lambda: node.lost)
        assert node.lost == [gone]
        await node.sockets.close()

    run(test)


def test_tls_is_one_more_transport(tmp_path: Path) -> None:
    async def test() -> None:
        made = ensure_certificates(tmp_path, names=["127.0.0.1"], now=datetime.now(UTC))
        contexts = make_contexts(made.cert_file, made.key_file, ca_file=made.ca_file)
        nodes = []
        for _ in range(2):
            node = await Node().start()
            tls = TcpConnections(node.heard, node.lost.append, TcpLimits(), name="tls", tls=contexts)
            await tls.listen("127.0.0.1", 0)
            node.sockets.add(tls)
            nodes.append((node, tls.local[1]))
        (a, _), (b, port) = nodes
        a.sockets.send(MESSAGE, Destination("tls", "127.0.0.1", port))
        await until(lambda: b.messages)
        assert b.messages[0].transport == "tls"
        b.sockets.send(MESSAGE, b.messages[0])
        await until(lambda: a.messages)
        assert a.messages[0].transport == "tls"
        for node, _ in nodes:
            await node.sockets.close()

    run(test)
