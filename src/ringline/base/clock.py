"""Time, handed in. `now` is seconds on one monotonic clock, `wallclock` is an aware UTC datetime."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks: what a core is told with every event."""

    now: float
    "Seconds on the monotonic clock."
    wallclock: datetime
    "The same moment as people write it, in UTC."


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> float:
        """Seconds on one monotonic clock."""
        ...

    def wallclock(self) -> datetime:
        """The time of day in UTC."""
        ...

    def instant(self) -> Instant:
        """Both at once."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wallclock(self) -> datetime:
        return datetime.now(UTC)

    def instant(self) -> Instant:
        return Instant(time.monotonic(), datetime.now(UTC))


def iso_ms(moment: datetime) -> str:
    """Write a time as webhooks and REST do: `2026-03-02T09:15:30.120Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_s(moment: datetime) -> str:
    """Write a time in whole seconds, without fraction: `2026-03-02T09:15:30Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
