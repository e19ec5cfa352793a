"""Where audio to be heard comes from: voices and prompt files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringline.base import ApplicationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Pcm:
    """A block of 16-bit little-endian mono samples."""

    rate_hz: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """What shall be spoken: the fields of `talk` (SSML if it starts with `<speak`)."""

    text: str
    language: str = "en-US"
    style: int = 0
    premium: bool = False
    application: ApplicationId | None = None
    "Whose call it is: its settings may prefer an engine."
    provider: str | None = None
    "The engine the application asked for in the action itself; it speaks if it is there."
    options: Mapping[str, str] = field(default_factory=dict)
    "What that engine is asked besides, such as `voice`: one of its own."


class Voice(Protocol):
    """Turns text into audio. Providers of speech and the cache in front of them look alike."""

    def speak(self, request: SpeechRequest) -> AsyncIterator[Pcm]:
        """Give the audio in blocks, the first as early as it can.

        Raises:
            ProviderError: nothing can be spoken.
        """
        ...

    def ready(self) -> str | None:
        """None when speech works; else a sentence that says why not, for `/readyz`."""
        ...


class PromptFiles(Protocol):
    """Fetches and decodes the audio files of `stream`, hold music and ringback tones."""

    def open(self, url: str, *, rounds: int = 1) -> AsyncIterator[Pcm]:
        """Fetch, decode and give the audio in blocks, `rounds` times without a gap (0: for ever), fetched once.

        Raises:
            ProviderError: it cannot be fetched, or it is no audio file that we know.
        """
        ...
