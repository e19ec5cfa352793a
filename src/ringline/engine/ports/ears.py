"""Listening to single legs: what they say, as audio, and what can be told of it."""

from __future__ import annotations

from typing import Protocol

from ringline.base import EffectId, LegId
from ringline.engine.ports.media import AudioLevels, SpeechStarted, SpeechStopped, ToneHeard

Told = SpeechStarted | SpeechStopped | ToneHeard | AudioLevels
"What is told of an ear; its `watch` is the ear's name, and its times count from the ear's first sample."


class EarSink(Protocol):
    """Takes what one ear hears; called on the event loop, never blocks."""

    def write(self, pcm: bytes) -> None:
        """Take 16-bit little-endian mono samples at the rate that was asked for, 100 ms or more."""
        ...

    def lost(self, milliseconds: int) -> None:
        """The loop was too slow: so much audio was lost here."""
        ...

    def told(self, event: Told) -> None:
        """Take what was found; all audio up to then has been written before."""
        ...


class Ears(Protocol):
    """The media core, for whoever listens to single legs. Nobody on the line notices."""

    def open_ear(
        self, ear: EffectId, leg: LegId, sink: EarSink, *, sensitivity: int = 90, rate_hz: int | None = None
    ) -> None:
        """Listen to a leg from now on, wherever it is, muted or not; silence while nothing comes of it.

        Speech is told after 80 ms of voice within 120 ms, echoes and breathing left aside; `sensitivity` is 10 (only
        what is loud) to 100 (all). Without `rate_hz` there is no audio. A leg that is not open gives nothing.
        """
        ...

    def close_ear(self, ear: EffectId) -> None:
        """Listen no longer: what is left goes to the sink before this returns. Unknown ears are ignored."""
        ...
