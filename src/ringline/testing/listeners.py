"""One leg as the simulated media core knows it: what it hears, and what is sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from ringline.engine.ports import RtpPlan
from ringline.testing.sounds import Heard, Sound


@dataclass(slots=True)
class Ear:
    """The audio side of one leg."""

    plan: RtpPlan | None = None
    "Nothing is heard before it is there."
    closed: bool = False
    heard: list[Heard] = field(default_factory=list)
    spoke_until: float = 0.0
    keys_sent: str = ""
    keys_until: float = 0.0
    key_timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _now: dict[Sound, Heard] = field(default_factory=dict)

    @property
    def sounds(self) -> Collection[Sound]:
        """What is heard at this moment."""
        return tuple(self._now)

    def hear(self, sounds: Collection[Sound], now: float, ended: Collection[Sound]) -> None:
        """From now on these sounds are heard, and no others; those in `ended` have come to their own end."""
        for sound, heard in list(self._now.items()):
            if sound not in sounds:
                heard.ended = now
                heard.finished = sound.finished or sound in ended
                del self._now[sound]
        for sound in sounds:
            if sound not in self._now:
                self._now[sound] = Heard(sound=sound, began=now, offset_s=sound.at(now))
                self.heard.append(self._now[sound])

    def drop_keys(self) -> None:
        """Keys that have not been sent yet never will be."""
        for timer in self.key_timers:
            timer.cancel()
        self.key_timers.clear()


def listening(ear: Ear | None) -> bool:
    """Whether audio flows to and from this leg."""
    return ear is not None and ear.plan is not None and not ear.closed
