"""Our own addresses: which one others are shown depends on where they are (an inner network, the world, IPv6)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One address of ours, and for whom it counts."""

    sip_host: str
    "Stands in Via and Contact."
    networks: tuple[str, ...] = ()
    "Where those are who see us there; empty for the place that counts for everybody else."
    media_host: str | None = None
    "The address in SDP; None: that of everybody else."
    bind: str | None = None
    "The local address that requests to them leave from; None: the system's choice."


class Places:
    """Finds the place for a far end: the longest matching network, else the usual one."""

    def __init__(self, usual: Place, others: Sequence[Place] = ()) -> None:
        """Take the places.

        Raises:
            ValueError: a network is none.
        """
        self.usual = usual
        self.others = tuple(others)
        networks = [(ipaddress.ip_network(text), place) for place in others for text in place.networks]
        self._networks = sorted(networks, key=lambda entry: -entry[0].prefixlen)
        self._known: dict[str, Place] = {}

    def of(self, remote: str) -> Place:
        """The place that the far end at this address sees us at."""
        if not self._networks:
            return self.usual
        place = self._known.get(remote)
        if place is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            place = self._known[remote] = self._find(remote)
        return place

    def _find(self, remote: str) -> Place:
        try:
            address = ipaddress.ip_address(remote.partition("%")[0])
        except ValueError:
            return self.usual
        for network, place in self._networks:
            if address.version == network.version and address in network:
                return place
        return self.usual
