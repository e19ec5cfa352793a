"""A cache in front of a speech engine: the same request is answered with the same audio, at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ringline.base import ProviderError, get_log
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._disk import DiskStore
from ringline.providers._streams import leaving
from ringline.providers.contract import SpeechEngine
from ringline.speech import VoiceChoice, resolve

_log = get_log(__name__)

_BLOCK_BYTES: Final = 131_072
"A sentence or two: whoever plays one wakes once."


class SpeechCache:
    """Where finished audio is kept: a hot layer in memory in front of files on disk, both bounded in bytes."""

    def __init__(self, directory: Path, *, max_bytes: int = 1_000_000_000, hot_bytes: int = 64_000_000) -> None:
        self._disk = DiskStore(directory, max_bytes)
        self._hot: OrderedDict[str, Pcm] = OrderedDict()
        self._hot_size = 0
        self._hot_max = hot_bytes
        # Threads of its own, so that nobody else's slow file or name look-up stands in front of a prompt.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="speech-cache")
        self.hits = 0
        self.misses = 0

    async def start(self) -> None:
        """Take stock of the disk. A directory that cannot be used costs the disk layer, not the speech."""
        try:
            await self._run(self._disk.open)
        except OSError as error:
            _log.warning("speech cache directory cannot be used", why=str(error))

    async def close(self) -> None:
        """Finish writing."""
        await asyncio.to_thread(self._threads.shutdown)

    def gauges(self) -> dict[str, float]:
        """Figures for metrics."""
        return {
            "cache_hits": self.hits,
            "cache_misses": self.misses,
            "cache_bytes": self._disk.total(),
            "cache_hot_bytes": self._hot_size,
        }

    def hot(self, key: str) -> Pcm | None:
        """The audio of a key if it is in memory."""
        if (found := self._hot.get(key)) is not None:
            self._hot.move_to_end(key)
            self.hits += 1
        return found

    async def load(self, key: str) -> Pcm | None:
        """The audio of a key from disk; it is hot afterwards."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._disk.read, key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        pcm = Pcm(rate_hz=found[0], data=found[1])
        self._heat(key, pcm)
        return pcm

    async def keep(self, key: str, pcm: Pcm) -> None:
        """Keep finished audio, in memory at once and on disk before this returns."""
        self._heat(key, pcm)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._disk.write, key, pcm.rate_hz, pcm.data)

    def _heat(self, key: str, pcm: Pcm) -> None:
        if len(pcm.data) > self._hot_max // 4:
            return  # one long text must not push out all the menus
        if (old := self._hot.pop(key, None)) is not None:
            self._hot_size -= len(old.data)
        self._hot[key] = pcm
        self._hot_size += len(pcm.data)
        while self._hot_size > self._hot_max:
            _, gone = self._hot.popitem(last=False)
            self._hot_size -= len(gone.data)

    async def _run(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)


class CachedVoice:
    """An engine with a `SpeechCache` in front. Requests for the same audio at the same time share one synthesis.

    A synthesis goes on when its listeners leave: the next caller of an interrupted menu shall hear it at once.
    """

    def __init__(self, inner: SpeechEngine, cache: SpeechCache) -> None:
        self._inner = inner
        self._cache = cache
        self._flights: dict[str, _Flight] = {}

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def version(self) -> str:
        return self._inner.version

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            if not flight.ended:  # else it is only being written to disk
                flight.task.cancel()
        await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)
        await self._inner.close()

    def ready(self) -> str | None:
        return self._inner.ready()

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        key = self._key(request)
        if (pcm := self._cache.hot(key)) is not None:
            for block in _blocks(pcm):
                yield block
            return
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.get_running_loop().create_task(self._fly(key, request, flight))
        async for block in flight.blocks():
            yield block

    def _key(self, request: SpeechRequest) -> str:
        choice = _as_row(resolve(request.language, request.style, premium=request.premium).choice)
        whole = json.dumps([self.name, self.version, choice, request.text, sorted(request.options.items())])
        return hashlib.sha256(whole.encode()).hexdigest()

    async def _fly(self, key: str, request: SpeechRequest, flight: _Flight) -> None:
        try:
            found = await self._cache.load(key)
            if found is not None:
                for block in _blocks(found):
                    flight.add(block)
                return
            async with leaving(self._inner.speak(request)) as blocks:
                async for block in blocks:
                    flight.add(block)
            flight.end()
            if (whole := flight.whole()) is not None:
                await self._cache.keep(key, whole)
        except ProviderError as error:
            flight.end(error)
        except asyncio.CancelledError:
            flight.end(ProviderError("speech was stopped"))
            raise
        except Exception as error:
            # An engine's bug must not leave callers waiting for ever.
            _log.error("speech engine failed", engine=self.name, exc=error)
            flight.end(ProviderError(f"{self.name} failed: {error!r}"))
        finally:
            flight.end()
            self._flights.pop(key, None)


@lru_cache(maxsize=512)
def _as_row(choice: VoiceChoice) -> tuple[Any, ...]:
    """A voice as it stands in keys; there are only so many."""
    return astuple(choice)


class _Flight:
    """One synthesis on its way, and everybody who listens to it."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self._blocks: list[Pcm] = []
        self.ended = False
        self._error: ProviderError | None = None
        self._changed = asyncio.Event()

    def add(self, block: Pcm) -> None:
        self._blocks.append(block)
        self._wake()

    def end(self, error: ProviderError | None = None) -> None:
        if not self.ended:
            self.ended = True
            self._error = error
            self._wake()

    def whole(self) -> Pcm | None:
        """All audio in one; None when there is none, or its rate changed on the way."""
        rates = {block.rate_hz for block in self._blocks}
        if len(rates) != 1:
            return None
        return Pcm(rate_hz=self._blocks[0].rate_hz, data=b"".join(block.data for block in self._blocks))

    async def blocks(self) -> AsyncIterator[Pcm]:
        index = 0
        while True:
            if index < len(self._blocks):
                yield self._blocks[index]
                index += 1
            elif self._error is not None:
                raise ProviderError(str(self._error), retryable=self._error.retryable) from self._error
            elif self.ended:
                return
            else:
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _blocks(pcm: Pcm) -> list[Pcm]:
    starts = range(0, len(pcm.data), _BLOCK_BYTES)
    return [Pcm(rate_hz=pcm.rate_hz, data=pcm.data[start : start + _BLOCK_BYTES]) for start in starts]
