"""Requests that are too long for a datagram go over TCP, where that is spoken (RFC 3261 section 18.1.1)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ringline.agent.reach import Target
from ringline.sip import Destination, Request

LONGEST_DATAGRAM: Final = 1300
"Bytes of a request; longer ones might be fragmented on their way, and lost as a whole with one fragment."
_REMEMBERED_S: Final = 600.0
_MOST_HOSTS: Final = 1000


class Widths:
    """Says when a request should change over, and remembers who takes no TCP."""

    def __init__(self, *, speaks_tcp: bool) -> None:
        self._speaks_tcp = speaks_tcp
        self._without: OrderedDict[tuple[str, int], float] = OrderedDict()

    def wider(self, request: Request, target: Target, now: float) -> Destination | None:
        """Where a request that is ready to leave for `target` should go instead; None: it may go as it is."""
        if not self._speaks_tcp or target.transport != "udp" or not isinstance(target, Destination):
            return None
        if self._without.get(target.remote, now) > now or len(bytes(request)) <= LONGEST_DATAGRAM:
            return None
        return Destination("tcp", target.host, target.port)

    def refused(self, target: Target, now: float) -> None:
        """There is no TCP at this address: long requests go there by UDP after all, for a while."""
        self._without[target.remote] = now + _REMEMBERED_S
        self._without.move_to_end(target.remote)
        while len(self._without) > _MOST_HOSTS:
            self._without.popitem(last=False)
