"""Who speaks: steadied from what the media core hears, for applications that ask (conversation reference, 5.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ringline.accounts import Directory
from ringline.base import EffectId, LegId
from ringline.calls.events import Event, SpeakingChanged
from ringline.calls.facts import LegView
from ringline.engine.ports import Media, SpeechStarted, SpeechStopped

ON_AFTER_S: Final = 0.3
"So long somebody must speak to be told as speaking,"
OFF_AFTER_S: Final = 0.6
"and so long be silent to be told as silent again."
_HEARD_AFTER_S: Final = 0.3
"The core itself waits so long before it says that somebody has stopped."


@dataclass(slots=True)
class _Voice:
    leg: LegId
    told: bool = False
    "He is told as speaking."
    timer: asyncio.TimerHandle | None = None

    def rest(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Speaking:
    """Watches the legs of applications that ask for it, and app users always, from answer to end."""

    def __init__(self, *, media: Media, directory: Directory, report: Callable[[Event], None]) -> None:
        self._media = media
        self._directory = directory
        self._report = report
        self._voices: dict[EffectId, _Voice] = {}

    @property
    def busy(self) -> int:
        return len(self._voices)

    def follow(self, view: LegView) -> None:
        """Take a change of a leg's record."""
        watch = _watch(view.uuid)
        if view.ended_at is not None:
            voice = self._voices.pop(watch, None)
            if voice is not None:
                voice.rest()
                self._media.unwatch(watch)
        elif view.answered_at is not None and watch not in self._voices and self._wanted(view):
            self._voices[watch] = _Voice(view.uuid)
            self._media.observe(watch, view.uuid)

    def heard(self, event: SpeechStarted | SpeechStopped) -> None:
        """Take what the core tells of one of these legs; others are somebody else's."""
        voice = self._voices.get(event.watch)
        if voice is None:
            return
        voice.rest()
        speaks = isinstance(event, SpeechStarted)
        if speaks != voice.told:
            delay = ON_AFTER_S if speaks else OFF_AFTER_S - _HEARD_AFTER_S
            voice.timer = asyncio.get_running_loop().call_later(delay, self._tell, voice, speaks)

    def close(self) -> None:
        for voice in self._voices.values():
            voice.rest()
        self._voices.clear()

    def _wanted(self, view: LegView) -> bool:
        application = self._directory.application(view.application)
        kind = (view.from_ if view.direction == "inbound" else view.to).kind
        return application is not None and (kind == "app" or application.settings.speaking_events)

    def _tell(self, voice: _Voice, speaks: bool) -> None:
        voice.timer, voice.told = None, speaks
        self._report(SpeakingChanged(leg=voice.leg, speaks=speaks))


def _watch(leg: LegId) -> EffectId:
    return EffectId(f"speaking:{leg}")
