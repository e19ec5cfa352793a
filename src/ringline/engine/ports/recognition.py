"""Who understands what a leg says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ringline.base import EffectId, LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRequest:
    """What is listened for, and in which leg."""

    leg: LegId
    "Whose audio; it may be in any room, and muted."
    language: str
    "As the public table writes it, such as `en-GB`."
    hints: tuple[str, ...] = ()
    "Words and phrases that are likely; never a filter."
    end_on_silence_s: float = 2.0
    "Speech has ended after so much silence."
    sensitivity: int = 90
    "10 ignores noise, 100 hears everything."
    keep_audio: bool = False
    "The `Recognition` shall carry the audio."
    provider: str | None = None
    "The engine the application would like; another one is as good."


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceStarted:
    """Speech has begun: 80 ms of voice within 120 ms, above the threshold, and not the echo of a prompt."""

    ago_s: float = 0.08
    "How long ago its first sound was."


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEnded:
    """There was silence after it for as long as was asked; a `Recognition` follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What was understood. Nothing follows."""

    results: tuple[tuple[str, float], ...] = ()
    "Text and confidence from 0 to 1, in any order; empty when nothing was understood."
    failure: str | None = None
    "Why nothing could be understood, for the log: no model for the language, the engine died …"
    audio: bytes = b""
    "With `keep_audio`: 16-bit little-endian mono at 16 000 Hz, from 500 ms before the speech to the end of listening."


HearingEvent = VoiceStarted | VoiceEnded | Recognition


class Listening(Protocol):
    """Listening that has begun. Both calls only enqueue; after its `Recognition` they do nothing."""

    @property
    def ear(self) -> EffectId | None:
        """The ear (`Ears.open_ear`) whose `SpeechStarted` is this one's `VoiceStarted`; None: somebody else decides."""
        ...

    def finish(self) -> None:
        """What has been said is enough: a `Recognition` follows. Without any speech it is empty."""
        ...

    def cancel(self) -> None:
        """Nothing of it is wanted any more: nothing follows, audio and model are let go."""
        ...


class Recogniser(Protocol):
    """Listens to legs: takes their audio from the media core, finds where speech is, and understands it.

    Who decides where speech begins and ends (the media core's voice activity, or the engine's own) is its own affair:
    this port reports it.
    """

    def listen(self, request: ListenRequest, report: Callable[[HearingEvent], None]) -> Listening:
        """Begin to listen; `report` is called on the event loop, first after this has returned.

        A failure later than here is a `Recognition` with `failure`.

        Raises:
            ProviderError: it cannot listen (no worker is free, no such language).
        """
        ...

    def ready(self) -> str | None:
        """None when it works; else a sentence that says why not, for `/readyz`."""
        ...
