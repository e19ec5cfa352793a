"""SIP over TLS among strangers: wrong certificates and names, plain text, handshakes without end, new certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ringline.base import ConfigError
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.tls import TlsContexts, is_identity, make_contexts
from ringline.server.certificates import Certificates, ensure_certificates
from ringline.sip import Destination, Flow

MESSAGE = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
HASTY = TcpLimits(handshake_s=0.2, per_source=6, handshakes_per_source=3, connect_s=1.0)


class Node:
    """One TLS listener, and what came through it."""

    def __init__(self, tls: TlsContexts, limits: TcpLimits | None = None) -> None:
        self.messages: list[Flow] = []
        self.lost: list[Flow | Destination] = []
        self.tls = TcpConnections(self.heard, self.lost.append, limits or TcpLimits(), name="tls", tls=tls)

    async def __aenter__(self) -> Node:
        await self.tls.listen("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.tls.close()

    def heard(self, data: bytes, flow: Flow) -> None:
        assert data == MESSAGE
        self.messages.append(flow)

    @property
    def port(self) -> int:
        return self.tls.local[1]

    def at(self, name: str = "") -> Destination:
        return Destination("tls", "127.0.0.1", self.port, name)

    def count(self, name: str) -> float:
        return self.tls.gauges()[name]


def made(folder: Path, *names: str, now: datetime | None = None) -> Certificates:
    return ensure_certificates(folder, names=names or ("127.0.0.1",), now=now or datetime.now(UTC))


def contexts(
    ours: Certificates, *, believes: Certificates | None = None, unverified: Iterable[str] = ()
) -> TlsContexts:
    ca_file = (believes or ours).ca_file
    return make_contexts(ours.cert_file, ours.key_file, ca_file=ca_file, unverified=tuple(unverified))


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()
            for _ in range(10):  # what was accepted in the last moment is closed in the loop's next turns
                await asyncio.sleep(0)

    asyncio.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - sockets have no event to wait for
        await asyncio.sleep(0.002)


def test_messages_go_both_ways_over_one_connection(tmp_path: Path) -> None:
    async def test() -> None:
        ours = contexts(made(tmp_path, "pbx.example.com"))
        async with Node(ours) as a, Node(ours) as b:
            for _ in range(20):
                a.tls.send(MESSAGE, b.at("pbx.example.com"))
            await until(lambda: len(b.messages) == 20)
            b.tls.send(MESSAGE, b.messages[0])
            await until(lambda: a.messages)
            a.tls.send(MESSAGE, b.at())  # a contact in a dialog, with a bare address
            await until(lambda: len(b.messages) == 21)
            assert (len(a.tls), len(b.tls)) == (1, 1)
            assert len(set(b.messages)) == 1

    run(test)


def test_what_comes_with_the_end_of_the_handshake_is_taken(tmp_path: Path) -> None:
    async def test() -> None:
        ours = made(tmp_path)
        async with Node(contexts(ours)) as node:
            client = ssl.create_default_context(cafile=str(ours.ca_file))
            inner, outer = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = client.wrap_bio(inner, outer, server_hostname="127.0.0.1")
            reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outer.read())
                    inner.write(await reader.read(65_536))
            session.write(MESSAGE * 3)
            writer.write(outer.read())  # the last word of the handshake and the first messages in one piece
            await until(lambda: len(node.messages) == 3)
            writer.close()

    run(test)


@pytest.mark.parametrize(
    "name", ["sip.example.com", "example.com", "pbx.example.com.evil.example", "", "*.example.com"]
)
def test_a_certificate_of_somebody_else_is_not_spoken_to(tmp_path: Path, name: str) -> None:
    async def test() -> None:
        ours = contexts(made(tmp_path, "pbx.example.com", "127.0.0.9"))
        async with Node(ours) as a, Node(ours) as b:
            a.tls.send(MESSAGE, b.at(name))
            await until(lambda: a.lost)
            assert a.lost == [b.at(name)]
            assert (a.count("mistrusted"), len(a.tls), b.messages) == (1, 0, [])
            await until(lambda: b.lost or b.count("handshakes_failed"))

    run(test)


def test_an_open_connection_to_one_name_is_none_to_another_at_the_same_address(tmp_path: Path) -> None:
    async def test() -> None:
        ours = contexts(made(tmp_path, "one.example"))
        async with Node(ours) as a, Node(ours) as b:
            a.tls.send(MESSAGE, b.at("one.example"))
            await until(lambda: b.messages)
            a.tls.send(MESSAGE, b.at("two.example"))
            await until(lambda: a.lost)
            assert a.lost == [b.at("two.example")]
            assert len(b.messages) == 1

    run(test)


def test_who_connected_to_us_is_not_sent_what_is_meant_for_a_server(tmp_path: Path) -> None:
    async def test() -> None:
        ours = contexts(made(tmp_path))
        async with Node(ours) as a, Node(ours) as b:
            a.tls.send(MESSAGE, b.at())
            await until(lambda: b.messages)
            caller = b.messages[0].remote
            b.tls.send(MESSAGE, Destination("tls", *caller))
            await until(lambda: b.lost)
            assert a.messages == []

    run(test)


@pytest.mark.parametrize("fault", ["another authority", "expired", "not yet"])
def test_a_certificate_that_cannot_be_believed_is_refused(tmp_path: Path, fault: str) -> None:
    async def test() -> None:
        ours, now = made(tmp_path / "ours"), datetime.now(UTC)
        when = {"expired": now - timedelta(days=500), "not yet": now + timedelta(days=500)}.get(fault, now)
        theirs = made(tmp_path / "theirs", now=when)
        believes = theirs if fault != "another authority" else ours
        async with Node(contexts(ours, believes=believes)) as a, Node(contexts(theirs)) as b:
            a.tls.send(MESSAGE, b.at())
            await until(lambda: a.lost)
            assert (a.count("mistrusted"), b.messages) == (1, [])
            await until(lambda: b.count("handshakes_failed") == 1)

    run(test)


def test_a_host_may_be_excused_from_showing_a_certificate_we_believe(tmp_path: Path) -> None:
    async def test() -> None:
        theirs = made(tmp_path / "theirs", "pbx.example")
        lax = contexts(made(tmp_path / "ours"), unverified=["PBX.example"])
        async with Node(lax) as a, Node(contexts(theirs)) as b:
            a.tls.send(MESSAGE, b.at("pbx.example"))
            await until(lambda: b.messages)
            a.tls.send(MESSAGE, b.at("other.example"))
            await until(lambda: a.lost)

    run(test)


def test_plain_text_is_answered_with_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with Node(contexts(made(tmp_path))) as node:
            reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
            writer.write(MESSAGE)
            assert b"SIP/2.0" not in await reader.read(1000)
            await until(lambda: node.count("handshakes_failed") == 1)
            assert (node.messages, node.lost, len(node.tls)) == ([], [], 0)
            writer.close()

    run(test)


def test_old_versions_are_refused(tmp_path: Path) -> None:
    async def test() -> None:
        ours = made(tmp_path)
        async with Node(contexts(ours)) as node:
            old = ssl.create_default_context(cafile=str(ours.ca_file))
            old.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="TLSv1"):
                old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", node.port, ssl=old)
            await until(lambda: node.count("handshakes_failed") == 1)

    run(test)


def test_handshakes_that_never_end_are_bounded_and_ended(tmp_path: Path) -> None:
    async def test() -> None:
        ours = contexts(made(tmp_path))
        async with Node(ours, HASTY) as node, Node(ours) as phone:
            silent = [await asyncio.open_connection("127.0.0.1", node.port) for _ in range(5)]
            await until(lambda: node.count("refused") == 2)
            assert node.count("handshakes") == 3
            await until(lambda: node.count("handshakes") == 0)
            assert (node.count("handshakes_failed"), len(node.tls), node.lost) == (3, 0, [])
            phone.tls.send(MESSAGE, node.at())
            await until(lambda: node.messages)
            for _, writer in silent:
                writer.close()

    run(test)


def test_a_server_that_never_shakes_hands_is_given_up(tmp_path: Path) -> None:
    async def test() -> None:
        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        limits = replace(HASTY, connect_s=0.2)
        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        async with Node(contexts(made(tmp_path)), limits) as node:
            there = Destination("tls", "127.0.0.1", server.sockets[0].getsockname()[1], "pbx.example")
            node.tls.send(MESSAGE, there)
            await until(lambda: node.lost)
            assert node.lost == [there]
        server.close()
        await server.wait_closed()

    run(test)


def test_a_new_certificate_counts_for_new_connections_while_old_ones_stand(tmp_path: Path) -> None:
    async def test() -> None:
        old, new = made(tmp_path / "old"), made(tmp_path / "new")
        async with Node(contexts(old)) as node, Node(contexts(old)) as early:
            early.tls.send(MESSAGE, node.at())
            await until(lambda: node.messages)
            node.tls.tls = contexts(new)
            trusting = ssl.create_default_context(cafile=str(new.ca_file))
            _, writer = await asyncio.open_connection("127.0.0.1", node.port, ssl=trusting)
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert x509.load_der_x509_certificate(shown) == x509.load_pem_x509_certificate(new.cert_file.read_bytes())
            early.tls.send(MESSAGE, node.at())
            await until(lambda: len(node.messages) == 2)
            assert node.lost == []
            writer.close()

    run(test)


def named(*names: tuple[str, str], common: str | None = None) -> dict[str, Any]:
    subject = ((("commonName", common),),) if common is not None else ()
    return {"subject": subject, "subjectAltName": names} if names else {"subject": subject}


@pytest.mark.parametrize(
    ("certificate", "host", "fits"),
    [
        (named(("DNS", "pbx.example.com")), "PBX.example.com.", True),
        (named(("DNS", "pbx.example.com")), "example.com", False),
        (named(("DNS", "*.example.com")), "pbx.example.com", False),  # RFC 5922 section 7.2
        (named(("URI", "sip:example.com"), ("DNS", "host7.example.com")), "example.com", True),
        (named(("URI", "sip:example.com"), ("DNS", "host7.example.com")), "host7.example.com", False),
        (named(("URI", "https://example.com")), "example.com", False),
        (named(("URI", "sip:bob@example.com")), "example.com", False),
        (named(("IP Address", "192.0.2.1")), "192.0.2.1", True),
        (named(("IP Address", "0:0:0:0:0:0:0:1")), "[::1]", True),
        (named(("DNS", "192.0.2.1")), "192.0.2.1", False),
        (named(common="pbx.example.com"), "pbx.example.com", True),
        (named(("DNS", "other.example"), common="pbx.example.com"), "pbx.example.com", False),
        ({}, "pbx.example.com", False),
    ],
)
def test_who_a_certificate_is_of(certificate: dict[str, Any], host: str, fits: bool) -> None:
    assert is_identity(certificate, host) is fits


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    ours, other = made(tmp_path / "a"), made(tmp_path / "b")
    for cert_file, key_file in ((ours.cert_file, other.key_file), (tmp_path / "none", ours.key_file)):
        with pytest.raises(ConfigError, match="cannot be used") as raised:
            make_contexts(cert_file, key_file)
        assert raised.value.key == "sip.tls_cert_file"
    with pytest.raises(ConfigError, match="cannot be used") as raised:
        make_contexts(ours.cert_file, ours.key_file, ca_file=ours.key_file)
    assert raised.value.key == "sip.tls_ca_file"
