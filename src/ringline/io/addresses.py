"""Which addresses may be dialled when a stranger chose the URL: never metadata services, private ones on request only.

The check is made on the address that is really dialled. A name is resolved once and its answers are checked by
`CheckedResolver`; `checked_connector` looks once more at every socket just before it is opened, which also covers
literal addresses (aiohttp does not ask a resolver about those) and names whose answer changes between two look-ups.
"""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from aiohttp import AddrInfoType, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

Address = IPv4Address | IPv6Address

_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",  # link-local; AWS, GCP, Azure and most others answer at 169.254.169.254
        "fe80::/10",  # link-local
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's host agent
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS over IPv6
        "fd20:ce::/32",  # Google Cloud over IPv6
    )
)
_PRIVATE: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this host": Linux connects to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/127",  # unspecified and loopback
        "fc00::/7",  # unique local (RFC 4193)
        "fec0::/10",  # site-local, deprecated but still routed by some
        "ff00::/8",
    )
)
_EMBEDS_LAST_32_BITS: Final = tuple(
    IPv6Network(text)
    for text in (
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # local NAT64 (RFC 8215)
        "::/96",  # IPv4-compatible, deprecated
    )
)

_ISATAP: Final = 0x00005EFE
"The upper half of an interface id that ends with an IPv4 address (RFC 5214); the universal bit may be set."


class AddressRefused(OSError):
    """A URL led to an address that must not be dialled."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)  # aiohttp shows the text of errors that have a number


def check(ip: str, *, allow_private: bool) -> str | None:
    """Say why `ip` must not be dialled; None when it may be.

    `ip` is an address as the resolver gives it (IPv4 dotted, or IPv6 with an optional `%zone`). Link-local and cloud
    metadata addresses are always refused. Loopback, private, unique-local, shared (CGNAT), multicast, unspecified and
    reserved ones are refused unless `allow_private`. IPv6 forms that carry an IPv4 address are judged by that one too.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return f"{ip!r} is not an IP address"
    for candidate in _faces(address):
        if any(candidate in network for network in _NEVER):
            return f"{ip} is a link-local or metadata address"
        if not allow_private and (any(candidate in network for network in _PRIVATE) or not candidate.is_global):
            return f"{ip} is a loopback, private or reserved address"
    return None


def _faces(address: Address) -> tuple[Address, ...]:
    """Every address that packets for this one may end up at."""
    if isinstance(address, IPv4Address):
        return (address,)
    plain = IPv6Address(int(address))  # without the zone, which would hide it from the networks
    if int(plain) > 1:
        for network in _EMBEDS_LAST_32_BITS:
            if plain in network:
                # An embedded address is what counts; the wrapper itself is never a public address.
                return (IPv4Address(int(plain) & 0xFFFFFFFF),)
    if (inner := plain.sixtofour) is not None:
        return (plain, inner)
    if (teredo := plain.teredo) is not None:
        return (plain, *teredo)
    if (int(plain) >> 32) & 0xFDFFFFFF == _ISATAP:
        return (plain, IPv4Address(int(plain) & 0xFFFFFFFF))
    return (plain,)


class CheckedResolver(AbstractResolver):
    """Resolves names for aiohttp and keeps only the addresses that may be dialled.

    Raises from `resolve`:
        AddressRefused: the name has addresses, but none that may be dialled.
        OSError: the name cannot be resolved.
    """

    def __init__(self, *, allow_private: bool, inner: AbstractResolver | None = None) -> None:
        self._allow_private = allow_private
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        kept: list[ResolveResult] = []
        why = ""
        for result in found:
            refusal = check(result["host"], allow_private=self._allow_private)
            if refusal is None:
                kept.append(result)
            else:
                why = refusal
        if not kept and why:
            raise AddressRefused(f"{host}: {why}")
        return kept

    async def close(self) -> None:
        await self._inner.close()


def checked_connector(
    *, allow_private: bool, limit_per_host: int = 256, keepalive_timeout_s: float = 15.0
) -> TCPConnector:
    """Make an aiohttp connector that dials only addresses `check` allows. Call it inside a running event loop.

    Closing the connector (or the session that owns it) is all the cleaning up there is: the resolver holds nothing.
    """

    def open_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        refusal = check(str(address[0]), allow_private=allow_private)
        if refusal is not None:
            raise AddressRefused(refusal)
        return socket.socket(family=family, type=kind, proto=protocol)

    return TCPConnector(
        resolver=CheckedResolver(allow_private=allow_private),
        socket_factory=open_socket,
        limit=0,
        limit_per_host=limit_per_host,
        keepalive_timeout=keepalive_timeout_s,
        ttl_dns_cache=10,
    )
