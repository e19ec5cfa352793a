"""What recognisers over HTTP have in common: an utterance is one request, and only so long."""

from __future__ import annotations

import asyncio
import base64
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from ringline.base import ProviderError, get_log
from ringline.providers._http import HttpApi
from ringline.providers.contract import EngineContext
from ringline.providers.recognition.contract import RATE_HZ, Heard, Task
from ringline.providers.recognition.whole import WholeStream

_log = get_log(__name__)
LONGEST_S: Final = 59
"Services take a minute at most in one request; what comes beyond is not sent."
MOST_ANSWER_BYTES: Final = 2_000_000
_FAILURE_S: Final = 30.0


class CloudRecogniser(ABC):
    """A `RecognitionEngine` for dictation over a service's HTTP interface."""

    name: ClassVar[str]
    needs_hints = False

    def __init__(self, context: EngineContext) -> None:
        self._http = HttpApi(self.name, read_s=context.timeout_s)
        self._trouble: str | None = f"{self.name} is not started"
        self._failure: str | None = None
        self._failed_at = 0.0

    def knows(self, language: str) -> bool:
        """All: whether the service does is found out by asking."""
        return bool(language)

    async def start(self) -> None:
        await self._http.start()
        self._trouble = None

    async def close(self) -> None:
        self._trouble = f"{self.name} is stopped"
        await self._http.close()

    def ready(self) -> str | None:
        # A failure is forgotten after a while: where no calls come, nobody would see that it works again.
        recent = time.monotonic() - self._failed_at < _FAILURE_S
        return self._trouble or (self._failure if recent else None)

    def open(self, task: Task) -> WholeStream:
        async def understand(audio: bytes) -> Sequence[Heard]:
            return await self._understand(task, audio)

        return WholeStream(understand)

    async def _understand(self, task: Task, audio: bytes) -> Sequence[Heard]:
        most = LONGEST_S * RATE_HZ * 2
        if len(audio) > most:
            _log.warning("speech is longer than the service takes", engine=self.name, sent_s=LONGEST_S)
        try:
            heard = await self._ask(task, audio[:most])
        except ProviderError as error:
            if error.retryable:
                self._failure, self._failed_at = str(error), time.monotonic()
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProviderError(f"{self.name}: the answer is not as documented", retryable=True) from error
        self._failure = None
        return [one for one in heard if one.text]

    @abstractmethod
    async def _ask(self, task: Task, audio: bytes) -> Sequence[Heard]:
        """Have the service understand it; an answer of another shape may raise what comes of it.

        Raises:
            ProviderError: the service cannot be reached, or refuses.
        """


async def in_base64(audio: bytes) -> str:
    """Audio as JSON takes it; not on the event loop, for it is long."""
    return (await asyncio.to_thread(base64.b64encode, audio)).decode()


def share(value: Any) -> float:
    """A confidence from 0 to 1."""
    return min(1.0, max(0.0, float(value)))
