"""Several engines in a row: the next one speaks when one cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from ringline.base import ProviderError, get_log
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.providers._streams import leaving
from ringline.providers.contract import SpeechEngine

_log = get_log(__name__)


class FallbackVoice:
    """Asks the engines in order; the first that gives a block speaks the whole text.

    Put caches behind it, not in front: else a substitute's voice would be kept as the first engine's.
    """

    def __init__(self, engines: Sequence[SpeechEngine]) -> None:
        if not engines:
            raise ValueError("a fallback needs at least one engine")
        self._engines = tuple(engines)

    @property
    def name(self) -> str:
        return "+".join(engine.name for engine in self._engines)

    @property
    def version(self) -> str:
        return "+".join(engine.version for engine in self._engines)

    async def start(self) -> None:
        for engine in self._engines:
            await engine.start()

    async def close(self) -> None:
        for engine in self._engines:
            await engine.close()

    def ready(self) -> str | None:
        """None when one of the engines works; else why the first does not."""
        troubles = [engine.ready() for engine in self._engines]
        return None if None in troubles else troubles[0]

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        last: ProviderError | None = None
        for engine in self._engines:
            spoken = False
            try:
                async with leaving(engine.speak(request)) as blocks:
                    async for block in blocks:
                        spoken = True
                        yield block
                return
            except ProviderError as error:
                if spoken:
                    raise  # half a sentence in another voice helps nobody
                last = error
                _log.warning("speech engine failed, trying the next", engine=engine.name, why=str(error))
        assert last is not None
        raise last
