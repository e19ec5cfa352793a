"""Slow, silent and too many connections: what HTTP listeners do with them, over real ports."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from ringline.server.certificates import ensure_certificates, server_names
from ringline.server.door import Door, HttpLimits
from ringline.server.web import WebListener

SOON_S = 10.0


class Application:
    """Answers with the length of the body; remembers whom it lost; keeps sockets until they close."""

    def __init__(self) -> None:
        self.lost = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] != "websocket.disconnect":
                if message["type"] == "websocket.receive":
                    await send({"type": "websocket.send", "text": message["text"]})
            return
        length = 0
        while (message := await receive())["type"] == "http.request":
            length += len(message["body"])
            if not message.get("more_body"):
                break
        else:
            self.lost += 1
            return
        body = b"x" * 8_000_000 if scope["path"] == "/much" else str(length).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


async def sweep(door: Door) -> None:
    while True:
        door.sweep(asyncio.get_running_loop().time())
        await asyncio.sleep(0.02)


@asynccontextmanager
async def served(
    door: Door, app: Application | None = None, *, often: bool = True, **files: Path
) -> AsyncIterator[WebListener]:
    """`often`: the door looks after its visitors more often than once a second, for tests have less time."""
    listener = WebListener(app or Application(), door=door, **files)
    await listener.start("127.0.0.1", 0, key="test")
    sweeper = asyncio.create_task(sweep(door)) if often else None
    try:
        yield listener
    finally:
        if sweeper is not None:
            sweeper.cancel()
        await listener.stop()
        door.close()


async def said(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end."""
    async with asyncio.timeout(SOON_S):
        return await reader.read()


async def emptied(door: Door) -> None:
    end = asyncio.get_running_loop().time() + SOON_S
    while len(door):
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["head", "body", "chunks"],
)
def test_a_request_that_does_not_end_gets_408_and_nobody_waits_for_the_rest(begun: bytes) -> None:
    async def test() -> None:
        app, door = Application(), Door(HttpLimits(head_s=0.5, body_s=0.5))
        async with served(door, app) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(begun)
            answer = await said(reader)
            assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert b"connection: close" in answer
            writer.close()
            await emptied(door)
            assert app.lost == (0 if begun.startswith(b"GET") else 1)

    asyncio.run(test())


def test_whoever_drips_bytes_of_a_head_is_not_granted_more_time_for_each() -> None:
    async def test() -> None:
        async with served(Door(HttpLimits(head_s=0.6))) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET / HTTP/1.1\r\n")
            answer = asyncio.ensure_future(said(reader))
            while not answer.done():
                writer.write(b"X-Drip: 1\r\n")
                await asyncio.sleep(0.02)
            assert answer.result().startswith(b"HTTP/1.1 408")
            writer.close()

    asyncio.run(test())


def test_a_second_request_has_its_time_too_after_the_first_was_answered() -> None:
    async def test() -> None:
        async with served(Door(HttpLimits(head_s=0.5))) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\nHost:")
            assert (await said(reader)).startswith(b"HTTP/1.1 408")
            writer.close()

    asyncio.run(test())


def test_a_long_body_has_time_by_its_length() -> None:
    async def test() -> None:
        async with served(Door(HttpLimits(body_s=0.1, body_bytes_per_s=1000))) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20001\r\n\r\n")
            for _ in range(4):  # more than the time for any body, with 20 seconds' worth of bytes
                writer.write(b"x" * 5000)
                await asyncio.sleep(0.1)
            writer.write(b"x")
            answer = await said(reader)
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"20001" in answer
            writer.close()

    asyncio.run(test())


def test_connections_that_say_nothing_are_closed_without_a_word() -> None:
    async def test() -> None:
        door = Door(HttpLimits(head_s=0.1))
        async with served(door, often=False) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            assert await said(reader) == b""
            writer.close()
            await emptied(door)

    asyncio.run(test())


def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    async def test() -> None:
        door = Door(HttpLimits(unread_s=0.1))
        async with served(door) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
            writer.write(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readline()
            await emptied(door)
            writer.close()

    asyncio.run(test())


def test_sockets_stay_for_as_long_as_they_like_and_are_none_of_the_connections() -> None:
    async def test() -> None:
        door = Door(HttpLimits(connections=1, head_s=0.5, body_s=0.5))
        async with served(door) as listener, connect(f"ws://127.0.0.1:{listener.port}/", proxy=None) as socket:
            await emptied(door)
            await asyncio.sleep(0.8)  # many rounds at the door, and longer than anybody else may be silent
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"http://127.0.0.1:{listener.port}/")).text == "0"
            await socket.send("still here")
            assert await socket.recv() == "still here"

    asyncio.run(test())


def test_where_the_door_is_full_of_slow_heads_the_oldest_makes_room_for_an_honest_one() -> None:
    async def test() -> None:
        async with served(Door(HttpLimits(connections=3))) as listener:
            slow = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(3)]
            for _, writer in slow:
                writer.write(b"GET / HTTP/1.1\r\n")
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"http://127.0.0.1:{listener.port}/")).text == "0"
            assert await said(slow[0][0]) == b""
            slow[2][1].write(b"Host: a\r\nConnection: close\r\n\r\n")
            assert (await said(slow[2][0])).startswith(b"HTTP/1.1 200")
            for _, writer in slow:
                writer.close()

    asyncio.run(test())


def test_where_everybody_of_one_source_is_busy_another_of_it_gets_503() -> None:
    async def test() -> None:
        async with served(Door(HttpLimits(per_source=1))) as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            assert b"100" in await reader.readline()
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{listener.port}/")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            writer.write(b"x")
            await reader.readline()
            assert b"200" in await reader.readline()
            writer.close()

    asyncio.run(test())


def test_https_goes_by_the_same_door_and_a_handshake_that_never_ends_is_ended(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path, names=server_names(), now=datetime.now(UTC))
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE

    async def test() -> None:
        door = Door(HttpLimits(handshake_s=1.0, head_s=1.0))
        async with served(door, cert_file=made.cert_file, key_file=made.key_file) as listener:
            silent, first = await asyncio.open_connection("127.0.0.1", listener.port)
            noisy, second = await asyncio.open_connection("127.0.0.1", listener.port)
            second.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            slow, third = await asyncio.open_connection("127.0.0.1", listener.port, ssl=trusting)
            third.write(b"GET / HTTP/1.1\r\n")
            async with httpx.AsyncClient(verify=trusting) as client:
                assert (await client.post(f"https://127.0.0.1:{listener.port}/", content=b"abc")).text == "3"
            assert (await said(slow)).startswith(b"HTTP/1.1 408")
            for reader in (silent, noisy):
                with suppress(ConnectionResetError):
                    await said(reader)
            for writer in (first, second, third):
                writer.close()
            await emptied(door)

    asyncio.run(test())


class Guest:
    """A connection that does what it is told."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.gone = False

    def overdue(self, now: float) -> str | None:
        return None

    def end(self, why: str) -> None:
        self.gone = True

    def drop(self) -> None:
        self.gone = True


def test_one_ipv6_network_is_one_source_and_ipv4_in_ipv6_is_ipv4() -> None:
    door = Door(HttpLimits(per_source=1))
    first, second, third = Guest("2001:db8::1"), Guest("2001:db8::2"), Guest("2001:db8:0:1::1")
    assert all(door.admit(one) for one in (first, second, third))
    assert [one.gone for one in (first, second, third)] == [True, False, False]
    plain, mapped = Guest("192.0.2.1"), Guest("::ffff:192.0.2.1")
    assert door.admit(plain)
    door.asks(plain)
    assert not door.admit(mapped)
    door.leave(plain)
    assert door.admit(mapped)
    assert len(door) == 3
