"""Which addresses may be dialled."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientConnectorError, ClientSession
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from ringline.io.addresses import AddressRefused, CheckedResolver, check, checked_connector

METADATA = [
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "2606:4700:0:0:0:5efe:169.254.169.254",
    "2606:4700:0:0:200:5efe:a9fe:a9fe",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:0a00:0001::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("ip", METADATA)
@pytest.mark.parametrize("allow_private", [False, True])
def test_metadata_and_link_local_addresses_are_never_dialled(ip: str, allow_private: bool) -> None:
    assert check(ip, allow_private=allow_private) is not None


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_are_dialled_only_on_request(ip: str) -> None:
    assert check(ip, allow_private=False) is not None
    assert check(ip, allow_private=True) is None


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_are_dialled(ip: str) -> None:
    assert check(ip, allow_private=False) is None


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0177.0.0.1", "127.1", "1.2.3.4.5"])
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert check(text, allow_private=True) is not None


@given(st.ip_addresses(v=4))
def test_an_address_mapped_into_ipv6_is_judged_like_itself(address: object) -> None:
    for allow in (False, True):
        plain = check(str(address), allow_private=allow)
        mapped = check(f"::ffff:{address}", allow_private=allow)
        assert (plain is None) == (mapped is None)


class FixedResolver(AbstractResolver):
    """A resolver that knows one answer."""

    def __init__(self, *answers: str) -> None:
        self.answers = answers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=answer, port=port, family=family, proto=0, flags=0)
            for answer in self.answers
        ]

    async def close(self) -> None:
        return None


def test_a_name_that_resolves_to_private_addresses_only_is_refused() -> None:
    async def scene() -> None:
        resolver = CheckedResolver(allow_private=False, inner=FixedResolver("10.0.0.1", "::1"))
        with pytest.raises(AddressRefused, match=r"rebind\.example"):
            await resolver.resolve("rebind.example", 80)

    asyncio.run(scene())


def test_of_mixed_answers_only_the_public_ones_are_kept() -> None:
    async def scene() -> list[str]:
        resolver = CheckedResolver(allow_private=False, inner=FixedResolver("10.0.0.1", "8.8.8.8"))
        return [answer["host"] for answer in await resolver.resolve("mixed.example", 80)]

    assert asyncio.run(scene()) == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_the_connector_refuses_literal_addresses_and_names_alike(host: str) -> None:
    async def scene() -> None:
        async with ClientSession(connector=checked_connector(allow_private=False)) as session:
            with pytest.raises(ClientConnectorError, match="loopback, private or reserved"):
                await session.get(f"http://{host}:9/")

    asyncio.run(scene())
