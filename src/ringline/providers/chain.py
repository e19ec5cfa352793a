"""Several engines in a row: the next one speaks when one cannot, and a request may choose who is asked first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ringline.base import ApplicationId, ProviderError, get_log
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._streams import leaving
from ringline.providers.contract import SpeechEngine

_log = get_log(__name__)

Measure = Callable[[str, str, float], None]
"Takes an engine's name, how it came out (`spoken`, `failed`, `left`), and the seconds to its first audio or failure."

_ALIASES: Final = {"amazon": "polly", "aws": "polly", "microsoft": "azure", "piper-tts": "piper"}
"What else engines are called in `provider`."
_FAILURES: Final = 3
"After so many failures in a row an engine is passed over …"
_REST_S: Final = 30.0
"… for so long, when another can speak: nobody shall wait for its time-out at every prompt."


class FallbackVoice:
    """Asks the engines in order; the first that gives a block speaks the whole text.

    `others` speak only when a request names one as its provider, or `prefers` does so for its application; the usual
    order follows then too. Put caches behind it, not in front: else a substitute's voice would be kept as the first
    engine's.
    """

    def __init__(
        self,
        engines: Sequence[SpeechEngine],
        *,
        others: Sequence[SpeechEngine] = (),
        prefers: Callable[[ApplicationId], Sequence[str]] | None = None,
        measure: Measure | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not engines:
            raise ValueError("a fallback needs at least one engine")
        self._engines = tuple(engines)
        self._known = {engine.name: engine for engine in (*others, *engines)}
        self._prefers = prefers
        self.measure = measure
        self._clock = clock
        self._starting: asyncio.Task[None] | None = None
        self._failures: dict[str, tuple[int, float]] = {}

    @property
    def name(self) -> str:
        return "+".join(engine.name for engine in self._engines)

    @property
    def version(self) -> str:
        return "+".join(engine.version for engine in self._engines)

    async def start(self) -> None:
        """Start the usual engines, side by side, and begin to start the others: nobody waits for what few ask for."""
        others = [engine for engine in self._known.values() if engine not in self._engines]
        if others:
            self._starting = asyncio.get_running_loop().create_task(_start(others), name="speech-engines")
        await _start(self._engines)

    async def started(self) -> None:
        """Wait until the others are up, too."""
        if self._starting is not None:
            await asyncio.wait([self._starting])

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        for engine in self._known.values():
            await engine.close()

    def ready(self) -> str | None:
        """None when one of the usual engines works; else why the first does not."""
        troubles = [engine.ready() for engine in self._engines]
        return None if None in troubles else troubles[0]

    def troubles(self) -> dict[str, str]:
        """Why engines do not work, by name; those that do are left out."""
        found = {name: engine.ready() for name, engine in self._known.items()}
        return {name: why for name, why in found.items() if why is not None}

    def up(self) -> dict[str, float]:
        """1 for every engine that works, 0 for the others, for metrics."""
        return {name: float(engine.ready() is None) for name, engine in self._known.items()}

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        last: ProviderError | None = None
        provider = _canonical(request.provider)
        for engine in self._order(request, provider):
            # What was said to one engine means nothing to another.
            wanted = request if engine.name == provider or not request.options else replace(request, options={})
            spoken, outcome, began = 0.0, "left", self._clock()
            try:
                async with leaving(engine.speak(wanted)) as blocks:
                    async for block in blocks:
                        if not spoken:
                            spoken = self._clock() - began
                            self._failures.pop(engine.name, None)
                        outcome = "spoken"
                        yield block
                outcome = "spoken"
                return
            except ProviderError as error:
                outcome_before, outcome = outcome, "failed"
                self._failed(engine.name, error)
                if outcome_before == "spoken":
                    raise  # half a sentence in another voice helps nobody
                last = error
                _log.warning("speech engine failed, trying the next", engine=engine.name, why=str(error))
            finally:
                if self.measure is not None:
                    self.measure(engine.name, outcome, spoken or self._clock() - began)
        assert last is not None
        raise last

    def _order(self, request: SpeechRequest, provider: str | None) -> list[SpeechEngine]:
        names: list[str] = []
        if provider is not None:
            if provider in self._known:
                names.append(provider)
            else:
                _log.info("no such speech engine here, using the usual one", provider=request.provider)
        if self._prefers is not None and request.application is not None:
            names += self._prefers(request.application)
        names += [engine.name for engine in self._engines]
        ordered = [self._known[name] for name in dict.fromkeys(names) if name in self._known]
        return [engine for engine in ordered if not self._resting(engine.name)] or ordered

    def _resting(self, name: str) -> bool:
        failures, since = self._failures.get(name, (0, 0.0))
        return failures >= _FAILURES and self._clock() - since < _REST_S

    def _failed(self, name: str, error: ProviderError) -> None:
        if error.retryable:  # else it is about this text, and says nothing about the next
            failures, _ = self._failures.get(name, (0, 0.0))
            self._failures[name] = (failures + 1, self._clock())


async def _start(engines: Iterable[SpeechEngine]) -> None:
    await asyncio.gather(*(engine.start() for engine in engines))


def _canonical(provider: str | None) -> str | None:
    if provider is None:
        return None
    name = provider.strip().lower()
    return _ALIASES.get(name, name)
