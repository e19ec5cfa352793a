"""Telling machines from people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard, MachineVerdict

Finding = MachineVerdict | BeepHeard


class Detector(Protocol):
    """Listens to a leg that has just been answered, and tells whether a person or a machine is there."""

    def detect(self, effect: EffectId, leg: LegId, *, beep: bool, report: Callable[[Finding], None]) -> None:
        """Listen from now on, and report one `MachineVerdict` within 5 s of audio; undecided is `human`.

        With `beep` a machine is listened to further, for as long as it takes, and one `BeepHeard` is reported when its
        tone is over. Both carry `effect` and `leg`. `report` is called on the event loop, and may be called before this
        returns; that the detector cannot work at all is reported as `human`, with the reason in `why`.
        """
        ...

    def stop(self, effect: EffectId) -> None:
        """Listen no longer; nothing is reported any more. An effect that is through is no news."""
        ...
