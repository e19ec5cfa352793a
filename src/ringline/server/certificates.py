"""A private certificate authority and a server certificate of its making, for HTTPS without a public name.

Two official client libraries speak https only, so an installation on `localhost` needs a certificate too. The authority
is made once and stays: clients are told to trust `ca.pem`. The server's certificate is made anew whenever the names
change or it gets old.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ringline.base import ConfigError

if TYPE_CHECKING:
    from ringline.server.settings import Settings

OFFICIAL_HOSTS: Final = (
    "api.nexmo.com",
    "rest.nexmo.com",
    "api-us.vonage.com",
    "api-eu.vonage.com",
    "api-ap.vonage.com",
)
"Names unchanged programs call; for installations whose private DNS leads these here."

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_CA_LIFE: Final = timedelta(days=3650)
_SERVER_LIFE: Final = timedelta(days=397)
"Some clients trust none that is good for longer."
_RENEW_BEFORE: Final = timedelta(days=30)
_SLACK: Final = timedelta(days=1)
"Certificates begin a day ago: clients' clocks may be behind."


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Where they are."""

    ca_file: Path
    "What clients must trust."
    cert_file: Path
    "The server's certificate, followed by the authority's."
    key_file: Path
    "The server's private key, readable by its owner only."


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def server_names(hosts: Iterable[str | None] = (), *, official: bool = False) -> tuple[str, ...]:
    """The names a server certificate is good for: this machine, `hosts`, and with `official` those of the platform
    whose clients are to come here unchanged. Addresses that stand for all addresses are left out.
    """
    wanted = [*_LOCAL, *(host.strip("[]").lower() for host in hosts if host), *(OFFICIAL_HOSTS if official else ())]
    return tuple(dict.fromkeys(name for name in wanted if not _is_unspecified(name)))


def ensure_certificates(directory: Path, *, names: Iterable[str], now: datetime) -> Certificates:
    """Make what is missing or old of the authority (`ca.pem`) and the server's certificate, and say where they are.

    Takes some milliseconds and writes files: call it at start, off the event loop.

    Raises:
        ConfigError: a name is none, the files cannot be written, or those that are there are damaged.
    """
    found = Certificates(
        ca_file=directory / "ca.pem", cert_file=directory / "server.pem", key_file=directory / "server.key"
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        authority = _authority(found.ca_file, directory / "ca.key", now)
        wanted = frozenset(_general_name(name) for name in names)
        if not _still_good(found, authority, wanted, now):
            server = _make_server(authority, wanted, now)
            _write(found.key_file, _key_pem(server.key), secret=True)
            _write(found.cert_file, _pem(server.certificate) + _pem(authority.certificate))
    except OSError as error:
        raise _fault(directory, f"cannot be used: {error.strerror}") from error
    return found


# ── the authority ──────────────────────────────────────────────────────────────────────────────────────────────────


def _authority(cert_file: Path, key_file: Path, now: datetime) -> _Pair:
    """The authority; a damaged one is not replaced behind the back of clients who trust it."""
    if not cert_file.exists() and not key_file.exists():
        made = _make_authority(now)
        _write(key_file, _key_pem(made.key), secret=True)
        _write(cert_file, _pem(made.certificate))
        return made
    found = _load(cert_file, key_file)
    if found is None:
        raise _fault(cert_file.parent, "holds a damaged authority: remove the folder, and clients must trust a new one")
    if found.certificate.not_valid_after_utc < now + _RENEW_BEFORE:
        raise _fault(cert_file.parent, "holds an authority that is too old: remove the folder to get a new one")
    return found


def _make_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial number in the name keeps apart the authorities of several installations in one trust store.
    serial = x509.random_serial_number()
    name = _name(f"Ringline private authority {serial % 0x10000:04x}")
    usage = _usage(signs_certificates=True)
    builder = _begin(name, name, key.public_key(), serial, now, now + _CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return _Pair(builder.sign(key, hashes.SHA256()), key)


# ── the server's certificate ───────────────────────────────────────────────────────────────────────────────────────


def _make_server(authority: _Pair, names: frozenset[x509.GeneralName], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    until = min(now + _SERVER_LIFE, issuer.not_valid_after_utc)
    builder = _begin(_name("Ringline"), issuer.subject, key.public_key(), x509.random_serial_number(), now, until)
    alternatives = x509.SubjectAlternativeName(sorted(names, key=repr))
    builder = builder.add_extension(alternatives, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    # Python 3.13 and others refuse a chain whose links do not name each other's keys (RFC 5280 section 4.2.1.1).
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issued_by, critical=False)
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _still_good(found: Certificates, authority: _Pair, names: frozenset[x509.GeneralName], now: datetime) -> bool:
    server = _load(found.cert_file, found.key_file)
    if server is None or server.certificate.not_valid_after_utc < now + _RENEW_BEFORE:
        return False
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
        there = server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (InvalidSignature, x509.ExtensionNotFound, ValueError, TypeError):
        return False
    return frozenset(there.value) == names


# ── small parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - _SLACK)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode())
    except ValueError as error:
        raise ConfigError(f"{name!r} is no host name", where="certificates", key="names") from error


def _is_unspecified(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return False


def _load(cert_file: Path, key_file: Path) -> _Pair | None:
    """A certificate and its key; None when either is missing or damaged, or they do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    return _Pair(certificate, key)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes, *, secret: bool = False) -> None:
    """Write a file whole or not at all; a secret one is nobody else's from its first byte on."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if secret else 0o644), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def _fault(directory: Path, why: str) -> ConfigError:
    return ConfigError(why, where=str(directory), key="certificates")


def certificate_names(settings: Settings) -> tuple[str, ...]:
    """The names that certificate is good for: this installation's own, and the official hosts."""
    base = urlsplit(settings.public.base_url or "").hostname
    return server_names((settings.server.https_bind, settings.public.sip_host, base), official=True)


def server_certificate(settings: Settings, *, now: datetime) -> tuple[Path, Path]:
    """Certificate and key of `[server]`, or, where it names none, of an authority of our own.

    Raises:
        ConfigError: the files of our own making cannot be written, or are damaged.
    """
    server = settings.server
    if server.cert_file is not None and server.key_file is not None:
        return server.cert_file, server.key_file
    made = ensure_certificates(settings.certificates_dir(), names=certificate_names(settings), now=now)
    return made.cert_file, made.key_file
