"""The first door, before anything is read: so many messages a second from one source, and from all strangers together.

A token bucket per source: it fills at a steady rate, each message takes one out, and what finds it empty is dropped
unread. That costs a look-up and a subtraction, whatever the message holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ringline.agent.guard import source_of

_REMEMBERED: Final = 10_000
_TRUST_S: Final = 10.0
_PROVED_S: Final = 3900.0
"Longer than the longest registration: a phone that renews it in time stays known."


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float
    trusted: bool
    asked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """How fast a source without a name may talk to us."""

    per_second: float = 50.0
    "Messages of one source, in the long run."
    burst: float = 300.0
    "Messages of one source, at once."
    strangers_per_second: float = 300.0
    "Of all such sources together."
    strangers_burst: float = 1000.0


class Flood:
    """Says whether a message is read at all. Sources that are trusted, or proved who they are, are not counted."""

    def __init__(self, limits: FloodLimits, trusts: Callable[[str], bool]) -> None:
        self.dropped = 0
        self._limits = limits
        self._trusts = trusts
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = limits.strangers_burst
        self._all_at = float("-inf")

    def passes(self, host: str, *, now: float, price: float = 1.0) -> bool:
        """Take one message of a source; `price` is higher for those who misbehaved."""
        bucket = self._bucket(host, now)
        if bucket.trusted:
            return True
        limits = self._limits
        bucket.level = min(limits.burst, bucket.level + (now - bucket.at) * limits.per_second)
        bucket.at = now
        self._all = min(limits.strangers_burst, self._all + max(0.0, now - self._all_at) * limits.strangers_per_second)
        self._all_at = now
        if bucket.level < price or self._all < 1.0:
            self.dropped += 1
            return False
        bucket.level -= price
        self._all -= 1.0
        return True

    def proved(self, host: str, *, now: float) -> None:
        """Somebody there knew a password: a whole office may sit behind that address."""
        bucket = self._bucket(host, now)
        bucket.trusted, bucket.asked_at = True, now + _PROVED_S

    def __len__(self) -> int:
        return len(self._buckets)

    def _bucket(self, host: str, now: float) -> _Bucket:
        source = host if ":" not in host else source_of(host)
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = _Bucket(self._limits.burst, now, self._trusts(host), now)
            while len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(source)
        if now - bucket.asked_at > _TRUST_S:
            bucket.trusted, bucket.asked_at = self._trusts(host), now
        return bucket
