"""How fast prompts stop when somebody interrupts them: measured, noted in the journal, kept for a leg's figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ringline.base import Clock, EffectId, LegId
from ringline.calls.events import Event, KeyDown, SpeechStarted
from ringline.engine.ports import PlaybackFinished


@dataclass(slots=True)
class _Interruption:
    """Somebody speaks or presses a key, and prompts are being cut."""

    cause: Event
    by: str
    began: float
    decided: float
    plays: set[EffectId] = field(default_factory=set)


class BargeIns:
    """Follows each interruption from its first sound, or from the key's first packet, to the end of the last prompt.

    A prompt has ended when the media core says so, after the last packet with it in. Of a key that was heard in the
    audio only its recognition is known, not its onset: such a key counts from there.
    """

    def __init__(self, *, clock: Clock, trace: Callable[[LegId, dict[str, Any]], None]) -> None:
        self._clock = clock
        self._trace = trace
        self._now: dict[LegId, _Interruption] = {}
        self._times: dict[LegId, tuple[int, int]] = {}
        "How many there were in each leg, and how long the slowest took, in milliseconds."

    def cut(self, play: EffectId, cause: Event | None) -> None:
        """A prompt is cut because of an event; only speech and keys interrupt."""
        now = self._clock.now()
        match cause:
            case SpeechStarted(leg=leg, ago_s=ago_s):
                by, began = "speech", now - ago_s
            case KeyDown(leg=leg):
                by, began = "a key", now
            case _:
                return
        known = self._now.get(leg)
        if known is None or known.cause is not cause:  # of the one before nothing more is to be expected
            known = self._now[leg] = _Interruption(cause, by, began, now)
        known.plays.add(play)

    def finished(self, event: PlaybackFinished) -> None:
        """The media core has ended a prompt."""
        leg = next((leg for leg, one in self._now.items() if event.play in one.plays), None)
        if leg is None:
            return
        one = self._now[leg]
        one.plays.discard(event.play)
        if one.plays:
            return
        del self._now[leg]
        now = self._clock.now()
        took_ms, known_ms = round((now - one.began) * 1000), round((one.decided - one.began) * 1000)
        count, slowest = self._times.get(leg, (0, 0))
        self._times[leg] = (count + 1, max(slowest, took_ms))
        after = f", which was noticed after {known_ms} ms" if known_ms else ""
        text = f"the prompt was silent {took_ms} ms after {one.by} began{after}"
        self._trace(leg, {"what": "barge-in", "text": text, "by": one.by, "ms": took_ms})

    def figures(self, leg: LegId) -> tuple[int, int]:
        """How often the leg interrupted a prompt that sounded; the longest it took to be silent, in milliseconds."""
        return self._times.get(leg, (0, 0))

    def drop(self, leg: LegId) -> None:
        """The leg has ended."""
        self._now.pop(leg, None)
        self._times.pop(leg, None)
