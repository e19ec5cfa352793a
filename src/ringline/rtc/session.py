"""One logged-in client: who it is, whether its socket is there, and the events it has not confirmed yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ringline.base import ApplicationId
from ringline.rtc import packets

MOST_KEPT: Final = 500
"Events kept for a client whose socket is away, or that does not confirm them; with more its session is over."


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user whose session it is."""

    application: ApplicationId
    user: str
    "`USR-` and a UUID."
    name: str
    display_name: str | None = None


@dataclass(slots=True)
class _Kept:
    number: int
    name: str
    payload: Mapping[str, Any]
    sent: bool


@dataclass(slots=True, kw_only=True)
class Session:
    """A session; changed by `Sessions` only."""

    id: str
    owner: Owner
    expires: float
    "When its token ends, in seconds since 1970."
    channel: int | None = None
    "The socket it has now."
    away_until: float | None = None
    "Without a socket it is over then; monotonic."
    confirms: bool = False
    "The client acknowledges events that ask for it."
    _kept: deque[_Kept] = field(default_factory=deque)
    _last: int = 0

    @property
    def kept(self) -> int:
        """How many events it has not confirmed, or could not be sent."""
        return len(self._kept)

    @property
    def overfull(self) -> bool:
        """Too many wait: nobody can be told everything any more."""
        return len(self._kept) > MOST_KEPT

    def tell(self, name: str, payload: Mapping[str, Any]) -> str | None:
        """Take an event for the client; give the frame if it can be sent now.

        A client that confirms has it kept until it does; else it is kept only while there is no socket.
        """
        self._last += 1
        here = self.channel is not None
        if self.confirms or not here:
            self._kept.append(_Kept(self._last, name, payload, here))
        if not here:
            return None
        return packets.event(name, payload, self._last if self.confirms else None)

    def confirmed(self, number: int) -> None:
        """The client has this event; those before it came by the same socket, so it has them, too."""
        while self._kept and self._kept[0].sent and self._kept[0].number <= number:
            self._kept.popleft()

    def missed(self) -> list[str]:
        """What it gets once it is back, in order: what was not sent, and what was sent and never confirmed."""
        frames = [packets.event(one.name, one.payload, one.number if self.confirms else None) for one in self._kept]
        if self.confirms:
            for one in self._kept:
                one.sent = True
        else:
            self._kept.clear()
        return frames
