"""Addresses and networks, and whose a source address is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Generic, TypeVar

_T = TypeVar("_T")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_address(text: str) -> Address | None:
    """Read a source address; IPv4 inside IPv6 is the IPv4 address, a zone (`%eth0`) is left out. None: it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def read_network(text: str) -> Network:
    """Read an address or a network with its prefix length.

    Raises:
        ValueError: it is neither, or has bits set behind its prefix (`10.0.0.1/8`: which one is meant?).
    """
    return ipaddress.ip_network(text.strip())


class NetworkTable(Generic[_T]):
    """Finds whose a source address is: the longest prefix wins, then the first named."""

    def __init__(self, entries: Iterable[tuple[str, _T]]) -> None:
        """Take (network, owner) pairs.

        Raises:
            ValueError: a network is none.
        """
        read = [(read_network(text), owner) for text, owner in entries]
        self._entries = sorted(read, key=lambda entry: -entry[0].prefixlen)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def find(self, address: Address) -> _T | None:
        for network, owner in self._entries:
            if address in network:
                return owner
        return None
