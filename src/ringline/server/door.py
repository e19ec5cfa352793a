"""Who may be connected by HTTP, and for how long without asking anything: slow and silent ones are shown out."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from ringline.base import get_log

log = get_log(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one stranger, and all together, may hold open. Sockets of clients are counted elsewhere (`shares.py`)."""

    connections: int = 4000
    per_source: int = 1000
    "One address, or one network of 64 bits (IPv6). A proxy in front of us is one source, too."
    handshake_s: float = 10.0
    "How long a TLS handshake may take."
    head_s: float = 15.0
    "How long a new connection may say nothing, and how long the head of a request may take."
    idle_s: int = 5
    "How long a connection is kept after an answer."
    body_s: float = 30.0
    "How long the body of a request may take, and longer by its length:"
    body_bytes_per_s: int = 1024
    unread_s: float = 60.0
    "How long somebody may leave an answer lying without reading any of it."


class Visitor(Protocol):
    """A connection, as the door sees it."""

    @property
    def source(self) -> str:
        """Its far end's address."""
        ...

    def overdue(self, now: float) -> str | None:
        """Why it is to be ended, if it is."""
        ...

    def end(self, why: str) -> None:
        """End it; with an answer, where there is somebody to understand it."""
        ...

    def drop(self) -> None:
        """End it at once and without a word."""
        ...


class Door:
    """Counts the connections of all ports, in all and by their sources.

    When there are too many, the one that has been silent for longest goes; a new one is refused only where none is.
    So neither idle connections nor requests that never end keep others out.
    """

    def __init__(self, limits: HttpLimits | None = None) -> None:
        self.limits = limits or HttpLimits()
        self._inside: dict[Visitor, str] = {}
        self._per_source: dict[str, int] = {}
        self._waiting: dict[Visitor, None] = {}
        "Those who ask nothing at the moment, in the order in which they began to."
        self._waiting_by_source: dict[str, dict[Visitor, None]] = {}
        self._full = False

    def __len__(self) -> int:
        return len(self._inside)

    def admit(self, visitor: Visitor) -> bool:
        """Let a new connection in; False: it has to go."""
        source = _network(visitor.source)
        if self._per_source.get(source, 0) >= self.limits.per_source and not self._make_room(
            self._waiting_by_source.get(source, {}), source
        ):
            return False
        if len(self._inside) >= self.limits.connections and not self._make_room(self._waiting, source):
            return False
        self._inside[visitor] = source
        self._per_source[source] = self._per_source.get(source, 0) + 1
        self.waits(visitor)
        return True

    def leave(self, visitor: Visitor) -> None:
        """It is gone, or something else than HTTP from now on. Says nothing of one that is not here."""
        source = self._inside.pop(visitor, None)
        if source is None:
            return
        self._forget(visitor, source)
        left = self._per_source[source] - 1
        if left > 0:
            self._per_source[source] = left
        else:
            del self._per_source[source]
        if len(self._inside) <= self.limits.connections // 2:
            self._full = False

    def waits(self, visitor: Visitor) -> None:
        """It asks nothing, or has begun to and does not come to the point."""
        source = self._inside.get(visitor)
        if source is not None:
            self._waiting.setdefault(visitor)
            self._waiting_by_source.setdefault(source, {}).setdefault(visitor)

    def asks(self, visitor: Visitor) -> None:
        """It has a request under way."""
        source = self._inside.get(visitor)
        if source is not None:
            self._forget(visitor, source)

    def sweep(self, now: float) -> None:
        """Show those out who take too long. Call it about once a second."""
        for visitor in list(self._inside):
            why = visitor.overdue(now)
            if why is not None:
                log.debug("an HTTP connection was closed", host=visitor.source, why=why)
                visitor.end(why)

    def close(self) -> None:
        """End what is left."""
        for visitor in list(self._inside):
            visitor.drop()
            self.leave(visitor)

    def _make_room(self, waiting: dict[Visitor, None], source: str) -> bool:
        """Let the longest silent of these go; False: all of them are busy."""
        if not self._full:  # told once, and again only after it was half empty
            self._full = True
            log.warning("too many HTTP connections: the silent ones have to go", host=source, open=len(self._inside))
        oldest = next(iter(waiting), None)
        if oldest is None:
            return False
        oldest.drop()
        self.leave(oldest)
        return True

    def _forget(self, visitor: Visitor, source: str) -> None:
        self._waiting.pop(visitor, None)
        of_source = self._waiting_by_source.get(source)
        if of_source is not None:
            of_source.pop(visitor, None)
            if not of_source:
                del self._waiting_by_source[source]


def _network(address: str) -> str:
    """What one stranger has: an IPv4 address, or the IPv6 network that everybody is given whole."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
