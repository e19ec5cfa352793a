"""Finding the servers of a SIP host (RFC 3263): NAPTR, SRV, then plain addresses."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from ringline.base import get_log
from ringline.sip import Destination

log = get_log(__name__)
_MOST: Final = 8
_TIMEOUT_S: Final = 4.0
_PORTS: Final = {"tls": 5061}
_NAPTR: Final = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_SERVICES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}

ServiceLookup = Callable[[str], Awaitable[list[tuple[str, int]]]]
AddressLookup = Callable[[str], Awaitable[list[str]]]
PointerLookup = Callable[[str], Awaitable[list[tuple[str, str]]]]


class SipResolver:
    """Turns a host into destinations to try in order."""

    def __init__(
        self,
        *,
        ipv6: bool = False,
        transports: Sequence[str] = ("udp", "tcp"),
        services: ServiceLookup | None = None,
        addresses: AddressLookup | None = None,
        pointers: PointerLookup | None = None,
    ) -> None:
        """`transports` are those we speak, the preferred first. `pointers` (NAPTR: service and replacement, in order),
        `services` (SRV) and `addresses` replace the system's name service, for tests.
        """
        self._ipv6 = ipv6
        self._transports = tuple(transports)
        self._services = services or _services
        self._addresses = addresses or _addresses
        self._pointers = pointers or (_pointers if services is None else _no_pointers)

    async def resolve(self, host: str, port: int | None, transport: str | None) -> tuple[Destination, ...]:
        """The destinations to try, at most eight; empty when the name is unknown or the transport is not spoken.

        A transport in the URI is used, a port means that host and no other (RFC 3263 section 4). Without both, NAPTR
        records say which transports there are, SRV records where; without SRV it is the host itself at its usual port.
        """
        wanted = (transport or "").lower() or None
        if wanted is not None and wanted not in self._transports:
            return ()
        usual = wanted or self._transports[0]
        host = host.strip("[]").rstrip(".")
        if (address := _literal(host)) is not None:
            return (Destination(usual, address, port or _port(usual)),)
        # A name without a dot is one of this machine's or its network's, not of the name service's.
        if port is None and "." in host:
            for targets, each in await self._located(host, wanted):
                found: list[Destination] = []
                for target, service_port in targets[:_MOST]:
                    found += await self._at(target, service_port, each, asked=host)
                if found:
                    return tuple(found[:_MOST])
        return await self._at(host, port or _port(usual), usual, asked=host)

    async def _located(self, host: str, wanted: str | None) -> list[tuple[list[tuple[str, int]], str]]:
        """What SRV says, with the transport each answer is about, in the order NAPTR gives, else our own."""
        if wanted is not None:
            ours = [wanted]
        else:  # a name without NAPTR is not asked for TLS: that would be our wish, not the owner's
            ours = [each for each in self._transports if each in _SERVICES and each != "tls"]
        names = {each: f"{_SERVICES[each]}.{host}" for each in ours if each in _SERVICES}
        # All at once: a name service that does not answer is waited for a single time.
        pointers, found = await asyncio.gather(
            self._pointers(host) if wanted is None else _no_pointers(host),
            asyncio.gather(*(self._services(name) for name in names.values())),
        )
        answers = dict(zip(names.values(), found, strict=True))
        pointed = [(replacement, _NAPTR[service]) for service, replacement in pointers[:_MOST] if service in _NAPTR]
        pointed = [(name, each) for name, each in pointed if each in self._transports]
        located = []
        for name, each in pointed or [(name, each) for each, name in names.items()]:
            known = answers.get(name)
            located.append((known if known is not None else await self._services(name), each))
        return located

    async def _at(self, host: str, port: int, transport: str, *, asked: str) -> tuple[Destination, ...]:
        found = [address] if (address := _literal(host)) is not None else await self._addresses(host)
        usable = [each for each in found if ":" not in each or self._ipv6]
        # Whoever answers must be who was asked for: the name in the URI, not the one DNS led to (RFC 5922 section 7.1).
        name = asked.lower() if transport == "tls" else ""
        return tuple(Destination(transport, each, port, name) for each in usable[:_MOST])


async def _no_pointers(_host: str) -> list[tuple[str, str]]:
    return []


def _port(transport: str) -> int:
    return _PORTS.get(transport, 5060)


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


async def _pointers(host: str) -> list[tuple[str, str]]:
    """NAPTR records of flag `s` in their order: service and the name of the SRV record (RFC 3263 section 4.1)."""
    try:
        answer = await dns.asyncresolver.resolve(host, "NAPTR", lifetime=_TIMEOUT_S, raise_on_no_answer=False)
    except (dns.exception.DNSException, OSError) as error:
        log.debug("no NAPTR records", name=host, why=str(error))
        return []
    records = [record for record in answer.rrset or () if isinstance(record, NAPTR)]
    records.sort(key=lambda record: (record.order, record.preference))
    return [
        (record.service.decode("ascii", "replace").upper(), str(record.replacement).rstrip("."))
        for record in records
        if record.flags.lower() == b"s"
    ]


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
