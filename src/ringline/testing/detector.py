"""Machine detection of a test: what the detector finds is what the phone was told to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard, MachineVerdict
from ringline.engine.ports.detection import Finding

PERSON_AFTER_S: Final = 1.0
"A phone that was not told to be anything is a person, recognised so long after it is listened to."


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """Who holds a phone, and when the detector is sure."""

    machine: bool = False
    after_s: float | None = PERSON_AFTER_S
    "None: the detector never says anything."
    beep_after_s: float | None = None
    "From the moment it is listened to; None: no beep comes."


class ScriptedDetector:
    """`Detector` in virtual time."""

    def __init__(self, nature_of: Callable[[LegId], Nature]) -> None:
        self._nature_of = nature_of
        self._timers: dict[EffectId, list[asyncio.TimerHandle]] = {}
        self.listened_to: list[LegId] = []
        "Every leg that was listened to, in order."
        self.early: list[LegId] = []
        "Those that were listened to before they were answered."
        self._waiting: dict[EffectId, Callable[[], None]] = {}

    def detect(
        self,
        effect: EffectId,
        leg: LegId,
        *,
        beep: bool,
        report: Callable[[MachineVerdict | BeepHeard], None],
        early: bool = False,
        window_s: float = 4.5,
    ) -> None:
        self.listened_to.append(leg)
        if early:
            self.early.append(leg)
            self._waiting[effect] = lambda: self._begin(effect, leg, beep=beep, report=report)
        else:
            self._begin(effect, leg, beep=beep, report=report)

    def answered(self, effect: EffectId) -> None:
        if (begin := self._waiting.pop(effect, None)) is not None:
            begin()

    def _begin(
        self, effect: EffectId, leg: LegId, *, beep: bool, report: Callable[[MachineVerdict | BeepHeard], None]
    ) -> None:
        nature = self._nature_of(leg)
        loop = asyncio.get_running_loop()
        timers = self._timers[effect] = []

        def find(finding: Finding, *, last: bool) -> None:
            if last:
                self.stop(effect)
            report(finding)

        hears_beep = beep and nature.machine and nature.beep_after_s is not None
        if nature.after_s is not None:
            verdict = MachineVerdict(effect=effect, leg=leg, verdict="machine" if nature.machine else "human")
            last = not (beep and nature.machine)
            timers.append(loop.call_later(nature.after_s, lambda: find(verdict, last=last)))
        if hears_beep and nature.beep_after_s is not None:
            tone = BeepHeard(effect=effect, leg=leg)
            timers.append(loop.call_later(nature.beep_after_s, lambda: find(tone, last=True)))

    def stop(self, effect: EffectId) -> None:
        self._waiting.pop(effect, None)
        for timer in self._timers.pop(effect, ()):
            timer.cancel()

    def leftovers(self) -> list[str]:
        """What is still listened for."""
        return [f"detection {effect} runs" for effect in (*self._timers, *self._waiting)]
