"""How many calls each trunk carries, so that none gets more than it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ringline.base import LegId
from ringline.routing import Trunk


class TrunkLoad:
    """Counts legs by trunk, both ways."""

    def __init__(self) -> None:
        self._trunk_of: dict[LegId, str] = {}
        self._calls: Counter[str] = Counter()

    def take(self, leg: LegId, trunk: Trunk, *, anyway: bool = False) -> bool:
        """Put a leg on a trunk; False when it is full, unless it has to be tried `anyway`."""
        self.free(leg)
        if not anyway and trunk.max_calls is not None and self._calls[trunk.name] >= trunk.max_calls:
            return False
        self._trunk_of[leg] = trunk.name
        self._calls[trunk.name] += 1
        return True

    def free(self, leg: LegId) -> None:
        """The leg has left its trunk, if it was on one."""
        name = self._trunk_of.pop(leg, None)
        if name is not None:
            self._calls[name] -= 1
            if not self._calls[name]:
                del self._calls[name]

    def calls(self) -> Mapping[str, int]:
        """Calls by trunk; trunks without any are left out."""
        return dict(self._calls)
