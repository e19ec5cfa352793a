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
def test_a_host_is_looked_up_by_naptr_srv_and_address_as_the_rfc_says(
    host: str, port: int | None, transport: str | None, found: list[Destination]
) -> None:
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


# ── NAPTR (RFC 3263 section 4.1) ───────────────────────────────────────────────────────────────────────────────────

POINTERS = {
    "tcp-first.example": [
        ("SIPS+D2T", "_sips._tcp.tcp-first.example"),
        ("SIP+D2T", "_sip._tcp.example.com"),
        ("SIP+D2U", "_sip._udp.example.com"),
    ],
    "elsewhere.example": [("SIP+D2U", "_sip._udp.example.com")],
    "strange.example": [("SIP+D2S", "_sip._sctp.strange.example"), ("E2U+sip", "x")],
    "dead-end.example": [("SIP+D2U", "_sip._udp.broken.example"), ("SIP+D2T", "_sip._tcp.example.com")],
}


async def pointers(host: str) -> list[tuple[str, str]]:
    return POINTERS.get(host, [])


@pytest.mark.parametrize(
    ("host", "transport", "found"),
    [
        pytest.param("tcp-first.example", None, [Destination("tcp", "192.0.2.1", 5071)], id="the order is theirs"),
        pytest.param("tcp-first.example", "udp", [], id="a transport in the URI passes NAPTR over"),
        pytest.param("elsewhere.example", None, [udp("192.0.2.1", 5070), udp("192.0.2.2"), udp("192.0.2.3")], id="srv"),
        pytest.param("strange.example", None, [], id="services nobody speaks"),
        pytest.param("dead-end.example", None, [Destination("tcp", "192.0.2.1", 5071)], id="the next record"),
    ],
)
def test_naptr_says_which_transports_there_are(host: str, transport: str | None, found: list[Destination]) -> None:
    resolver = SipResolver(services=services, addresses=addresses, pointers=pointers)
    assert list(asyncio.run(resolver.resolve(host, None, transport))) == found


def test_tls_is_found_where_it_is_spoken() -> None:
    async def secure(name: str) -> list[tuple[str, int]]:
        return [("sip1.example.com", 5061)] if name == "_sips._tcp.tcp-first.example" else []

    resolver = SipResolver(transports=("udp", "tcp", "tls"), services=secure, addresses=addresses, pointers=pointers)

    def tls(name: str) -> tuple[Destination, ...]:
        return (Destination("tls", "192.0.2.1", 5061, name),)  # the name asked for, not the one DNS led to

    assert asyncio.run(resolver.resolve("tcp-first.example", None, None)) == tls("tcp-first.example")
    assert asyncio.run(resolver.resolve("sip1.example.com", None, "tls")) == tls("sip1.example.com")
    assert asyncio.run(resolver.resolve("192.0.2.1", None, "tls")) == tls("")


def test_a_name_without_a_dot_is_not_asked_of_the_name_service() -> None:
    async def never(name: str) -> list[tuple[str, int]]:
        raise AssertionError(name)

    assert asyncio.run(SipResolver(services=never, addresses=addresses).resolve("pbx", None, None)) == (
        udp("10.0.0.5"),
    )
