"""The engines of speech: voices and recognisers with their worker processes, caches, and what they are fed with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack

from ringline.base import ApplicationId
from ringline.io.media import MediaCore
from ringline.io.recorded_speech import RecordedSpeech
from ringline.io.recordings import FileRecordings
from ringline.io.workers import WorkerPool
from ringline.providers import SpeechCache, WorkerProgram, load
from ringline.providers.recognition import EarRecogniser, RecordingTranscriber, load_recognition
from ringline.server.settings import Settings


class SpeechEngines:
    """Makes every engine that the settings name; nothing runs before `start`."""

    def __init__(
        self,
        settings: Settings,
        *,
        media: MediaCore,
        recordings: FileRecordings,
        prefers: Callable[[ApplicationId], tuple[str, ...]],
    ) -> None:
        """`prefers` gives the voices that an application has chosen, the best first."""
        self._settings = settings
        self._pools: dict[str, WorkerPool] = {}
        self._cache = SpeechCache(settings.data_dir / "speech", max_bytes=settings.speech.cache_mb * 1_000_000)
        self.voice = load(
            settings.speech.engines,
            open_workers=self._open_workers,
            settings=settings.speech.options,
            cache=self._cache,
            also=settings.speech.also,
            prefers=prefers,
            timeout_s=settings.speech.timeout_s,
        )
        listeners = load_recognition(
            settings.recognition.engines,
            open_workers=self._open_listeners,
            settings=settings.recognition.options,
        )
        self.recogniser = EarRecogniser(media, listeners)
        self._recorded = RecordedSpeech(recordings)
        self.transcriber = RecordingTranscriber(self._recorded, listeners)
        self._parts = AsyncExitStack()

    async def start(self) -> None:
        """Start the workers and look into the cache.

        Raises:
            ProviderError: the cache's folder cannot be used.
        """
        await self._cache.start()
        self._parts.push_async_callback(self._cache.close)
        self._parts.push_async_callback(self.voice.close)
        self._parts.push_async_callback(self.recogniser.close)
        self._parts.push_async_callback(self._recorded.close)
        await asyncio.gather(self.voice.start(), self.recogniser.start())

    async def close(self) -> None:
        """End them, in the opposite order."""
        await self._parts.aclose()

    def gauges(self) -> dict[str, float]:
        """Figures for `/metrics`, by name."""
        figures = dict(self._cache.gauges())
        for name, pool in self._pools.items():
            figures |= {f"{name}_workers_{what}": value for what, value in pool.gauges().items()}
        return figures

    def _open_workers(self, program: WorkerProgram) -> WorkerPool:
        pool = self._pools[program.name] = WorkerPool(
            program.command,
            name=program.name,
            size=program.size or self._settings.speech.workers or None,
            silence_timeout_s=program.silence_timeout_s,
            start_timeout_s=program.start_timeout_s,
        )
        return pool

    def _open_listeners(self, program: WorkerProgram) -> WorkerPool:
        size = program.size or self._settings.recognition.workers or max(1, (os.cpu_count() or 1) // 2)
        start_timeout_s = max(30.0, program.start_timeout_s)
        return WorkerPool(
            program.command, name=program.name, size=size, start_timeout_s=start_timeout_s, silence_timeout_s=8.0
        )
