"""What `ringline doctor` sees of certificates, of policies for encryption, and of our address from outside."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from ringline.base import ConfigError, RemoteProtocolError, SystemRandom
from ringline.cli.check import Finding
from ringline.io.sip.tls import is_identity, make_contexts
from ringline.io.stun import public_address
from ringline.server.secure_sip import certificate_files
from ringline.server.settings import Settings

_SOON: Final = timedelta(days=14)


class Ill(Exception):
    """Something is wrong: the text is the sentence for the operator."""


# ── certificates ───────────────────────────────────────────────────────────────────────────────────────────────────


def sip_certificate(settings: Settings, now: datetime | None = None) -> str:
    """Look at what we show to phones and trunks over TLS and WebSocket; say what is good about it.

    Raises:
        Ill: somebody will not believe it.
    """
    now = now or datetime.now(UTC)
    try:
        cert_file, key_file = certificate_files(settings, now=now)
        make_contexts(cert_file, key_file, ca_file=settings.sip.tls_ca_file)
    except ConfigError as error:
        raise Ill(f"cannot be used: {error.why}") from None
    chain = x509.load_pem_x509_certificates(cert_file.read_bytes())
    host = settings.sip_host()
    return f"{cert_file}: {_judged(chain, host, settings, now)}"


def _judged(chain: list[x509.Certificate], host: str, settings: Settings, now: datetime) -> str:
    ours = chain[0]
    ends = ours.not_valid_after_utc
    if ends <= now:
        raise Ill(f"ours is over since {ends:%Y-%m-%d}: nobody believes it")
    if ours.not_valid_before_utc > now:
        raise Ill(f"ours begins at {ours.not_valid_before_utc:%Y-%m-%d}: is this machine's clock right?")
    names = _names(ours)
    if not is_identity({"subjectAltName": names, "subject": _subject(ours)}, host):
        shown = ", ".join(value for _, value in names) or "nobody"
        wild = any(value.startswith("*.") for _, value in names)
        why = "; wildcards do not count in SIP (RFC 5922)" if wild else ""
        raise Ill(f"it is one of {shown}, and not of {host}, which our Contact names{why}: phones refuse it")
    last = _last_of(chain)
    if ends - now < _SOON:
        raise Ill(f"it ends at {ends:%Y-%m-%d}, in {(ends - now).days} days: renew it, then `kill -HUP` is enough")
    return f"good for {host} until {ends:%Y-%m-%d}, {_known(last, settings)}"


def _names(certificate: x509.Certificate) -> list[tuple[str, str]]:
    """As `ssl` tells them."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *(("DNS", name) for name in found.get_values_for_type(x509.DNSName)),
        *(("IP Address", str(address)) for address in found.get_values_for_type(x509.IPAddress)),
        *(("URI", uri) for uri in found.get_values_for_type(x509.UniformResourceIdentifier)),
    ]


def _subject(certificate: x509.Certificate) -> list[tuple[tuple[str, str]]]:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [(("commonName", str(each.value)),) for each in names]


def _last_of(chain: list[x509.Certificate]) -> x509.Certificate:
    """Follow the file's certificates upwards.

    Raises:
        Ill: one is not of the next one's making.
    """
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            whose = above.subject.rfc4514_string()
            raise Ill(f"its chain is broken: {below.subject.rfc4514_string()} is not of {whose}") from None
    return chain[-1]


def _known(last: x509.Certificate, settings: Settings) -> str:
    """Who believes the end of the chain."""
    issuer = last.issuer.public_bytes()
    believed = ssl.create_default_context().get_ca_certs(binary_form=True)
    # Some old authorities are no good certificates by today's rules, and are not read for that: their name is in there.
    if any(issuer in each for each in believed):
        return "of an authority that systems know"
    own = settings.certificates_dir() / "ca.pem"
    if own.exists() and x509.load_pem_x509_certificate(own.read_bytes()).subject.public_bytes() == issuer:
        return f"of our own authority: phones must be given {own}"
    if last.subject == last.issuer:
        return f"of {last.subject.rfc4514_string()}, which only those know who were given it"
    raise Ill(
        f"its chain ends below {last.issuer.rfc4514_string()}: put the certificates between into the file, "
        "ours first (fullchain.pem)"
    )


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def policies(settings: Settings) -> Iterator[Finding]:
    """What settings for encryption take back what other settings promise."""
    for trunk in settings.trunks:
        if trunk.srtp == "required" and trunk.transport != "tls":
            yield Finding(
                f"trunk {trunk.name}",
                'srtp is required, but its keys go in the clear: set transport = "tls"; else whoever reads SIP can '
                "listen",
                bad=True,
            )
        if trunk.transport == "tls" and trunk.srtp == "off":
            yield Finding(f"trunk {trunk.name}", "signalling is encrypted, audio never (srtp is off)", bad=True)
    private = settings.sip.tls_port is not None or settings.sip.wss_port is not None
    for user in settings.users:
        if user.srtp == "required" and not private:
            yield Finding(
                f"user {user.username}",
                "srtp is required, but without sip.tls_port its keys can only come in the clear",
                bad=True,
            )
    for host in settings.sip.tls_unverified:
        yield Finding(f"host {host}", "its certificate is taken as it is: whoever sits between can listen", bad=True)


# ── outside ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def from_outside(settings: Settings, server: str) -> str:
    """Ask a STUN server how it sees our audio, and compare.

    Raises:
        Ill: it sees another address than we tell others, or nothing.
    """
    try:
        seen, port = await public_address(server, bind=settings.media.bind, random=SystemRandom())
    except (OSError, RemoteProtocolError) as error:
        raise Ill(
            f"{server} does not answer ({str(error) or 'no answer'}): is UDP let out, and is that its address?"
        ) from None
    if seen != settings.media_host():
        raise Ill(
            f"{server} sees us at {seen} (port {port}), but our SDP offers {settings.media_host()}: set "
            f'public.media_host = "{seen}", and forward UDP {settings.media.port_min}-{settings.media.port_max}'
        )
    return f"{server} sees us at {seen}, as our SDP says"


def authorities(path: Path) -> str:
    """Count the authorities in a file.

    Raises:
        Ill: it cannot be used.
    """
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Ill(f"{path} cannot be used: {error}") from None
    return f"{path} has {len(found)}"
