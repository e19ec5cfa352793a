"""A port where nobody listens is noticed at once, and nobody else's messages suffer from it."""

from __future__ import annotations

import asyncio
import socket

from ringline.io.sip import SipSockets
from ringline.sip import Destination, Flow

MESSAGE = b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def _closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind(("127.0.0.1", 0))
        port: int = plain.getsockname()[1]
        return port


def test_a_closed_port_is_told_and_the_next_message_still_leaves() -> None:
    async def scene() -> None:
        told: asyncio.Queue[Flow | Destination] = asyncio.Queue()
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        here, there = SipSockets(), SipSockets()
        await here.start("127.0.0.1", 0, on_message=lambda *_: None, on_lost=told.put_nowait, transports=["udp"])
        await there.start(
            "127.0.0.1",
            0,
            on_message=lambda data, _: heard.put_nowait(data),
            on_lost=told.put_nowait,
            transports=["udp"],
        )
        closed = Destination("udp", "127.0.0.1", _closed_port())
        async with asyncio.timeout(20):
            for _ in range(3):
                here.send(MESSAGE, closed)
                here.send(MESSAGE, Destination("udp", "127.0.0.1", there.port))
                assert await heard.get() == MESSAGE
                assert await told.get() == closed
        assert told.empty()
        await here.close()
        await there.close()

    asyncio.run(scene())
