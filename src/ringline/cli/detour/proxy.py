"""A proxy for one program's HTTPS: the official hosts are here, all others where they always were.

Only `CONNECT` is spoken (RFC 9110 section 9.3.6): what goes through is encrypted end to end and never looked at.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from ringline.base import get_log

log = get_log(__name__)
_MOST_HEAD_BYTES: Final = 16 * 1024
_HEAD_S: Final = 10.0
_CONNECT_S: Final = 10.0
_BLOCK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection leads."""

    host: str
    port: int


class Detour:
    """The proxy. It listens on loopback only, on a port of its own."""

    def __init__(self, here: Place, official: tuple[str, ...], *, upstream: str | None = None) -> None:
        """Lead port 443 of the `official` hosts to `here`; all else goes its way, through `upstream` if there is one.

        `upstream` is the proxy the program would have used without us, as in `HTTPS_PROXY`.
        """
        self._here = here
        self._official = frozenset(official)
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=_MOST_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            log.debug("a connection of the program ended", why=str(error))
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _refuse(writer, "431 Request Header Fields Too Large")
            return
        wanted = _wanted(head)
        if wanted is None:
            await _refuse(writer, "405 Method Not Allowed")
            return
        try:
            async with asyncio.timeout(_CONNECT_S):
                far_reader, far_writer = await self._connect(wanted)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await _refuse(writer, "502 Bad Gateway")
            return
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _connect(self, wanted: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if wanted.port == 443 and wanted.host.rstrip(".").lower() in self._official:
            return await asyncio.open_connection(self._here.host, self._here.port)
        if self._upstream is None:
            return await asyncio.open_connection(wanted.host, wanted.port)
        return await _through(self._upstream, wanted)


def _wanted(head: bytes) -> Place | None:
    """The place a `CONNECT` asks for; None when the request is another."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or words[0] != "CONNECT":
        return None
    try:
        parts = urlsplit(f"//{words[1]}")
        return Place(parts.hostname, parts.port) if parts.hostname and parts.port else None
    except ValueError:
        return None


async def _through(proxy: str, wanted: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask the program's own proxy for the place."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if secure else 80), ssl=True if secure else None
    )
    host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
    lines = [f"CONNECT {host}:{wanted.port} HTTP/1.1", f"Host: {host}:{wanted.port}"]
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    answer = await reader.readuntil(b"\r\n\r\n")
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        writer.close()
        raise OSError("the program's own proxy refused")
    return reader, writer


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Hand on what comes until no more does; the other direction may go on."""
    try:
        while block := await source.read(_BLOCK):
            target.write(block)
            await target.drain()
    except OSError:
        target.close()
        return
    with contextlib.suppress(OSError, RuntimeError):
        target.write_eof()


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
