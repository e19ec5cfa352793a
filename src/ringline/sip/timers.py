"""The times of RFC 3261 section 17 and its table 4, and a small set of running timers."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.sip.table import Input


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Base times in seconds; the rest follows from them."""

    t1: float = 0.5
    "Estimate of the round trip."
    t2: float = 4.0
    "Longest pause between repeats."
    t4: float = 5.0
    "How long a message may live in the network."
    d: float = 32.0
    "How long an INVITE client stays to answer repeats of a failure."

    @property
    def patience(self) -> float:
        """64*T1: how long a request or answer is tried."""
        return 64 * self.t1


class Running:
    """The timers of one transaction: at most one of each letter."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due: dict[Input, float] = {}

    def start(self, timer: Input, when: float) -> None:
        self._due[timer] = when

    def stop(self, *timers: Input) -> None:
        for timer in timers:
            self._due.pop(timer, None)

    def clear(self) -> None:
        self._due.clear()

    def deadline(self) -> float | None:
        return min(self._due.values(), default=None)

    def take(self, now: float) -> Input | None:
        """Take out the earliest timer that is due."""
        if not self._due:
            return None
        timer = min(self._due, key=lambda name: self._due[name])
        if self._due[timer] > now:
            return None
        del self._due[timer]
        return timer
