"""What a recognition engine is: the contract of the entry points in group `ringline.recognition`.

An entry point names a class or function that takes an `EngineContext` (as voices do) and gives a `RecognitionEngine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

RATE_HZ: Final = 16_000
"All audio is 16-bit little-endian mono at this rate; narrowband speech comes upsampled."


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stretch of speech that shall be understood."""

    language: str
    "As the public table writes it, such as `en-GB`."
    hints: tuple[str, ...] = ()
    "Words and phrases that are likely."
    words: bool = False
    "When each word was said matters, too."


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word, and when it was said, in milliseconds from the beginning of the audio."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One way to understand the speech."""

    text: str
    confidence: float
    "From 0 to 1."
    words: tuple[Word, ...] = ()
    "With `Task.words`, where the engine knows."


class Stream(Protocol):
    """One stretch of speech on its way into an engine. Nothing blocks: calls only enqueue, within bounds."""

    def feed(self, pcm: bytes) -> None:
        """Take audio."""
        ...

    def pause(self) -> None:
        """There is silence for now: this may be all, so one may begin to think. More audio may follow."""
        ...

    async def result(self) -> Sequence[Heard]:
        """That was all: what was it? Best first; empty when nothing was understood.

        Raises:
            ProviderError: it died, hung, refused, or is not reached.
        """
        ...

    def cancel(self) -> None:
        """Nothing of it is wanted any more; whatever works on it stops. Also after `result`."""
        ...


class RecognitionEngine(Protocol):
    """An engine with a life."""

    @property
    def name(self) -> str:
        """As in the settings, such as `pocketsphinx`."""
        ...

    @property
    def needs_hints(self) -> bool:
        """It understands nothing but the hints; an engine for dictation understands anything."""
        ...

    def knows(self, language: str) -> bool:
        """Whether there is a model for a language of the public table."""
        ...

    async def start(self) -> None:
        """Make ready. Does not raise for an engine that is not there: `ready` tells."""
        ...

    async def close(self) -> None:
        """Give back everything; the engine is not used again."""
        ...

    def ready(self) -> str | None:
        """None when it works; else a sentence that says why not."""
        ...

    def open(self, task: Task) -> Stream:
        """Begin with a stretch of speech.

        Raises:
            ProviderError: it cannot take it.
        """
        ...
