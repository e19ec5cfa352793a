"""Requests and sockets have bounds of their own, over real ports."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ringline.server.shares import Shares
from ringline.server.web import WebListener


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts sockets and keeps them until they close; answers requests, those for `/slow` when their body is there."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/slow":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_sockets_that_fill_their_share_leave_requests_theirs_and_make_room_when_they_go() -> None:
    async def test() -> None:
        listener = WebListener(Shares(application, sockets=3))
        await listener.start("127.0.0.1", 0, key="test")
        at = f"127.0.0.1:{listener.port}"
        try:
            open_ = [await connect(f"ws://{at}/", proxy=None) for _ in range(3)]
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://{at}/", proxy=None)
            assert refused.value.response.status_code == 503
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"http://{at}/")).status_code == 204
            await open_.pop().close()
            open_.append(await connect(f"ws://{at}/", proxy=None))
            for each in open_:
                await each.close()
        finally:
            await listener.stop()

    asyncio.run(test())


def test_requests_that_fill_their_share_leave_sockets_theirs() -> None:
    async def test() -> None:
        listener = WebListener(Shares(application, sockets=1, requests=2))
        await listener.start("127.0.0.1", 0, key="test")
        slow = []
        try:
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(b"POST /slow HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                assert b"100" in await reader.readline()  # the application waits for the body
                slow.append((reader, writer))
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{listener.port}/")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                async with connect(f"ws://127.0.0.1:{listener.port}/", proxy=None):
                    pass
                for reader, writer in slow:
                    writer.write(b"x")
                    await reader.readline()
                    assert b"204" in await reader.readline()
                assert (await client.get(f"http://127.0.0.1:{listener.port}/")).status_code == 204
        finally:
            for _, writer in slow:
                writer.close()
            await listener.stop()

    asyncio.run(test())
