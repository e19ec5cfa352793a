"""The audio files of `stream`, hold music and ringback tones: fetched by HTTP, decoded while they arrive.

Everybody who plays a file reads the same decoded copy of it, from the disk, at his own pace. It is kept for the next
player for as long as the server's `Cache-Control` allows (`ringline.audio.freshness`), and else until the last has
ended. Playing begins with the first samples, long before the last byte has come.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from ringline.base import Clock, ProviderError, SystemClock, get_log
from ringline.engine.ports import Pcm
from ringline.io._copies import Broken, Copy, Shelf
from ringline.io._download import MAX_BYTES, WHOLE_S, Download
from ringline.io.addresses import checked_connector
from ringline.webhooks import USER_AGENT

_log = get_log(__name__)

REASON: Final = "Stream URL not reachable or not a supported audio file."
"How every error of a prompt file begins; it becomes the `reason` of the error webhook."

_CONNECT_S: Final = 3.0
_FIRST_BYTE_S: Final = 5.0
_WHOLE_S: Final = WHOLE_S
_MAX_BYTES: Final = MAX_BYTES
_MAX_HELD_BYTES: Final = 1024 * 1024 * 1024
"In memory, of all files being decoded at once; a file is held until it is decoded."
MAX_COPIED_BYTES: Final = 2 * 1024 * 1024 * 1024
"On disk, of all decoded copies."
_BLOCK_S: Final = 0.5
_THREADS: Final = 2
"The work in them is that of the media core, which does not hold up the interpreter."


class HttpPromptFiles:
    """Fetches with aiohttp, decodes with the media core. Whoever wants a file while it is fetched shares the request.

    Only http and https to addresses that may be dialled; no credentials and no cookies are sent, at most five redirects
    are followed. `allow_private` lets private and loopback addresses pass (development). Decoded copies are files
    without names in `directory` (that of the system for such files when None), `max_copied_bytes` at most together.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        directory: Path | None = None,
        max_copied_bytes: int = MAX_COPIED_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.shelf = Shelf(max_bytes=max_copied_bytes, released=self._release)
        self.threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="prompt-files")
        self._allow_private = allow_private
        self._directory = directory
        self._session: ClientSession | None = None
        self._asked: dict[str, Download] = {}
        "Downloads whose header has not come, by what was asked for: others may join."
        self._running: dict[int, Download] = {}
        self._held_bytes = 0
        self._closed = False

    async def close(self) -> None:
        """Close connections and threads; running prompts fail."""
        self._closed = True
        running = list(self._running.values())
        for download in running:
            download.stop()
        await asyncio.gather(*(download.over() for download in running))
        self.shelf.clear()
        if self._session is not None:
            await self._session.close()
        await asyncio.to_thread(self.threads.shutdown)

    async def open(self, url: str, *, rounds: int = 1) -> AsyncIterator[Pcm]:
        """Give the audio, so often (0: for ever) without a gap; one download serves all rounds."""
        copy: Copy | None = None
        try:
            copy = await self._copy_of(url)
            while True:
                offset = 0
                while await copy.beyond(offset):
                    block = await self._read(copy, offset)
                    offset += len(block)
                    # Very short files many times at once: a block of 20 ms is not worth the way.
                    again = 1
                    if rounds != 1 and copy.complete and offset == copy.size == len(block):
                        again = max(1, int(2 * _BLOCK_S * copy.rate_hz) // len(block))
                        again = min(again, rounds) if rounds else again
                    yield Pcm(rate_hz=copy.rate_hz, data=block * again)
                    rounds -= (again - 1) if rounds else 0
                if rounds == 1:
                    return
                rounds -= 1 if rounds else 0
        except (Broken, OSError) as error:
            _log.info("prompt file failed", host=_host(url), why=str(error))
            raise ProviderError(f"{REASON} {_sentence(str(error))}") from error
        finally:
            if copy is not None:
                copy.readers -= 1
                self._release(copy)

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: bytes held for files being decoded, decoded copies kept, and the bytes of all copies."""
        return {"held_bytes": self._held_bytes, **self.shelf.gauges()}

    async def _copy_of(self, url: str) -> Copy:
        """Find or fetch a copy, and count as its reader."""
        if self._closed:
            raise Broken("it was stopped")
        download = self._asked.get(url)
        if download is None or download.settled:
            download = Download(self, url, whole_s=_WHOLE_S, max_bytes=_MAX_BYTES)
            self._asked[url] = self._running[id(download)] = download
            download.when_done(self._ended)
        download.waiting += 1
        try:
            copy = await download.copy()
            copy.readers += 1
            return copy
        finally:
            download.waiting -= 1
            if not download.waiting:
                if not download.settled:
                    download.stop()
                elif download.own is not None:
                    self._release(download.own)

    def _ended(self, download: Download) -> None:
        self._running.pop(id(download), None)
        for url in [url for url, asked in self._asked.items() if asked is download]:
            del self._asked[url]

    async def _read(self, copy: Copy, offset: int) -> bytes:
        if self._closed:
            raise Broken("it was stopped")
        count = 2 * int(_BLOCK_S * copy.rate_hz)
        loop = asyncio.get_running_loop()
        block = await loop.run_in_executor(self.threads, copy.read, offset, min(count, copy.size - offset))
        if not block:
            raise Broken("it was stopped")
        return block

    def _release(self, copy: Copy) -> None:
        """Somebody needs the copy no longer; the last one closes it."""
        if copy.readers or copy.kept:
            return
        makers = [download for download in self._running.values() if download.own is copy]
        if any(download.waiting for download in makers):
            return
        for download in makers:
            download.stop()
        if not copy.closed:
            copy.close()
            self.shelf.give_back(copy.size)

    # ── what downloads ask for ─────────────────────────────────────────────────────────────────────────────────────

    def new_copy(self) -> Copy:
        return Copy(self._directory)

    def hold(self, size: int) -> None:
        self._held_bytes += size
        if self._held_bytes > _MAX_HELD_BYTES:
            self._held_bytes -= size
            raise Broken("too many files are being played")

    def let_go(self, size: int) -> None:
        self._held_bytes -= size

    @property
    def session(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=checked_connector(allow_private=self._allow_private),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None, connect=_CONNECT_S, sock_read=_FIRST_BYTE_S),
                headers={
                    "User-Agent": USER_AGENT,  # many hosts refuse the names of bare HTTP libraries
                    "Accept": "audio/mpeg, audio/wav, audio/ogg, */*;q=0.5",
                    "Accept-Encoding": "identity",
                },
                raise_for_status=False,
            )
        return self._session


def _host(url: str) -> str:
    """The host for the log; paths and queries may be secret."""
    with contextlib.suppress(ValueError):
        return URL(url).host or ""
    return ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
