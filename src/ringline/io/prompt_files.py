"""The audio files of `stream`, hold music and ringback tones: fetched by HTTP, decoded while they arrive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from ringline.base import ProviderError, get_log
from ringline.engine.ports import Pcm
from ringline.io._decoding import Decoder, Undecodable, sniff
from ringline.io.addresses import AddressRefused, checked_connector

_log = get_log(__name__)

T = TypeVar("T")

REASON: Final = "Stream URL not reachable or not a supported audio file."
"How every error of a prompt file begins; it becomes the `reason` of the error webhook."

_CONNECT_S: Final = 3.0
_FIRST_BYTE_S: Final = 5.0
_WHOLE_S: Final = 10.0
_MAX_REDIRECTS: Final = 5
_HEAD_BYTES: Final = 12
_MAX_BYTES: Final = 20 * 1024 * 1024
_MAX_HELD_BYTES: Final = 1024 * 1024 * 1024
"Of all files being played at once; a file is held until it is decoded."
_THREADS: Final = 2
"The work in them is that of the media core, which does not hold up the interpreter."


class HttpPromptFiles:
    """Fetches with aiohttp, decodes with the media core. One `open` is one download.

    Only http and https to addresses that may be dialled; no credentials and no cookies are sent, at most five redirects
    are followed. `allow_private` lets private and loopback addresses pass (development).
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._session: ClientSession | None = None
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="prompt-files")
        self._fetches: dict[int, _Fetch] = {}
        self._held_bytes = 0
        self._closed = False

    async def close(self) -> None:
        """Close connections and threads; running prompts fail."""
        self._closed = True
        for fetch in list(self._fetches.values()):
            fetch.stop()
        if self._session is not None:
            await self._session.close()
        await asyncio.to_thread(self._threads.shutdown)

    async def open(self, url: str) -> AsyncIterator[Pcm]:
        decoder = Decoder()
        fetch = _Fetch(self._client(), url, decoder)
        self._fetches[id(fetch)] = fetch
        held = 0
        try:
            await fetch.start()
            held = fetch.size
            self._held_bytes += held
            if self._held_bytes > _MAX_HELD_BYTES:
                raise ProviderError(f"{REASON} Too many files are being played.", retryable=True)
            await fetch.has_more_than(_HEAD_BYTES - 1)
            if not sniff(fetch.head, fetch.content_type):
                raise Undecodable("it is no audio file")
            while not decoder.over:
                received = fetch.received
                block = await self._in_thread(decoder.read)
                if block is not None:
                    yield block
                elif not decoder.over:
                    await fetch.has_more_than(received)
        except (_Failed, Undecodable) as error:
            _log.info("prompt file failed", host=_host(url), why=str(error))
            raise ProviderError(f"{REASON} {_sentence(str(error))}") from error
        finally:
            self._held_bytes -= held
            self._fetches.pop(id(fetch), None)
            fetch.stop()

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: bytes held for files being played."""
        return {"held_bytes": self._held_bytes}

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise _Failed("it was stopped")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=checked_connector(allow_private=self._allow_private),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None, connect=_CONNECT_S, sock_read=_FIRST_BYTE_S),
                headers={"Accept": "audio/mpeg, audio/wav, audio/ogg, */*;q=0.5", "Accept-Encoding": "identity"},
                raise_for_status=False,
            )
        return self._session


class _Failed(Exception):
    """The file cannot be fetched."""


class _Fetch:
    """One download in a task of its own, so that a slow listener does not slow it down."""

    def __init__(self, session: ClientSession, url: str, decoder: Decoder) -> None:
        self._session = session
        self._url = url
        self._decoder = decoder
        self._started = False
        self._complete = False
        self._error: str | None = None
        self._progress = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.content_type = ""
        self.size = 0
        self.received = 0
        self.head = b""
        "Its first bytes."

    async def start(self) -> None:
        """Ask for the file and wait for its first bytes' promise.

        Raises:
            _Failed: it cannot be had.
        """
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._until(lambda: self._started)

    async def has_more_than(self, count: int) -> None:
        """Wait until more than so many bytes, or all, have arrived."""
        await self._until(lambda: self._complete or self.received > count)

    def stop(self) -> None:
        """Break off; who waits is woken."""
        self._fail("it was stopped")
        self._progress.set()
        if self._task is not None:
            self._task.cancel()

    def _fail(self, why: str) -> None:
        self._error = self._error or why

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._error is not None:
                raise _Failed(self._error)
            self._progress.clear()
            await self._progress.wait()

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(_WHOLE_S):
                await self._fetch()
            self._complete = True
            self._decoder.end()
        except TimeoutError:
            self._fail("it did not come in time")
        except AddressRefused:
            self._fail("its address is not allowed")
        except (ClientError, OSError, ValueError) as error:
            refused = isinstance(error.__cause__, AddressRefused) or isinstance(
                getattr(error, "os_error", None), AddressRefused
            )
            why = "its address is not allowed" if refused else f"it cannot be fetched ({type(error).__name__})"
            self._fail(why)
        except _Failed as error:
            self._fail(str(error))
        except Exception as error:
            # Nobody awaits this task: its listeners must hear of a bug in it, and the log, too.
            _log.error("prompt file download failed", exc=error)
            self._fail("it cannot be fetched")
        finally:
            self._progress.set()

    async def _fetch(self) -> None:
        url = _checked(URL(self._url))
        for _ in range(_MAX_REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308) and (target := response.headers.get("Location")):
                    url = _checked(response.url.join(URL(target)))
                    continue
                if not 200 <= response.status < 300:
                    raise _Failed(f"the server answered {response.status}")
                await self._take(response)
                return
        raise _Failed(f"more than {_MAX_REDIRECTS} redirects")

    async def _take(self, response: ClientResponse) -> None:
        length = response.content_length
        if length is not None and length > _MAX_BYTES:
            raise _Failed(f"it is larger than {_MAX_BYTES} bytes")
        self.content_type = response.content_type
        self.size = length or _MAX_BYTES
        self._started = True
        self._progress.set()
        async for chunk in response.content.iter_any():
            if self.received + len(chunk) > _MAX_BYTES:
                raise _Failed(f"it is larger than {_MAX_BYTES} bytes")
            self.head += chunk[: _HEAD_BYTES - len(self.head)]
            self._decoder.feed(chunk)
            self.received += len(chunk)
            self._progress.set()


def _checked(url: URL) -> URL:
    """Refuse what is not http or https, and take user names and passwords out."""
    if url.scheme not in ("http", "https") or not url.host:
        raise _Failed("only http and https URLs are fetched")
    return url.with_user(None)


def _host(url: str) -> str:
    """The host for the log; paths and queries may be secret."""
    with contextlib.suppress(ValueError):
        return URL(url).host or ""
    return ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
