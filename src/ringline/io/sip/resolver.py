"""Finding the servers of a SIP host (RFC 3263): addresses as they are, SRV records, then plain addresses."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import dns.asyncresolver
import dns.exception
from dns.rdtypes.IN.SRV import SRV

from ringline.base import get_log
from ringline.sip import Destination

log = get_log(__name__)
_MOST: Final = 8
_TIMEOUT_S: Final = 4.0
_TRANSPORTS: Final = ("udp", "tcp")

ServiceLookup = Callable[[str], Awaitable[list[tuple[str, int]]]]
AddressLookup = Callable[[str], Awaitable[list[str]]]


class SipResolver:
    """Turns a host into destinations to try in order."""

    def __init__(
        self,
        *,
        ipv6: bool = False,
        services: ServiceLookup | None = None,
        addresses: AddressLookup | None = None,
    ) -> None:
        """`services` (SRV) and `addresses` replace the system's name service, for tests."""
        self._ipv6 = ipv6
        self._services = services or _services
        self._addresses = addresses or _addresses

    async def resolve(self, host: str, port: int | None, transport: str | None) -> tuple[Destination, ...]:
        """The destinations to try, at most eight; empty when the name is unknown or the transport is not spoken.

        A port in the URI means that host and no other; without one SRV records decide, and 5060 is the fallback.
        """
        wanted = (transport or "").lower() or None
        if wanted is not None and wanted not in _TRANSPORTS:
            return ()
        host = host.strip("[]").rstrip(".")
        if (address := _literal(host)) is not None:
            return (Destination(wanted or "udp", address, port or 5060),)
        if port is not None:
            return await self._at(host, port, wanted or "udp")
        for each in (wanted,) if wanted else _TRANSPORTS:
            found: list[Destination] = []
            for target, service_port in (await self._services(f"_sip._{each}.{host}"))[:_MOST]:
                found += await self._at(target, service_port, each)
            if found:
                return tuple(found[:_MOST])
        return await self._at(host, 5060, wanted or "udp")

    async def _at(self, host: str, port: int, transport: str) -> tuple[Destination, ...]:
        if (address := _literal(host)) is not None:
            return (Destination(transport, address, port),)
        found = await self._addresses(host)
        usable = [each for each in found if ":" not in each or self._ipv6]
        return tuple(Destination(transport, each, port) for each in usable[:_MOST])


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


async def _services(name: str) -> list[tuple[str, int]]:
    """SRV targets in the order of RFC 2782: by priority, then at random by weight."""
    try:
        answer = await dns.asyncresolver.resolve(name, "SRV", lifetime=_TIMEOUT_S, raise_on_no_answer=False)
    except (dns.exception.DNSException, OSError) as error:
        log.debug("no SRV records", name=name, why=str(error))
        return []
    if answer.rrset is None:
        return []
    records = [record for record in answer.rrset.processing_order() if isinstance(record, SRV)]
    found = [(str(record.target).rstrip("."), int(record.port)) for record in records]
    # A lone root target says that the service is not there (RFC 2782).
    return [(target, port) for target, port in found if target and port]


async def _addresses(host: str) -> list[str]:
    """IPv4 first, then IPv6, as the system knows them: its hosts file counts."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        log.info("a host was not found", host=host, why=str(error) or "timeout")
        return []
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return sorted(addresses, key=lambda address: ":" in address)
