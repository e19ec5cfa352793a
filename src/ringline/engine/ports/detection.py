"""Telling machines from people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard, MachineVerdict

Finding = MachineVerdict | BeepHeard


class Detector(Protocol):
    """Listens to a leg that has just been answered, and tells whether a person or a machine is there."""

    def detect(
        self,
        effect: EffectId,
        leg: LegId,
        *,
        beep: bool,
        report: Callable[[Finding], None],
        early: bool = False,
        window_s: float = 4.5,
    ) -> None:
        """Listen from now on, and report one `MachineVerdict` within `window_s` of audio; undecided is `human`.

        With `early` the leg is not answered yet: nothing is reported before `answered`, from which the window counts.

        With `beep` a machine is listened to further, for as long as it takes, and one `BeepHeard` is reported when its
        tone is over. Both carry `effect` and `leg`. `report` is called on the event loop, and may be called before this
        returns; that the detector cannot work at all is reported as `human`, with the reason in `why`.
        """
        ...

    def answered(self, effect: EffectId) -> None:
        """The leg of an early detection is answered now."""
        ...

    def stop(self, effect: EffectId) -> None:
        """Listen no longer; nothing is reported any more. An effect that is through is no news."""
        ...
