"""Token buckets: how much of something an application may do per second."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ringline.base import Clock

_MOST_KEYS: Final = 10_000


class RateLimit:
    """One bucket per key, holding one second's worth; 0 per second is no limit."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._rate = per_second
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Take one token; False when there is none."""
        if self._rate <= 0:
            return True
        now = self._clock.now()
        full = max(1.0, self._rate)
        tokens, then = self._buckets.pop(key, (full, now))
        tokens = min(full, tokens + (now - then) * self._rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return allowed
