"""`ringline run`: the detour on its own, and what it tells programs of every language."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringline.cli.detour import Detour, Signpost, environment_for
from ringline.cli.detour.proxy import Place
from ringline.server.certificates import OFFICIAL_HOSTS, ensure_certificates

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _server(serve: Serve) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def _saying(word: bytes) -> Serve:
    """A server that says its name and then repeats what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)
        writer.write(await reader.read())
        writer.close()

    return serve


async def _ask(port: int, head: bytes, more: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + more)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def test_the_official_hosts_are_here_and_all_others_where_they_were() -> None:
    async def play() -> None:
        ours, our_port = await _server(_saying(b"ours:"))
        theirs, their_port = await _server(_saying(b"theirs:"))
        detour = Detour(Place("127.0.0.1", our_port), OFFICIAL_HOSTS)
        await detour.start()
        try:
            official = await _ask(detour.port, b"CONNECT API.nexmo.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"hello")
            assert official == b"HTTP/1.1 200 Connection established\r\n\r\nours:hello"
            other = await _ask(detour.port, f"CONNECT 127.0.0.1:{their_port} HTTP/1.1\r\n\r\n".encode(), b"hello")
            assert other.endswith(b"\r\n\r\ntheirs:hello")
        finally:
            await detour.stop()
            ours.close()
            theirs.close()

    asyncio.run(play())


def test_others_go_through_the_proxy_the_program_had_before() -> None:
    async def play() -> None:
        seen: list[bytes] = []

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if b"good" in seen[-1] else b"HTTP/1.1 403 Forbidden\r\n\r\n")
            writer.write(b"from afar")
            writer.close()

        server, port = await _server(proxy)
        detour = Detour(Place("127.0.0.1", 9), OFFICIAL_HOSTS, upstream=f"http://me:pass%20word@127.0.0.1:{port}")
        await detour.start()
        try:
            answer = await _ask(detour.port, b"CONNECT good.example:443 HTTP/1.1\r\n\r\n")
            assert answer.endswith(b"\r\n\r\nfrom afar")
            assert seen[0].startswith(b"CONNECT good.example:443 HTTP/1.1\r\nHost: good.example:443\r\n")
            assert b"Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n" in seen[0]
            refused = await _ask(detour.port, b"CONNECT bad.example:443 HTTP/1.1\r\n\r\n")
            assert refused.startswith(b"HTTP/1.1 502 ")
        finally:
            await detour.stop()
            server.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET http://example.org/ HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT nowhere HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT [::1:443 HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT a:99999 HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT api.nexmo.com:443 HTTP/1.1\r\n\r\n", b"502"),
        (b"CONNECT a:443 HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", b"431"),
    ],
)
def test_what_cannot_be_served_is_refused(head: bytes, status: bytes) -> None:
    async def play() -> bytes:
        nobody, port = await _server(_saying(b""))
        nobody.close()
        await nobody.wait_closed()
        detour = Detour(Place("127.0.0.1", port), OFFICIAL_HOSTS)
        await detour.start()
        try:
            return await _ask(detour.port, head)
        finally:
            await detour.stop()

    assert asyncio.run(play()).split(b" ")[1] == status


def test_the_environment_keeps_what_was_there(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path / "made", names=["localhost"], now=datetime.now(UTC))
    other = ensure_certificates(tmp_path / "other", names=["localhost"], now=datetime.now(UTC))
    present = {
        "HOME": "/home/me",
        "NO_PROXY": "internal.example",
        "NODE_OPTIONS": "--max-old-space-size=512",
        "REQUESTS_CA_BUNDLE": str(other.ca_file),
        "HTTPS_PROXY": "http://old.example:3128",
    }
    sign = Signpost(proxy_port=4711, to="127.0.0.1:8443", hosts=OFFICIAL_HOSTS, ca_file=made.ca_file)
    told = environment_for(present, sign, tmp_path)
    assert told["HOME"] == "/home/me"
    assert told["HTTPS_PROXY"] == told["https_proxy"] == "http://127.0.0.1:4711"
    assert told["NO_PROXY"] == "internal.example,localhost,127.0.0.1,::1"
    assert told["NODE_OPTIONS"].startswith("--max-old-space-size=512 --require ")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        trusted = Path(told[name]).read_text()
        assert made.ca_file.read_text() in trusted
        assert other.ca_file.read_text() in trusted
    assert (tmp_path / "authorities.p12").stat().st_size > 0


def test_without_https_or_a_server_there_is_a_sentence(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ringline", "run", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    none = run("--", "true")
    assert (none.returncode, "server.https_port" in none.stderr) == (2, True)
    ensure_certificates(tmp_path / "var" / "certificates", names=["localhost"], now=datetime.now(UTC))
    (tmp_path / "ringline.toml").write_text("[server]\nhttps_port = 9\n")
    silent = run("--", "true")
    assert (silent.returncode, "nothing answers" in silent.stderr) == (3, True)
