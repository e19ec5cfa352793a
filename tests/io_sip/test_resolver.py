"""Finding servers (RFC 3263), with a name service of paper."""

from __future__ import annotations

import asyncio

import pytest

from ringline.io.sip import SipResolver
from ringline.sip import Destination

SERVICES = {
    "_sip._udp.example.com": [("sip1.example.com", 5070), ("sip2.example.com", 5060)],
    "_sip._tcp.example.com": [("sip1.example.com", 5071)],
    "_sip._udp.broken.example": [("nowhere.example", 5060)],
    "_sip._udp.many.example": [(f"192.0.2.{number}", 5060) for number in range(100)],
}
ADDRESSES = {
    "sip1.example.com": ["192.0.2.1", "2001:db8::1"],
    "sip2.example.com": ["192.0.2.2", "192.0.2.3"],
    "example.com": ["192.0.2.9"],
    "broken.example": ["192.0.2.8"],
    "pbx": ["10.0.0.5"],
}


async def services(name: str) -> list[tuple[str, int]]:
    return SERVICES.get(name, [])


async def addresses(host: str) -> list[str]:
    return ADDRESSES.get(host, [])


def udp(host: str, port: int = 5060) -> Destination:
    return Destination("udp", host, port)


@pytest.mark.parametrize(
    ("host", "port", "transport", "found"),
    [
        ("192.0.2.77", None, None, [udp("192.0.2.77")]),
        ("192.0.2.77", 5090, "TCP", [Destination("tcp", "192.0.2.77", 5090)]),
        ("[2001:db8::7]", None, None, [udp("2001:db8::7")]),
        ("example.com", None, None, [udp("192.0.2.1", 5070), udp("192.0.2.2"), udp("192.0.2.3")]),
        ("example.com.", None, "tcp", [Destination("tcp", "192.0.2.1", 5071)]),
        ("example.com", 5062, None, [udp("192.0.2.9", 5062)]),
        ("broken.example", None, None, [udp("192.0.2.8")]),
        ("pbx", None, None, [udp("10.0.0.5")]),
        ("unknown.example", None, None, []),
        ("example.com", None, "tls", []),
    ],
)
def test_where_calls_go(host: str, port: int | None, transport: str | None, found: list[Destination]) -> None:
    resolver = SipResolver(services=services, addresses=addresses)
    assert list(asyncio.run(resolver.resolve(host, port, transport))) == found


def test_ipv6_addresses_count_where_they_can_be_reached() -> None:
    resolver = SipResolver(ipv6=True, services=services, addresses=addresses)
    found = asyncio.run(resolver.resolve("sip1.example.com", 5060, None))
    assert found == (udp("192.0.2.1"), udp("2001:db8::1"))


def test_no_name_leads_to_more_than_eight_attempts() -> None:
    resolver = SipResolver(services=services, addresses=addresses)
    assert len(asyncio.run(resolver.resolve("many.example", None, None))) == 8


def test_the_hosts_file_counts() -> None:
    async def none(_name: str) -> list[tuple[str, int]]:
        return []

    found = asyncio.run(SipResolver(services=none).resolve("localhost", 5060, "tcp"))
    assert found == (Destination("tcp", "127.0.0.1", 5060),)
