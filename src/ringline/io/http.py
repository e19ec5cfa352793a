"""The webhook client: sends one request to an application's server and says what came back."""

from __future__ import annotations

import asyncio
import errno
import ssl
import zlib
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import (
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    hdrs,
)
from yarl import URL

from ringline.engine.ports import HttpFailure, HttpReply, HttpRequest
from ringline.io.addresses import checked_connector

MAX_REDIRECTS: Final = 3

_CLOSED: Final = "Connection closed."
_RESET: Final = "Connection reset."
_TIMEOUT: Final = "Socket timeout."
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_LONGEST_LINE_BYTES: Final = 32_768
"Of a header: cookies and content policies grow beyond the 8 KiB that is usual."
_RESET_ERRORS: Final = (errno.ECONNRESET, errno.EPIPE)


class AiohttpClient:
    """`engine.ports.HttpClient` over aiohttp: a pool of kept-alive connections per host, no cookies, no proxies.

    Redirects keep method and body; `Authorization` goes along only to the same host, and never from https to http. The
    read timeout is the time until the answer is complete, so a server that drips is cut off too.
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
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Open the pools. Call it inside the event loop that will send."""
        if self._session is None:
            connector = checked_connector(allow_private=self._allow_private, limit_per_host=self._limit_per_host)
            self._session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                skip_auto_headers=(hdrs.USER_AGENT, hdrs.ACCEPT_ENCODING),
                middlewares=(_once,),
                max_line_size=_LONGEST_LINE_BYTES,
                max_field_size=_LONGEST_LINE_BYTES,
            )

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def send(self, request: HttpRequest) -> HttpReply | HttpFailure:
        """Send one request, follow its redirects, and give the answer or why there is none.

        Raises:
            RuntimeError: the client has not been started.
        """
        if self._session is None:
            raise RuntimeError("the client has not been started")
        try:
            url = URL(request.url)
            headers = dict(request.headers)
            # One deadline for all hops: a chain of slow redirects takes no longer than a slow answer.
            clock = asyncio.get_running_loop().time
            deadline = clock() + request.connect_timeout_s + request.read_timeout_s
            for _ in range(self._max_redirects + 1):
                left = deadline - clock()
                if left <= 0:
                    raise TimeoutError
                answer = await self._exchange(self._session, request, url, headers, left)
                if isinstance(answer, HttpReply):
                    return answer
                headers = _headers_after(headers, url, answer)
                url = answer
        except (ValueError, aiohttp.InvalidURL) as error:
            return HttpFailure(reason=_CLOSED, detail=f"the URL cannot be used: {error}")
        except _Lost as lost:
            return _failure(lost.error)
        except (TimeoutError, OSError, aiohttp.ClientError, ssl.SSLError) as error:
            return _failure(error)
        return HttpFailure(reason=_CLOSED, detail=f"more than {self._max_redirects} redirects")

    async def _exchange(
        self, session: ClientSession, request: HttpRequest, url: URL, headers: Mapping[str, str], left_s: float
    ) -> HttpReply | URL:
        """Send one request to one URL; give its answer, or where it redirects to."""
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("an http or https URL is needed")
        if url.user is not None and any(name.lower() == "authorization" for name in headers):
            url = url.with_user(None)  # one Authorization is all HTTP has room for; the signature goes first
        async with session.request(
            request.method,
            url,
            headers=headers,
            data=request.body,
            allow_redirects=False,
            ssl=self._tls or True,
            timeout=ClientTimeout(
                total=left_s,
                connect=request.connect_timeout_s,
                sock_read=request.read_timeout_s,
                ceil_threshold=86_400,
            ),
        ) as response:
            if response.status in _REDIRECTS and (location := response.headers.get(hdrs.LOCATION)):
                return url.join(URL(location))
            body = await _read(response, request.max_body_bytes)
            return HttpReply(
                status=response.status,
                content_type=response.headers.get(hdrs.CONTENT_TYPE, ""),
                body=body[: request.max_body_bytes],
                too_long=len(body) > request.max_body_bytes,
            )


class _Lost(aiohttp.ClientError):
    """The connection broke before there was an answer."""

    def __init__(self, error: ClientOSError | ServerDisconnectedError) -> None:
        super().__init__(str(error))
        self.error = error


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a request once: aiohttp by itself sends a GET again whose connection broke, and nobody counts it.

    How often an application is asked is for `ringline.webhooks` to say.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _Lost(error) from error


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body, unpacked, and at most one byte more than `limit`; its packed length is bounded, too."""
    out = bytearray()
    if response.content.is_eof():  # it came together with its head
        out += response.content.read_nowait(limit + 1)
    else:
        async for chunk in response.content.iter_chunked(65_536):
            out += chunk
            if len(out) > limit:
                response.close()
                break
    packing = response.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if packing in ("", "identity"):
        return bytes(out[: limit + 1])
    # We ask for no packing; some servers do it all the same.
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise aiohttp.ClientPayloadError(f"the answer is packed as {packing!r}")
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
        raise aiohttp.ClientPayloadError(f"the answer is badly packed: {error}") from None
    if len(unpacked) <= limit and not unpacker.eof:
        raise aiohttp.ClientPayloadError("the answer is badly packed: it ends too early")
    return unpacked


def _headers_after(headers: dict[str, str], before: URL, after: URL) -> dict[str, str]:
    """The headers to send on after a redirect: a token is for one application's server only."""
    same_host = before.host == after.host
    if same_host and not (before.scheme == "https" and after.scheme == "http"):
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def _failure(error: BaseException) -> HttpFailure:
    """Say in the three words of the fallback request why there was no answer."""
    detail = str(error) or type(error).__name__
    match error:
        case aiohttp.ConnectionTimeoutError():
            return HttpFailure(reason=_CLOSED, detail="the connection was not made in time")
        case TimeoutError():
            return HttpFailure(reason=_TIMEOUT, detail="the answer did not come in time")
        case aiohttp.ClientConnectorError():
            return HttpFailure(reason=_CLOSED, detail=detail)
        case OSError() if error.errno in _RESET_ERRORS:
            return HttpFailure(reason=_RESET, detail=detail)
        case _ if _was_reset(error):
            return HttpFailure(reason=_RESET, detail=detail)
        case _:
            return HttpFailure(reason=_CLOSED, detail=detail)


def _was_reset(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionResetError):
            return True
        error = error.__cause__
    return False
