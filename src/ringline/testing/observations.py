"""What the media core tells of legs that are observed: who speaks, as far as phones speak in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ringline.base import EffectId, LegId
from ringline.engine.ports import MediaEvent, SpeechStarted, SpeechStopped

_PAUSE_S: Final = 0.3
"So long must somebody be silent to be told as such."


class Observations:
    """The legs that are observed now."""

    def __init__(self, speaks: Callable[[LegId], bool], tell: Callable[[MediaEvent], None]) -> None:
        self._speaks = speaks
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._legs: dict[EffectId, tuple[LegId, float]] = {}
        self._since: dict[EffectId, float] = {}
        "When somebody began to speak whose end has not been told."

    def start(self, watch: EffectId, leg: LegId) -> None:
        self._legs[watch] = (leg, self._loop.time())
        self.changed(leg)

    def stop(self, watch: EffectId) -> None:
        self._legs.pop(watch, None)
        self._since.pop(watch, None)

    def changed(self, leg: LegId) -> None:
        """Somebody begins or ends to speak into a leg."""
        for watch in [watch for watch, (observed, _) in self._legs.items() if observed == leg]:
            if self._speaks(leg) and watch not in self._since:
                self._since[watch] = self._loop.time()
                self._loop.call_soon(self._tell_of, watch, SpeechStarted(watch=watch, at_ms=self._now(watch)))
            elif not self._speaks(leg) and watch in self._since:
                self._loop.call_later(_PAUSE_S, self._perhaps_over, watch, leg, self._loop.time())

    def _perhaps_over(self, watch: EffectId, leg: LegId, ended: float) -> None:
        if watch in self._since and not self._speaks(leg):
            spoke = round((ended - self._since.pop(watch)) * 1000)
            at = round((ended - self._legs[watch][1]) * 1000)
            self._tell(SpeechStopped(watch=watch, at_ms=at, spoke_ms=spoke))

    def _tell_of(self, watch: EffectId, event: MediaEvent) -> None:
        if watch in self._legs:
            self._tell(event)

    def _now(self, watch: EffectId) -> int:
        return round((self._loop.time() - self._legs[watch][1]) * 1000)
