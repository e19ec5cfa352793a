"""Host names in routes and contacts: asked of the owner, remembered for a while, and never waited for too long."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ringline.agent.agenda import Agenda, Alarm
from ringline.agent.events import AgentEvent, Lookup
from ringline.sip import Destination, Uri

_REMEMBERED_S: Final = 60.0
_PATIENCE_S: Final = 8.0
_MOST_NAMES: Final = 1000
_MOST_WAITING: Final = 10_000

Found = Callable[[tuple[Destination, ...], float], None]


@dataclass(slots=True)
class _Asked:
    alarm: Alarm
    waiting: list[Found] = field(default_factory=list)


class Names:
    """Turns the host of a URI into destinations (RFC 3263); the look-up itself is the owner's."""

    def __init__(self, agenda: Agenda, emit: Callable[[AgentEvent], None]) -> None:
        self._agenda = agenda
        self._emit = emit
        self._known: OrderedDict[Lookup, tuple[float, tuple[Destination, ...]]] = OrderedDict()
        self._asked: dict[Lookup, _Asked] = {}
        self._waiting = 0

    def find(self, uri: Uri, use: Found, now: float) -> None:
        """Have `use(destinations, now)` called: at once for an address or a name asked a moment ago, else later.

        No destinations: the name is unknown, or the answer did not come in time.
        """
        transport = "tls" if uri.scheme == "sips" else uri.transport
        if (host := literal(uri.host)) is not None:
            use((Destination(transport or "udp", host, uri.port or default_port(transport)),), now)
            return
        lookup = Lookup(host=uri.host.lower().rstrip("."), port=uri.port, transport=transport)
        known = self._known.get(lookup)
        if known is not None and known[0] > now:
            use(known[1], now)
            return
        if self._waiting >= _MOST_WAITING:
            use((), now)
            return
        asked = self._asked.get(lookup)
        if asked is None:
            alarm = self._agenda.at(now + _PATIENCE_S, lambda at: self.answer(lookup, (), at))
            asked = self._asked[lookup] = _Asked(alarm)
            self._emit(lookup)
        asked.waiting.append(use)
        self._waiting += 1

    def answer(self, lookup: Lookup, found: tuple[Destination, ...], now: float) -> None:
        """The owner knows: whoever waits goes on, in order."""
        asked = self._asked.pop(lookup, None)
        if asked is None:
            return
        asked.alarm.cancel()
        self._known[lookup] = (now + _REMEMBERED_S, found)
        self._known.move_to_end(lookup)
        while len(self._known) > _MOST_NAMES:
            self._known.popitem(last=False)
        self._waiting -= len(asked.waiting)
        for use in asked.waiting:
            use(found, now)


@lru_cache(maxsize=1024)
def literal(host: str) -> str | None:
    """The host as an address; None when it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def default_port(transport: str | None) -> int:
    """The port of a URI that names none."""
    return 5061 if transport == "tls" else 5060
