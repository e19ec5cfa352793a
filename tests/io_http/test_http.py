"""The webhook client against real servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from ringline.engine.ports import HttpClient, HttpFailure, HttpReply, HttpRequest
from ringline.io.http import PooledClient
from ringline.server.certificates import ensure_certificates

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def request(url: str, *, method: str = "POST", body: bytes | None = b"{}", read_s: float = 2.0) -> HttpRequest:
    return HttpRequest(
        method=method,
        url=url,
        headers=(("Content-Type", "application/json"), ("User-Agent", "ringline/test"), ("Authorization", "Bearer t")),
        body=body,
        connect_timeout_s=1.0,
        read_timeout_s=read_s,
        max_body_bytes=10_000,
    )


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Run a web application on loopback; give its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_raw(handler: RawHandler) -> AsyncIterator[str]:
    """Run a handler of bare TCP connections on loopback."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has left
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the closed transports go


@asynccontextmanager
async def client() -> AsyncIterator[PooledClient]:
    out = PooledClient(allow_private=True)
    await out.start()
    try:
        yield out
    finally:
        await out.close()


def exchange(
    handler: Handler, path: str = "/", *, method: str = "POST", read_s: float = 2.0
) -> HttpReply | HttpFailure:
    async def scene() -> HttpReply | HttpFailure:
        async with serving(handler) as base, client() as http:
            return await http.send(
                request(base + path, method=method, body=None if method == "GET" else b'{"a":1}', read_s=read_s)
            )

    return asyncio.run(scene())


def exchange_raw(handler: RawHandler, *, read_s: float = 2.0) -> HttpReply | HttpFailure:
    async def scene() -> HttpReply | HttpFailure:
        async with serving_raw(handler) as base, client() as http:
            return await http.send(request(base + "/", read_s=read_s))

    return asyncio.run(scene())


def test_it_is_what_the_engine_asks_for() -> None:
    port: HttpClient = PooledClient()
    assert port is not None


def test_a_request_arrives_exactly_as_given_and_its_answer_comes_back() -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append((got.method, dict(got.headers), await got.read()))
        return web.json_response([{"action": "talk", "text": "hi"}], status=201)

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.content_type) == (201, "application/json; charset=utf-8")
    assert json.loads(reply.body) == [{"action": "talk", "text": "hi"}]
    method, headers, body = seen[0]
    assert (method, body) == ("POST", b'{"a":1}')
    assert headers["User-Agent"] == "ringline/test"
    assert headers["Authorization"] == "Bearer t"
    assert "Cookie" not in headers


@pytest.mark.parametrize("value", ['{"digits":"1#","timed_out":false}', "a+b c&d=e%f;g/h?i", "ünï 日本"])
def test_query_values_arrive_unchanged(value: str) -> None:
    from urllib.parse import quote

    seen: list[str] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append(got.query["v"])
        return web.Response()

    exchange(handler, f"/?v={quote(value, safe='')}", method="GET")
    assert seen == [value]


@pytest.mark.parametrize("status", [204, 400, 404, 429, 500, 503])
def test_any_status_is_an_answer(status: int) -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.status == status


def test_a_long_header_is_no_obstacle() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(text="here", headers={"Content-Security-Policy": "x" * 20_000})

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.body == b"here"


def test_html_is_an_answer_like_any_other() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Not found</html>", content_type="text/html")

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.body.startswith(b"<html>")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_keeps_method_and_body(status: int) -> None:
    seen: list[tuple[str, str, bytes, bool]] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append((got.path, got.method, await got.read(), "Authorization" in got.headers))
        if got.path == "/":
            return web.Response(status=status, headers={"Location": "/next"})
        return web.Response(text="here")

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.body == b"here"
    assert seen == [("/", "POST", b'{"a":1}', True), ("/next", "POST", b'{"a":1}', True)]


def test_three_redirects_are_followed_and_no_more() -> None:
    seen: list[str] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append(got.path)
        return web.Response(status=302, headers={"Location": f"/{len(seen)}"})

    reply = exchange(handler)
    assert isinstance(reply, HttpFailure)
    assert (reply.reason, reply.detail) == ("Connection closed.", "more than 3 redirects")
    assert seen == ["/", "/1", "/2", "/3"]


def test_the_token_does_not_follow_a_redirect_to_another_host() -> None:
    seen: list[bool] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append("Authorization" in got.headers)
        if got.path == "/":
            return web.Response(status=307, headers={"Location": f"http://localhost:{got.url.port}/other"})
        return web.Response()

    assert isinstance(exchange(handler), HttpReply)
    assert seen == [True, False]


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://[fe80::1]/", "http://[bad/"]
)
def test_a_redirect_cannot_lead_to_where_nobody_may_go(location: str) -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    reply = exchange(handler)
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_without_leave_loopback_is_not_dialled(host: str) -> None:
    async def scene() -> HttpReply | HttpFailure:
        http = PooledClient()
        await http.start()
        try:
            return await http.send(request(f"http://{host}:9/"))
        finally:
            await http.close()

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://[::1", "http://a b/", "http://127.0.0.1:99999/"]
)
def test_a_url_that_is_none_is_a_failure_not_an_error(url: str) -> None:
    async def scene() -> HttpReply | HttpFailure:
        async with client() as http:
            return await http.send(request(url))

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_a_refused_connection_is_closed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def scene() -> HttpReply | HttpFailure:
        async with client() as http:
            return await http.send(request(f"http://127.0.0.1:{port}/"))

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_a_server_without_tls_is_closed() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response()

    async def scene() -> HttpReply | HttpFailure:
        async with serving(handler) as base, client() as http:
            return await http.send(request(base.replace("http:", "https:")))

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_a_server_that_says_nothing_times_out() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    reply = exchange(handler, read_s=0.05)
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Socket timeout."


def test_a_server_that_drips_is_cut_off() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def scene() -> HttpReply | HttpFailure:
        async with serving_raw(handler) as base, client() as http:
            wanted = request(base + "/")
            return await http.send(
                HttpRequest(
                    method=wanted.method,
                    url=wanted.url,
                    headers=(),
                    body=b"",
                    connect_timeout_s=0.1,
                    read_timeout_s=0.1,
                )
            )

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Socket timeout."


def test_a_reset_is_told_from_a_close() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    answers = [exchange_raw(handler) for handler in (reset, close, half)]
    assert [answer.reason for answer in answers if isinstance(answer, HttpFailure)] == [
        "Connection reset.",
        "Connection closed.",
        "Connection closed.",
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_request_whose_connection_breaks_is_sent_once(method: str, reset: bool) -> None:
    came: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        if reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def exchange() -> HttpReply | HttpFailure:
        async with serving_raw(handler) as url, client() as http:
            return await http.send(request(url, method=method, body=b"{}" if method == "POST" else None))

    answer = asyncio.run(exchange())
    assert isinstance(answer, HttpFailure)
    assert answer.reason == ("Connection reset." if reset else "Connection closed.")
    assert len(came) == 1


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\n\n", b"SIP/2.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA:" + b"a" * 100_000]
)
def test_what_is_no_http_is_closed(junk: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(junk)

    reply = exchange_raw(handler)
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_a_giant_answer_is_cut_off() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 50_000_000)

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.too_long
    assert reply.body == b"x" * 10_000


def test_an_answer_without_end_is_cut_off_at_once() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 5_000)
            await writer.drain()

    reply = exchange_raw(handler, read_s=30)
    assert isinstance(reply, HttpReply)
    assert reply.too_long


@pytest.mark.parametrize("announced", [b"100", b"999999999999", b"7, 9"])
def test_an_answer_shorter_than_announced_is_closed(announced: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + announced + b"\r\n\r\n[]")
        await writer.drain()

    reply = exchange_raw(handler)
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_slow_redirects_take_no_longer_than_a_slow_answer() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.6)
        return web.Response(status=307, headers={"Location": got.path + "x"})

    async def scene() -> float:
        async with serving(handler) as base, client() as http:
            began = asyncio.get_running_loop().time()
            reply = await http.send(request(base + "/", read_s=0.5))
            assert isinstance(reply, HttpFailure)
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(scene()) < 1.8  # a second to connect, half a one to read


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("packing", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare_deflate)]
)
def test_a_packed_answer_is_unpacked_within_bounds(packing: str, pack: Callable[[bytes], bytes]) -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        size = 10_000_000 if got.path == "/bomb" else 9_000
        return web.Response(body=pack(b"x" * size), headers={"Content-Encoding": packing})

    reply = exchange(handler)
    assert isinstance(reply, HttpReply)
    assert reply.body == b"x" * 9_000
    bomb = exchange(handler, "/bomb")
    assert isinstance(bomb, HttpReply)
    assert bomb.too_long
    assert len(bomb.body) == 10_000


@pytest.mark.parametrize(
    ("packing", "body"),
    [("br", b"abc"), ("gzip", b"abc"), ("gzip", gzip.compress(b"x" * 99)[:-9])],
    ids=["unknown", "not packed", "cut short"],
)
def test_a_badly_packed_answer_is_closed(packing: str, body: bytes) -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": packing})

    reply = exchange(handler)
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_credentials_in_the_url_give_way_to_the_token() -> None:
    seen: list[str] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append(got.headers["Authorization"])
        return web.Response()

    async def scene() -> None:
        async with serving(handler) as base, client() as http:
            url = base.replace("http://", "http://user:secret@")
            await http.send(request(url))
            await http.send(
                HttpRequest(method="GET", url=url, headers=(), body=None, connect_timeout_s=1, read_timeout_s=1)
            )

    asyncio.run(scene())
    assert seen == ["Bearer t", "Basic dXNlcjpzZWNyZXQ="]


def test_connections_are_kept_and_cookies_are_not() -> None:
    peers: list[object] = []
    cookies: list[str | None] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        assert got.transport is not None
        peers.append(got.transport.get_extra_info("peername"))
        cookies.append(got.headers.get("Cookie"))
        reply = web.Response()
        reply.set_cookie("session", "1")
        return reply

    async def scene() -> None:
        async with serving(handler) as base, client() as http:
            await http.send(request(base))
            await http.send(request(base))

    asyncio.run(scene())
    assert peers[0] == peers[1]
    assert cookies == [None, None]


def test_a_client_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="started"):
        asyncio.run(PooledClient().send(request("http://127.0.0.1/")))


def test_starting_and_closing_twice_is_harmless() -> None:
    async def scene() -> None:
        http = PooledClient()
        await http.start()
        await http.start()
        await http.close()
        await http.close()

    asyncio.run(scene())


def answers(*parts: bytes, more: bool = False) -> RawHandler:
    """A server that reads a request and says these things, with a pause between them; `more`: to one request after the
    other.
    """

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n{}")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.005)
            if not more:
                return

    return handler


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize(
    "rest", [b"Content-Length: 2\r\n\r\nok", b"\r\nok", b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
)
def test_an_answer_that_must_not_have_a_body_counts_although_it_has_one(status: bytes, rest: bytes) -> None:
    reply = exchange_raw(answers(b"HTTP/1.1 " + status + b"\r\n" + rest))
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body) == (int(status[:3]), b"")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 99\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 Here\r\nContent-Length: 0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("rest", [b"HTTP/1.1 500 Evil\r\n\r\n", b"HTTP/1.1 500 Evil\r\nX-A: "])
def test_what_an_answer_has_behind_it_does_not_become_the_next_answer(head: bytes, rest: bytes) -> None:
    async def scene() -> list[int]:
        handler = answers(head + rest, more=True)
        async with serving_raw(handler) as base, client() as http:
            replies = [await http.send(request(base)) for _ in range(3)]
        return [reply.status for reply in replies if isinstance(reply, HttpReply)]

    assert asyncio.run(scene()) == [204, 204, 204]


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r", b"\n[1,\r\n2", b"\r\n2]\r\n0\r\n\r", b"\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n[1,2]\r\n0\r\nTrailer: x\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n", b"\r\n[1,", b"2]"],
        [b"HTTP/1.0 200 OK\r\n\r\n[1,", b"2]"],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"[1,2]"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]"],
        [b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]"],
        [b"HTTP/1.1 200 OK\nContent-Length: 5\n\n[1,2]"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]and more of it"],
    ],
    ids=["chunks", "extensions and trailers", "pieces", "1.0", "to the end", "100", "103", "bare LF", "junk behind"],
)
def test_an_answer_is_read_however_it_comes(parts: list[bytes]) -> None:
    reply = exchange_raw(answers(*parts))
    assert isinstance(reply, HttpReply), reply
    assert (reply.status, reply.body) == (200, b"[1,2]")


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(20_000)) + b"\r\n",
    ],
    ids=["head", "chunk", "no chunk", "only 100", "endless head"],
)
def test_an_answer_that_is_not_complete_is_none(cut: bytes) -> None:
    reply = exchange_raw(answers(cut))
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


def test_an_answer_may_take_longer_than_the_read_timeout_while_it_comes() -> None:
    """Until both time-outs together are over."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            await asyncio.sleep(0.2)
            writer.write(b"x")

    reply = exchange_raw(handler, read_s=0.9)
    assert isinstance(reply, HttpReply)
    assert reply.body == b"xxxxxx"


def closing_after(answered: int, seen: list[bytes]) -> RawHandler:
    """A server that answers so many requests of each connection and closes it when one more comes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(answered):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        seen.append(await reader.readuntil(b"\r\n\r\n"))

    return handler


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_closes_costs_the_attempt_and_all_others_that_were_kept(method: str) -> None:
    seen: list[bytes] = []

    async def scene() -> list[bool]:
        async with serving_raw(closing_after(1, seen)) as base, client() as http:
            both = await asyncio.gather(*(http.send(request(base, method=method, body=None)) for _ in range(2)))
            later = [await http.send(request(base, method=method, body=None)) for _ in range(2)]
            return [isinstance(reply, HttpReply) for reply in (*both, *later)]

    # The third request met a closed connection; the fourth had a new one, not the other one that was kept.
    assert asyncio.run(scene()) == [True, True, False, True]
    assert len(seen) == 4


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    async def scene() -> list[bool]:
        handler = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # and closes
        async with serving_raw(handler) as base, client() as http:
            good = []
            for _ in range(3):
                good.append(isinstance(await http.send(request(base)), HttpReply))
                await asyncio.sleep(0.05)
            return good

    assert asyncio.run(scene()) == [True, True, True]


def test_so_many_connections_at_once_and_no_more() -> None:
    at_once = most = 0

    async def handler(got: web.Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return web.Response()

    async def scene() -> int:
        http = PooledClient(allow_private=True, limit_per_host=3)
        await http.start()
        try:
            async with serving(handler) as base:
                replies = await asyncio.gather(*(http.send(request(base)) for _ in range(20)))
                late = [asyncio.create_task(http.send(request(base))) for _ in range(10)]
                await asyncio.sleep(0)
                for task in late[3:9]:  # who gives up while it waits leaves its place to the others
                    task.cancel()
                left = await asyncio.gather(*late, return_exceptions=True)
                again = await asyncio.gather(*(http.send(request(base)) for _ in range(6)))
        finally:
            await http.close()
        return sum(isinstance(reply, HttpReply) for reply in (*replies, *left, *again))

    assert asyncio.run(scene()) == 20 + 4 + 6
    assert most == 3


def test_who_waits_too_long_for_a_connection_is_told_so() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response()

    async def scene() -> HttpReply | HttpFailure:
        http = PooledClient(allow_private=True, limit_per_host=1)
        await http.start()
        try:
            async with serving(handler) as base:
                first = asyncio.create_task(http.send(request(base)))
                await asyncio.sleep(0.05)
                wanted = HttpRequest(
                    method="GET", url=base, headers=(), body=None, connect_timeout_s=0.05, read_timeout_s=1
                )
                reply = await http.send(wanted)
                await first
                return reply
        finally:
            await http.close()

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert (reply.reason, reply.detail) == ("Connection closed.", "the connection was not made in time")


@pytest.mark.parametrize("header", [("X-A", "b\r\nX-Evil: 1"), ("X-A\n", "b"), ("X-A", "b\0")])
def test_a_header_cannot_bring_another_one_along(header: tuple[str, str]) -> None:
    async def scene() -> HttpReply | HttpFailure:
        async with client() as http:
            return await http.send(
                HttpRequest(
                    method="GET",
                    url="http://127.0.0.1:9/",
                    headers=(header,),
                    body=None,
                    connect_timeout_s=1,
                    read_timeout_s=1,
                )
            )

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert "line break" in reply.detail


def test_closing_the_client_ends_what_is_under_way() -> None:
    async def handler(got: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def scene() -> HttpReply | HttpFailure:
        http = PooledClient(allow_private=True)
        await http.start()
        async with serving(handler) as base:
            sending = asyncio.create_task(http.send(request(base, read_s=30)))
            await asyncio.sleep(0.05)
            await http.close()
            return await sending

    reply = asyncio.run(scene())
    assert isinstance(reply, HttpFailure)
    assert reply.reason == "Connection closed."


@pytest.mark.parametrize("path", ["/a b?c=d e", "/ä?ö=ü", "/%7Eu/?x=%20y&z=%C3%A4#part", "?q=1", "/p?q='\"<>"])
def test_a_path_is_written_as_the_url_library_writes_it(path: str) -> None:
    seen: list[str] = []

    async def handler(got: web.Request) -> web.StreamResponse:
        seen.append(got.raw_path)
        return web.Response()

    exchange(handler, path)
    assert URL("http://host" + "/" + path.removeprefix("/")).raw_path_qs in seen


def test_https_is_spoken_only_with_whom_the_certificate_names(tmp_path: Path) -> None:
    mine = ensure_certificates(tmp_path, names=("localhost",), now=datetime.now(UTC))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(mine.cert_file, mine.key_file)
    peers: set[object] = set()

    async def handler(got: web.BaseRequest) -> web.StreamResponse:
        assert got.transport is not None
        peers.add(got.transport.get_extra_info("peername"))
        return web.Response(text="x" * 5_000)

    async def scene() -> list[HttpReply | HttpFailure]:
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served).start()
        port = runner.addresses[0][1]
        knowing, not_knowing = (
            PooledClient(allow_private=True, tls=ssl.create_default_context(cafile=mine.ca_file)),
            PooledClient(allow_private=True),
        )
        try:
            out: list[HttpReply | HttpFailure] = []
            for http, name in ((knowing, "localhost"), (knowing, "127.0.0.1"), (not_knowing, "localhost")):
                await http.start()
                out += [await http.send(request(f"https://{name}:{port}/")) for _ in range(2)]
            return out
        finally:
            await knowing.close()
            await not_knowing.close()
            await runner.cleanup()

    replies = asyncio.run(scene())
    assert [isinstance(reply, HttpReply) and len(reply.body) for reply in replies] == [5_000, 5_000, *[False] * 4]
    assert all("certificate" in reply.detail for reply in replies if isinstance(reply, HttpFailure))
    assert len(peers) == 1


def test_an_answer_too_many_costs_the_connection() -> None:
    async def scene() -> list[int]:
        handler = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 500 Evil\r\nX-A: ", more=True)
        async with serving_raw(handler) as base, client() as http:
            replies = [await http.send(request(base)) for _ in range(3)]
        return [reply.status for reply in replies if isinstance(reply, HttpReply)]

    assert asyncio.run(scene()) == [200, 200, 200]
