"""A voice that costs nothing: every character takes 60 ms, and the audio carries its text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from ringline.base import ProviderError
from ringline.engine.ports import Pcm, SpeechRequest
from ringline.speech import is_ssml, strip_tags
from ringline.testing.captions import Caption, captioned

SECONDS_PER_CHARACTER: Final = 0.06
"So long every spoken character takes, in prompts as on phones."
_BLOCK_BYTES: Final = 16_000


class TextVoice:
    """A `Voice` for tests; what it was asked for is in `requests`. It can stand in for an engine, too."""

    name = "text"
    version = "1"

    def __init__(self) -> None:
        self.requests: list[SpeechRequest] = []
        self.delay_s = 0.0
        "How long it thinks before the first audio comes."
        self._failing = ""

    def fails(self, why: str = "the engine is broken") -> None:
        """From now on nothing can be spoken."""
        self._failing = why

    def works(self) -> None:
        """It can speak again."""
        self._failing = ""

    async def start(self) -> None:
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing can be spoken any more."""
        self.fails("the engine is closed")

    async def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """Give the audio of a text.

        Raises:
            ProviderError: it was told to fail.
        """
        self.requests.append(request)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self._failing:
            raise ProviderError(self._failing)
        text = strip_tags(request.text) if is_ssml(request.text) else request.text
        audio = captioned(Caption("speech", text), seconds=spoken_s(text))
        for start in range(0, len(audio), _BLOCK_BYTES):
            yield Pcm(rate_hz=8000, data=audio[start : start + _BLOCK_BYTES])

    def ready(self) -> str | None:
        return self._failing or None


def spoken_s(text: str) -> float:
    """How long the text takes to speak, in seconds."""
    return len(text) * SECONDS_PER_CHARACTER
