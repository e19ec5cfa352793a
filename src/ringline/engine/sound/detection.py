"""Carries out machine detection: through the detector installed, or, without one, by taking everybody for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringline.base import EffectId, LegId
from ringline.calls.commands import Detect
from ringline.calls.events import BeepHeard, Event, MachineVerdict
from ringline.engine.ports import Detector

NO_DETECTOR = "no detector is installed: everybody is taken for a person"


class Detections:
    """Everything that is being listened to for a machine."""

    def __init__(
        self,
        detector: Detector | None,
        *,
        report: Callable[[Event], None],
        trace: Callable[[LegId, dict[str, Any]], None],
    ) -> None:
        self._detector = detector
        self._report = report
        self._trace = trace
        self._running: dict[EffectId, LegId] = {}

    @property
    def busy(self) -> int:
        return len(self._running)

    def start(self, command: Detect) -> None:
        """Listen to a leg."""
        leg, effect, beep = command.leg, command.effect, command.beep
        if self._detector is None and command.early:
            return  # said once, at the answer
        if self._detector is None:
            self._trace(leg, {"what": "detection", "text": NO_DETECTOR})
            self._report(MachineVerdict(effect=effect, leg=leg, verdict="human", why="there is no detector"))
            return
        if effect in self._running:
            self._detector.answered(effect)
            return
        self._running[effect] = leg

        def found(finding: MachineVerdict | BeepHeard) -> None:
            if effect not in self._running:
                return
            if isinstance(finding, BeepHeard) or finding.verdict != "machine" or not beep:
                del self._running[effect]
            self._report(finding)

        self._detector.detect(effect, leg, beep=beep, report=found, early=command.early, window_s=command.window_s)

    def stop(self, effect: EffectId) -> None:
        """Listen no longer."""
        if self._running.pop(effect, None) is not None and self._detector is not None:
            self._detector.stop(effect)

    def drop_owned_by(self, leg: LegId) -> None:
        """The leg has ended."""
        for effect in [effect for effect, owner in self._running.items() if owner == leg]:
            self.stop(effect)
