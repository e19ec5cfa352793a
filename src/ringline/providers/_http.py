"""Asking a speech service over HTTPS: bounded in time, size and number, and every failure a `ProviderError`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp

from ringline.base import ProviderError, get_log

_log = get_log(__name__)

_CONNECT_S: Final = 3.0
_AT_ONCE: Final = 20
_WAITING: Final = 100
_WAIT_S: Final = 10.0
_AGAIN: Final = (500, 502, 503, 504)
"Asked once more: a service's own short trouble."
_AGAIN_AFTER_S: Final = 0.2
_BLOCK_BYTES: Final = 16_384
_LONG_BODY_BYTES: Final = 500_000


class HttpApi:
    """The requests of one engine to one service, at most `at_once` under way and a bounded number behind them."""

    def __init__(
        self,
        name: str,
        *,
        read_s: float = 10.0,
        at_once: int = _AT_ONCE,
        waiting: int = _WAITING,
        connect_s: float = _CONNECT_S,
    ) -> None:
        """`read_s` is how long the service may say nothing."""
        self._name = name
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=read_s)
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool; call it inside the event loop that will ask."""
        self._session = aiohttp.ClientSession(
            timeout=self._timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Close all connections; requests under way fail."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def blocks(
        self,
        method: str,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        body: bytes | None = None,
        most_bytes: int,
    ) -> AsyncIterator[bytes]:
        """Send a request and give the answer's body as it comes, at most `most_bytes` of it.

        `headers` is asked anew for each attempt, for signatures that hold a time.

        Raises:
            ProviderError: the service cannot be reached, is silent for too long, or refuses.
        """
        left = most_bytes
        async with self._seat(), self._answer(method, url, headers, body) as response:
            try:
                async for block in response.content.iter_chunked(_BLOCK_BYTES):
                    yield block[:left]
                    left -= len(block)
                    if left <= 0:
                        response.close()
                        return
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise self._failure(error) from error

    async def json(
        self,
        method: str,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        body: bytes | None = None,
        most_bytes: int,
    ) -> Any:
        """Send a request and give its answer, read as JSON.

        Raises:
            ProviderError: as `blocks` does; or the answer is no JSON, or too long.
        """
        whole = bytearray()
        async for block in self.blocks(method, url, headers=headers, body=body, most_bytes=most_bytes + 1):
            whole += block
        if len(whole) > most_bytes:
            raise ProviderError(f"{self._name}: the answer is too long")
        try:
            return json.loads(whole)
        except ValueError as error:
            raise ProviderError(f"{self._name}: the answer is no JSON", retryable=True) from error

    @contextlib.asynccontextmanager
    async def _seat(self) -> AsyncIterator[None]:
        if self._waiting >= self._most_waiting:
            raise ProviderError(f"{self._name}: too many requests are waiting", retryable=True)
        self._waiting += 1
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise ProviderError(f"{self._name}: too many requests at once", retryable=True) from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    @contextlib.asynccontextmanager
    async def _answer(
        self, method: str, url: str, headers: Callable[[], Mapping[str, str]], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, once it is a good one."""
        response = await self._attempt(method, url, headers(), body, last=False)
        if response is None:
            await asyncio.sleep(_AGAIN_AFTER_S)
            response = await self._attempt(method, url, headers(), body, last=True)
        assert response is not None
        async with response:
            yield response

    async def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, last: bool
    ) -> aiohttp.ClientResponse | None:
        if self._session is None:
            raise ProviderError(f"{self._name} is not running", retryable=True)
        try:
            # A long body goes out in pieces. A redirect would take the keys elsewhere.
            data = io.BytesIO(body) if body is not None and len(body) > _LONG_BODY_BYTES else body
            response = await self._session.request(method, url, headers=headers, data=data, allow_redirects=False)
        except (aiohttp.ClientConnectionError, TimeoutError, OSError) as error:
            if last or isinstance(error, TimeoutError):
                raise self._failure(error) from error
            _log.info("speech service not reached, asking again", engine=self._name, why=str(error))
            return None
        except (aiohttp.ClientError, ValueError) as error:
            raise self._failure(error) from error
        if response.status == 200:
            return response
        async with response:
            if response.status in _AGAIN and not last:
                return None
            why = await _why(response)
        raise ProviderError(
            f"{self._name}: {response.status} {why}".rstrip(), retryable=response.status not in (400, 404, 413, 422)
        )

    def _failure(self, error: Exception) -> ProviderError:
        if isinstance(error, TimeoutError):
            return ProviderError(f"{self._name}: no answer in time", retryable=True)
        return ProviderError(f"{self._name}: {error or type(error).__name__}", retryable=True)


async def _why(response: aiohttp.ClientResponse) -> str:
    """What a service says about a refusal, on one line."""
    try:
        text = (await response.content.read(2000)).decode("utf-8", "replace")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""
    try:
        found = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:200]
    if isinstance(found, dict):
        inner = found.get("error")
        said = (
            inner.get("message") if isinstance(inner, dict) else found.get("message") or found.get("Message") or inner
        )
        return " ".join(str(said).split())[:200] if said else ""
    return ""
