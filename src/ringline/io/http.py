"""The webhook client: sends one request to an application's server and says what came back."""

from __future__ import annotations

import asyncio
import base64
import errno
import re
import ssl
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yarl import URL

from ringline.engine.ports import HttpFailure, HttpReply, HttpRequest
from ringline.io._http_connection import Answer, BadAnswer, Connection
from ringline.io._http_pool import Origin, Pool

MAX_REDIRECTS: Final = 3

_CLOSED: Final = "Connection closed."
_RESET: Final = "Connection reset."
_TIMEOUT: Final = "Socket timeout."
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_RESET_ERRORS: Final = (errno.ECONNRESET, errno.EPIPE)
_WITHOUT_BODY: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_PLAIN_QUERY: Final = re.compile(r"(?:[A-Za-z0-9._~!$'()*,;:@/?&=+-]|%[0-9A-Fa-f]{2})*")
"What a query may be made of to be sent as it is."
Headers = tuple[tuple[str, str], ...]


class _NotDialled(Exception):
    """There is no connection; why is in the words for people."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL as a request needs it."""

    url: str
    origin: Origin
    host: str
    "For the header of that name."
    path: str
    authorization: str
    "From the URL's name and password; empty when it has none."


class PooledClient:
    """`engine.ports.HttpClient`: a pool of kept-alive connections per host, read by llhttp; no cookies, no proxies.

    Redirects keep method and body; `Authorization` goes along only to the same host, and never from https to http. The
    read timeout is how long nothing may come; the answer has to be complete within that and the connect timeout, so a
    server that drips is cut off too. A request is sent once, whatever becomes of its connection (decision 120).
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        limit_per_host: int = 1024,
        tls: ssl.SSLContext | None = None,
        max_redirects: int = MAX_REDIRECTS,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        `allow_private` lets requests go to loopback and private addresses (never to metadata services). `tls` is the
        context for https; None verifies against the system's authorities. More than `max_redirects` are a failure.
        """
        self._max_redirects = max_redirects
        self._allow_private = allow_private
        self._limit_per_host = limit_per_host
        self._tls = tls
        self._pool: Pool | None = None

    async def start(self) -> None:
        """Open the pools. Call it inside the event loop that will send."""
        if self._pool is None:
            self._pool = Pool(allow_private=self._allow_private, limit_per_host=self._limit_per_host, tls=self._tls)

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def send(self, request: HttpRequest) -> HttpReply | HttpFailure:
        """Send one request, follow its redirects, and give the answer or why there is none.

        Raises:
            RuntimeError: the client has not been started.
        """
        pool = self._pool
        if pool is None:
            raise RuntimeError("the client has not been started")
        try:
            target = _target_of(request.url)
            headers = request.headers
            # One deadline for all hops: a chain of slow redirects takes no longer than a slow answer.
            clock = asyncio.get_running_loop().time
            deadline = clock() + request.connect_timeout_s + request.read_timeout_s
            for _ in range(self._max_redirects + 1):
                if deadline <= clock():
                    raise TimeoutError
                answer = await _exchange(pool, request, target, _written(request, target, headers), deadline)
                if answer.status not in _REDIRECTS or not (location := answer.header(b"location")):
                    return _reply(answer, request.max_body_bytes)
                before = URL(target.url)
                after = before.join(URL(location))
                headers = _headers_after(headers, before, after)
                target = _read_url(after)
        except (ValueError, UnicodeError) as error:
            return HttpFailure(reason=_CLOSED, detail=f"the URL cannot be used: {error}")
        except (OSError, BadAnswer, _NotDialled) as error:
            return _failure(error)
        return HttpFailure(reason=_CLOSED, detail=f"more than {self._max_redirects} redirects")


async def _exchange(pool: Pool, request: HttpRequest, target: _Target, written: bytes, until: float) -> Answer:
    """Send a request to one URL; give its answer."""
    connection = pool.at_hand(target.origin)
    if connection is not None:
        try:
            return await _asked(pool, connection, request, target, written, until)
        except TimeoutError:
            raise
        except (OSError, BadAnswer):
            # Servers close what they have kept long enough, and that may cross with our request. Whether it was read
            # nobody knows, so it is not sent again here (decision 120); the next attempt gets a connection of its own.
            pool.distrust(target.origin)
            raise
    try:
        async with asyncio.timeout(request.connect_timeout_s):
            connection = await pool.dial(target.origin)
    except TimeoutError:
        raise _NotDialled("the connection was not made in time") from None
    except OSError as error:
        raise _NotDialled(str(error) or type(error).__name__) from error
    return await _asked(pool, connection, request, target, written, until)


async def _asked(
    pool: Pool, connection: Connection, request: HttpRequest, target: _Target, written: bytes, until: float
) -> Answer:
    try:
        return await connection.ask(
            written, limit=request.max_body_bytes, patience_s=request.read_timeout_s, until=until
        )
    finally:
        pool.give_back(target.origin, connection)


def _written(request: HttpRequest, target: _Target, headers: Headers) -> bytes:
    """A request as it goes over the wire.

    Raises:
        ValueError: a header cannot be sent.
    """
    if _METHOD.fullmatch(request.method) is None:
        raise ValueError(f"{request.method!r} is no method")
    lines = [f"{request.method} {target.path} HTTP/1.1\r\nHost: {target.host}\r\nAccept: */*\r\n"]
    authorized, typed = not target.authorization, False
    for name, value in headers:
        lines.append(f"{name}: {value}\r\n")
        kind = name.lower()
        authorized = authorized or kind == "authorization"
        typed = typed or kind == "content-type"
    if not authorized:  # one Authorization is all HTTP has room for; the signature goes first
        lines.append(f"Authorization: {target.authorization}\r\n")
    body = request.body
    if body is not None or request.method not in _WITHOUT_BODY:
        lines.append(f"Content-Length: {len(body or b'')}\r\n")
    if body is not None and not typed:
        lines.append("Content-Type: application/octet-stream\r\n")
    head = "".join(lines)
    if head.count("\n") != len(lines) + 2 or head.count("\r") != len(lines) + 2 or "\0" in head:
        raise ValueError("a header has a line break in it")
    return head.encode() + b"\r\n" + (body or b"")


def _target_of(text: str) -> _Target:
    """Read a URL; what is the same in many of them is read once.

    Raises:
        ValueError: nothing can be sent to it.
    """
    base, mark, query = text.partition("?")
    if not mark:
        return _kept_target(text)
    if _PLAIN_QUERY.fullmatch(query) is None or "#" in base:
        return _read_url(URL(text))
    known = _kept_target(base)
    return _Target(text, known.origin, known.host, f"{known.path}?{query}", known.authorization)


@lru_cache(maxsize=1024)
def _kept_target(text: str) -> _Target:
    return _read_url(URL(text))


def _read_url(url: URL) -> _Target:
    if url.scheme not in ("http", "https") or not url.raw_host or url.port is None:
        raise ValueError("an http or https URL is needed")
    authorization = ""
    if url.user is not None or url.password is not None:
        pair = f"{url.user or ''}:{url.password or ''}".encode()
        authorization = f"Basic {base64.b64encode(pair).decode()}"
    return _Target(
        url=str(url),
        origin=Origin(secure=url.scheme == "https", host=url.raw_host, port=url.port),
        host=url.host_port_subcomponent or "",
        path=url.raw_path_qs or "/",
        authorization=authorization,
    )


def _reply(answer: Answer, limit: int) -> HttpReply:
    body = _unpacked(answer, limit)
    return HttpReply(
        status=answer.status,
        content_type=answer.header(b"content-type"),
        body=body[:limit],
        too_long=len(body) > limit,
    )


def _unpacked(answer: Answer, limit: int) -> bytes:
    """A body, unpacked, and at most one byte more than `limit`; its packed length is bounded, too."""
    out = answer.body
    packing = (answer.header(b"content-encoding") or "identity").lower()
    if packing == "identity":
        return bytes(out)
    # We ask for no packing; some servers do it all the same.
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise BadAnswer(f"the answer is packed as {packing!r}")
    unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, whatever its head says
    try:
        try:
            unpacked = unpacker.decompress(out, limit + 1)
        except zlib.error:
            if packing != "deflate":
                raise
            # Some servers take the word for the bare format (RFC 9110 section 8.4.1.2 knows of them).
            unpacker = zlib.decompressobj(wbits=-15)
            unpacked = unpacker.decompress(out, limit + 1)
    except zlib.error as error:
        raise BadAnswer(f"the answer is badly packed: {error}") from None
    if len(unpacked) <= limit and not unpacker.eof:
        raise BadAnswer("the answer is badly packed: it ends too early")
    return unpacked


def _headers_after(headers: Headers, before: URL, after: URL) -> Headers:
    """The headers to send on after a redirect: a token is for one application's server only."""
    same_host = before.host == after.host
    if same_host and not (before.scheme == "https" and after.scheme == "http"):
        return headers
    return tuple((name, value) for name, value in headers if name.lower() != "authorization")


def _failure(error: BaseException) -> HttpFailure:
    """Say in the three words of the fallback request why there was no answer."""
    detail = str(error) or type(error).__name__
    match error:
        case TimeoutError():
            return HttpFailure(reason=_TIMEOUT, detail="the answer did not come in time")
        case OSError() if error.errno in _RESET_ERRORS or isinstance(error, ConnectionResetError):
            return HttpFailure(reason=_RESET, detail=detail)
        case _:
            return HttpFailure(reason=_CLOSED, detail=detail)
