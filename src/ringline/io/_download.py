"""One audio file on its way from a web server into a copy: asked for, checked, decoded, written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, Protocol

import numpy as np
import soxr
from aiohttp import ClientError, ClientResponse, ClientSession
from yarl import URL

from ringline.audio import judge
from ringline.base import Clock, get_log
from ringline.io._copies import Broken, Copy, Shelf
from ringline.io._decoding import Decoder, Undecodable, sniff
from ringline.io.addresses import AddressRefused

_log = get_log(__name__)

WHOLE_S: Final = 10.0
MAX_REDIRECTS: Final = 5
MAX_BYTES: Final = 20 * 1024 * 1024
_HEAD_BYTES: Final = 12
_STORED_HZ: Final = (8000, 16_000, 48_000)
"Copies have one of these rates, which the media core takes as they are; others are brought to 16 kHz."


class Room(Protocol):
    """What a download asks of the place it works for."""

    shelf: Shelf
    clock: Clock

    @property
    def session(self) -> ClientSession: ...
    @property
    def threads(self) -> Executor: ...
    def new_copy(self) -> Copy: ...
    def hold(self, size: int) -> None:
        """Take memory for a file that is being decoded.

        Raises:
            Broken: there is none left.
        """
        ...

    def let_go(self, size: int) -> None: ...


class Download:
    """One request and what comes of it, in a task of its own; all who want the file meanwhile share it."""

    def __init__(self, room: Room, url: str, *, whole_s: float, max_bytes: int) -> None:
        self._room = room
        self._url = url
        self._max_bytes = max_bytes
        self._settled = asyncio.Event()
        self._found: Copy | None = None
        self._error: str | None = None
        self.own: Copy | None = None
        "The copy that it makes; None when it found one."
        self.waiting = 0
        "Who waits for its header."
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + whole_s
        self._task = loop.create_task(self._run())

    async def copy(self) -> Copy:
        """Wait for the answer's header; the copy grows from then on.

        Raises:
            Broken: there is none.
        """
        await self._settled.wait()
        if self._found is None:
            raise Broken(self._error or "it was stopped")
        return self._found

    @property
    def settled(self) -> bool:
        """Whether its header has come, or it has failed."""
        return self._settled.is_set()

    def when_done(self, call: Callable[[Download], None]) -> None:
        self._task.add_done_callback(lambda task: call(self))

    def stop(self) -> None:
        """Break off; who waits is told."""
        self._fail("it was stopped")
        self._task.cancel()

    async def over(self) -> None:
        """Wait until nothing of it runs any more."""
        await asyncio.gather(self._task, return_exceptions=True)

    def _fail(self, why: str) -> None:
        self._error = self._error or why
        if self.own is not None:
            self.own.fail(why)
        self._settled.set()

    def _announce(self, copy: Copy) -> None:
        self._found = copy
        self._settled.set()

    async def _run(self) -> None:
        try:
            await self._obtain()
        except Exception as error:
            self._fail(_words(error))
        finally:
            self._fail("it was stopped")  # says nothing where all went well

    async def _obtain(self) -> None:
        """Follow redirects to the file, or to a copy that is fresh."""
        url = checked(URL(self._url))
        for _ in range(MAX_REDIRECTS + 1):
            key = str(url.with_fragment(None))
            known = self._room.shelf.find(key)
            asked = self._room.clock.now()
            if known is not None and known[1].is_fresh(asked):
                self._announce(known[0])
                return
            conditions = known[1].conditions() if known is not None else {}
            async with asyncio.timeout_at(self._deadline):
                response = await self._room.session.get(url, allow_redirects=False, headers=conditions)
            async with response:
                if response.status in (301, 302, 303, 307, 308) and (target := response.headers.get("Location")):
                    url = checked(response.url.join(URL(target)))
                    continue
                if response.status == 304 and known is not None:
                    self._confirm(key, response, asked)
                    return
                if known is not None and response.status < 500:
                    self._room.shelf.drop(key)
                if not 200 <= response.status < 300:
                    raise Broken(f"the server answered {response.status}")
                await self._take(key, response, asked)
                return
        raise Broken(f"more than {MAX_REDIRECTS} redirects")

    def _confirm(self, key: str, response: ClientResponse, asked: float) -> None:
        found = self._room.shelf.find(key)
        if found is None:
            raise Broken("it cannot be fetched (it was given up while it was asked for)")
        copy, freshness = found
        now = self._room.clock.instant()
        anew = freshness.confirmed(_joined(response), asked=asked, answered=now.now, wall=now.wallclock)
        copy.readers += 1  # until those who wait have it
        self._announce(copy)
        if anew.headers:
            self._room.shelf.keep(key, copy, anew)
        else:
            self._room.shelf.drop(key)
        copy.readers -= 1

    async def _take(self, key: str, response: ClientResponse, asked: float) -> None:
        """Settle what becomes of the answer; then fetch and decode it."""
        length = response.content_length
        if length is not None and length > self._max_bytes:
            raise Broken(f"it is larger than {self._max_bytes} bytes")
        now = self._room.clock.instant()
        freshness = None
        if response.status == 200:
            freshness = judge(_joined(response), asked=asked, answered=now.now, wall=now.wallclock)
        held = length or self._max_bytes
        self._room.hold(held)
        self.own = copy = self._room.new_copy()
        self._announce(copy)
        if freshness is not None:
            self._room.shelf.keep(key, copy, freshness)
        incoming = _Incoming(response, self._max_bytes, self._deadline)
        reader = asyncio.ensure_future(incoming.run())
        try:
            await self._decode(copy, incoming)
            copy.finish()
        except BaseException as error:
            full = isinstance(error, OSError) and error is not incoming.error
            copy.fail("there is no room for it" if full else _words(error))
            self._room.shelf.drop(key)
            raise
        finally:
            self._room.let_go(held)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _decode(self, copy: Copy, incoming: _Incoming) -> None:
        loop = asyncio.get_running_loop()
        await incoming.more_than(_HEAD_BYTES - 1)
        if not sniff(incoming.head, incoming.content_type):
            raise Undecodable("it is no audio file")
        writing = _Writing(copy, incoming.decoder)
        while not incoming.decoder.over:
            received = incoming.received
            wrote = await loop.run_in_executor(self._room.threads, writing.step)
            if wrote:
                if not self._room.shelf.take(wrote):
                    self._room.shelf.give_back(wrote)
                    raise Broken("too many files are being played")
                copy.grown(copy.size + wrote, writing.rate_hz)
            elif not incoming.decoder.over:
                await incoming.more_than(received)
        if not copy.size:
            raise Undecodable("it has no audio")


def _words(error: BaseException) -> str:
    """Why a file could not be had, for people."""
    match error:
        case Broken() | Undecodable():
            return str(error)
        case TimeoutError():
            return "it did not come in time"
        case AddressRefused():
            return "its address is not allowed"
        case ClientError() | OSError() | ValueError():
            beneath = (error.__cause__, getattr(error, "os_error", None))
            if any(isinstance(one, AddressRefused) for one in beneath):
                return "its address is not allowed"
            return f"it cannot be fetched ({type(error).__name__})"
        case asyncio.CancelledError():
            return "it was stopped"
        case _:
            # Nobody awaits a download: its listeners must hear of a bug in it, and the log, too.
            _log.error("prompt file download failed", exc=error)
            return "it cannot be fetched"


class _Incoming:
    """The body of an answer, taken as fast as it comes."""

    def __init__(self, response: ClientResponse, max_bytes: int, deadline: float) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._progress = asyncio.Event()
        self._complete = False
        self.error: BaseException | None = None
        self.content_type = response.content_type
        self.decoder = Decoder()
        self.received = 0
        self.head = b""
        "Its first bytes."

    async def run(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                async for chunk in self._response.content.iter_any():
                    if self.received + len(chunk) > self._max_bytes:
                        raise Broken(f"it is larger than {self._max_bytes} bytes")
                    self.head += chunk[: _HEAD_BYTES - len(self.head)]
                    self.decoder.feed(chunk)
                    self.received += len(chunk)
                    self._progress.set()
            self._complete = True
            self.decoder.end()
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._progress.set()

    async def more_than(self, count: int) -> None:
        """Wait until more than so many bytes, or all, have arrived; raises what ended the transfer."""
        while not (self._complete or self.received > count):
            if self.error is not None:
                raise self.error
            self._progress.clear()
            await self._progress.wait()


class _Writing:
    """The way from a decoder into a copy; for one thread at a time."""

    def __init__(self, copy: Copy, decoder: Decoder) -> None:
        self._copy = copy
        self._decoder = decoder
        self._resampler: soxr.ResampleStream | None = None
        self._begun = False
        self.rate_hz = 0

    def step(self) -> int:
        """Decode and write up to half a second; returns the bytes written."""
        block = self._decoder.read()
        if block is not None and not self._begun:
            self._begun = True
            self.rate_hz = block.rate_hz if block.rate_hz in _STORED_HZ else 16_000
            if block.rate_hz != self.rate_hz:
                self._resampler = soxr.ResampleStream(block.rate_hz, self.rate_hz, 1, dtype="int16")
        data = block.data if block is not None else b""
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.frombuffer(data, dtype="<i2"), last=self._decoder.over)
            data = bytes(samples.astype("<i2", copy=False).tobytes())
        if data:
            self._copy.append(data)
        return len(data)


def checked(url: URL) -> URL:
    """Refuse what is not http or https, and take user names and passwords out.

    Raises:
        Broken: it is refused.
    """
    if url.scheme not in ("http", "https") or not url.host:
        raise Broken("only http and https URLs are fetched")
    return url.with_user(None)


def _joined(response: ClientResponse) -> dict[str, str]:
    """Headers as one value each (RFC 9110 section 5.3)."""
    return {name: ", ".join(response.headers.getall(name)) for name in response.headers}
