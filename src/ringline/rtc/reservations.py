"""Media that a client has opened and not yet called with: few of them, and not for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ringline.base import LegId

MOST_UNUSED: Final = 5
"Reservations of one session that no call uses yet."
UNUSED_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An open peer connection that belongs to no conversation."""

    leg: LegId
    session: str
    until: float
    "Monotonic."


class Reservations:
    """All of them."""

    def __init__(self) -> None:
        self._open: dict[LegId, Reservation] = {}

    def __len__(self) -> int:
        return len(self._open)

    def has_room(self, session: str) -> bool:
        """Whether the session may open one more."""
        return sum(one.session == session for one in self._open.values()) < MOST_UNUSED

    def add(self, leg: LegId, session: str, *, now: float) -> None:
        self._open[leg] = Reservation(leg=leg, session=session, until=now + UNUSED_S)

    def take(self, leg: LegId, session: str) -> bool:
        """A call begins with it; False when the session has no such one."""
        known = self._open.get(leg)
        if known is None or known.session != session:
            return False
        del self._open[leg]
        return True

    def drop(self, leg: LegId) -> bool:
        """It is not wanted any more; False when there is none."""
        return self._open.pop(leg, None) is not None

    def drop_of(self, session: str) -> Sequence[LegId]:
        """The session is over: give what it has left open."""
        gone = [one.leg for one in self._open.values() if one.session == session]
        for leg in gone:
            del self._open[leg]
        return gone

    def deadline(self) -> float | None:
        return min((one.until for one in self._open.values()), default=None)

    def overdue(self, now: float) -> Sequence[LegId]:
        """Those whose time is over; they are forgotten."""
        gone = [one.leg for one in self._open.values() if one.until <= now]
        for leg in gone:
            del self._open[leg]
        return gone
