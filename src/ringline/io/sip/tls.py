"""What TLS is set up with: our certificate, whom we believe, and who a certificate says that somebody is (RFC 5922)."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringline.base import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsContexts:
    """Both sides of TLS; a reload makes a new one, which counts for every connection from then on."""

    server: ssl.SSLContext
    "For those who connect to us."
    client: ssl.SSLContext
    "For those we connect to: their certificate must lead to an authority we believe."
    unverified: frozenset[str] = frozenset()
    "Names and addresses whose certificates are taken as they are."
    anybody: bool = False
    "All are; `client` must not ask for one then."

    def towards(self, host: str) -> ssl.SSLContext:
        """How to connect to whom the URI names."""
        if host not in self.unverified:
            return self.client
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        lax.minimum_version = ssl.TLSVersion.TLSv1_2
        lax.check_hostname = False
        lax.verify_mode = ssl.CERT_NONE
        return lax

    def stranger(self, host: str, certificate: Mapping[str, Any] | None) -> str | None:
        """Why whoever answered is not whom the URI names; None when he is."""
        if self.anybody or host in self.unverified or is_identity(certificate or {}, host):
            return None
        return f"the certificate is not one of {host}"


def make_contexts(
    cert_file: Path, key_file: Path, *, ca_file: Path | None = None, unverified: Collection[str] = ()
) -> TlsContexts:
    """Read the files. `ca_file` holds authorities that are believed besides those of the system.

    Reads and parses files for some milliseconds: call it off the event loop.

    Raises:
        ConfigError: a file cannot be read, or certificate and key do not belong together.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    try:
        # Without a password, for a key that wants one would stop the server with a question on its terminal.
        server.load_cert_chain(cert_file, key_file, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise _fault("sip.tls_cert_file", f"{cert_file} and {key_file} cannot be used: {_why(error)}") from error
    unverified = frozenset(_plain(each) for each in unverified)
    return TlsContexts(server=server, client=client_context(ca_file), unverified=unverified)


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """For those we connect to; who they are has still to be asked with `is_identity`.

    Raises:
        ConfigError: the file of authorities cannot be used.
    """
    client = ssl.create_default_context()
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    # Who it is gets decided by the rules of SIP, after the chain has been verified: see `is_identity`.
    client.check_hostname = False
    client.verify_mode = ssl.CERT_REQUIRED
    if ca_file is not None:
        try:
            client.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:
            raise _fault("sip.tls_ca_file", f"{ca_file} cannot be used: {_why(error)}") from error
    return client


def is_identity(certificate: Mapping[str, Any], host: str) -> bool:
    """Whether a verified certificate (as `ssl` tells it) is good for the host of a SIP URI.

    SIP names in it count before DNS names, and the common name only where there is no alternative name at all;
    wildcards are no names (RFC 5922 sections 7.1 and 7.2). An address must be listed as one.
    """
    host = _plain(host)
    names: list[tuple[str, str]] = list(certificate.get("subjectAltName", ()))
    if _is_address(host):
        return any(kind == "IP Address" and _plain(value) == host for kind, value in names)
    uris = [value for kind, value in names if kind == "URI" and value.lower().startswith("sip:")]
    if uris:
        return any(_plain(uri[4:]) == host for uri in uris)
    if names:
        return any(kind == "DNS" and _plain(value) == host for kind, value in names)
    common = [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
    return any(_plain(value) == host for value in common)


def _plain(host: str) -> str:
    """One spelling for each name and address."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _fault(key: str, why: str) -> ConfigError:
    return ConfigError(why, where="settings", key=key)
