"""The private authority and the server certificate of its making."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from ringline.base import ConfigError
from ringline.server.certificates import OFFICIAL_HOSTS, Certificates, ensure_certificates, server_names


def now() -> datetime:
    return datetime.now(UTC)


def certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


async def greet(found: Certificates, host: str, connect_to: str = "127.0.0.1") -> None:
    """Do a TLS handshake as a client that trusts the authority and looks for `host` in the certificate."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(found.cert_file, found.key_file)

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, connect_to, 0, ssl=server_side)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client_side = ssl.create_default_context(cafile=str(found.ca_file))
        client_side.verify_flags |= ssl.VERIFY_X509_STRICT
        _, writer = await asyncio.open_connection(connect_to, port, ssl=client_side, server_hostname=host)
        writer.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "voice.example.net", "api.nexmo.com"])
def test_clients_that_trust_the_authority_accept_every_name(tmp_path: Path, host: str) -> None:
    names = server_names(["voice.example.net", None, "0.0.0.0"], official=True)
    found = ensure_certificates(tmp_path / "tls", names=names, now=now())
    asyncio.run(greet(found, host))
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(greet(found, "elsewhere.example"))


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    for file in (found.key_file, tmp_path / "ca.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.ca_file.stat().st_mode) & 0o444 == 0o444
    assert sorted(one.name for one in tmp_path.iterdir()) == ["ca.key", "ca.pem", "server.key", "server.pem"]


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert ensure_certificates(tmp_path, names=server_names(), now=now()) == found
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_new_name_or_old_age_gets_a_new_certificate_from_the_same_authority(tmp_path: Path) -> None:
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    authority = found.ca_file.read_bytes()
    first = certificate(found.cert_file)
    ensure_certificates(tmp_path, names=server_names(["new.example"]), now=now())
    second = certificate(found.cert_file)
    later = now() + timedelta(days=380)
    ensure_certificates(tmp_path, names=server_names(["new.example"]), now=later)
    third = certificate(found.cert_file)
    assert len({one.serial_number for one in (first, second, third)}) == 3
    assert third.not_valid_after_utc > later + timedelta(days=300)
    assert found.ca_file.read_bytes() == authority


def test_a_damaged_server_certificate_is_made_anew(tmp_path: Path) -> None:
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    found.key_file.write_text("nonsense")
    ensure_certificates(tmp_path, names=server_names(), now=now())
    asyncio.run(greet(found, "localhost"))


def test_a_damaged_or_aged_authority_is_not_replaced_silently(tmp_path: Path) -> None:
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    with pytest.raises(ConfigError, match="too old"):
        ensure_certificates(tmp_path, names=server_names(), now=now() + timedelta(days=3640))
    found.ca_file.write_text("nonsense")
    with pytest.raises(ConfigError, match="damaged"):
        ensure_certificates(tmp_path, names=server_names(), now=now())


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no host name"):
        ensure_certificates(tmp_path, names=["a" * 64], now=now())
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        ensure_certificates(tmp_path / "file", names=server_names(), now=now())


def test_names_come_once_and_without_placeholders() -> None:
    assert server_names(["LOCALHOST", "[2001:db8::1]", "0.0.0.0", "::", None, ""]) == (
        "localhost",
        "127.0.0.1",
        "::1",
        "2001:db8::1",
    )
    assert set(OFFICIAL_HOSTS) < set(server_names(official=True))


def test_the_extensions_are_those_of_the_profile(tmp_path: Path) -> None:
    """RFC 5280 section 4.2: what strict clients look for."""
    found = ensure_certificates(tmp_path, names=server_names(), now=now())
    authority, server = certificate(found.ca_file), certificate(found.cert_file)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    issued_by = server.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issued_by.key_identifier == subject.digest
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    }
