"""`ringline doctor`: what stands between this installation and its trunks, phones and applications, in sentences."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from ringline.base import ConfigError, RinglineError
from ringline.cli._console import FAILED, console, plain_errors, say
from ringline.cli._heard import far_ends
from ringline.cli._installation import ConfigOption, load_settings
from ringline.cli._looks import Ill, authorities, from_outside, policies, sip_certificate
from ringline.cli.check import Finding
from ringline.io.addresses import AddressRefused, CheckedResolver
from ringline.io.sip import SipResolver
from ringline.io.sip.tls import client_context, is_identity
from ringline.server.entries import ApplicationSection, TrunkSection
from ringline.server.public_address import with_public_address
from ringline.server.sections import PlaceSection, Sip
from ringline.server.settings import Settings
from ringline.sip import Destination, Response, parse

_WAIT_S: Final = 2.0
_LOOKUP_S: Final = 5.0
_SIP_BYTES: Final = 65_536
_ANYWHERE: Final = ("0.0.0.0", "::")


def doctor(
    config: ConfigOption = None,
    stun: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Ask this STUN server how the world sees us")
    ] = None,
) -> None:
    """Look at addresses, NAT, trunks, certificates and webhooks from here. Exit code 2: settings are wrong; 1: ill."""
    with plain_errors():
        settings = load_settings(config)
    out = console()
    bad = False
    for finding in asyncio.run(examine(settings, stun=stun or settings.public.stun)):
        out.print("[bold red]✗[/] " if finding.bad else "[green]✓[/] ", end="")
        say(f"{finding.name:<20} {finding.text}")
        bad = bad or finding.bad
    if bad:
        raise typer.Exit(FAILED)


async def examine(settings: Settings, *, stun: str | None = None) -> list[Finding]:
    """Look at everything, all at once: most of it is waiting. `stun` is a server to be asked how it sees us."""
    with suppress(ConfigError):  # it is said below that the server does not answer
        settings = await with_public_address(settings)
    looks = [
        _found("sip address", _offered("Contact", settings.sip_host(), "public.sip_host")),
        _found("audio address", _offered("SDP", settings.media_host(), "public.media_host")),
        *(
            _found(f"place {place.sip_host}", _place(settings, place))
            for place in settings.sip.places
            if any(":" in network for network in place.networks)
        ),
        *(_found(f"trunk {trunk.name}", _trunk(settings, trunk)) for trunk in settings.trunks if trunk.host),
        *(_found(f"webhooks of {each.name}", _webhooks(settings, each)) for each in settings.applications),
        _found("far ends", asyncio.to_thread(far_ends, settings)),
    ]
    if settings.websockets.ca_file is not None:
        looks.append(_found("wss authorities", asyncio.to_thread(authorities, settings.websockets.ca_file)))
    if settings.sip.tls_port is not None or settings.sip.wss_port is not None:
        looks.append(_found("sip certificate", asyncio.to_thread(sip_certificate, settings)))
    if stun is not None:
        looks.append(_found("from outside", from_outside(settings, stun)))
    return [*await asyncio.gather(*looks), *policies(settings)]


async def _found(name: str, look: Coroutine[Any, Any, str]) -> Finding:
    try:
        return Finding(name, await look)
    except Ill as error:
        return Finding(name, str(error), bad=True)


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _offered(where: str, host: str, key: str) -> str:
    if host in _ANYWHERE:
        raise Ill(f"our {where} would name {host}, where nobody can send anything: set {key}")
    if _is_loopback(host):
        return f"our {where} names {host}: only programs on this machine can call"
    return f"our {where} names {host}"


async def _place(settings: Settings, place: PlaceSection) -> str:
    """Whether audio can come by IPv6 to a place for those who have it."""
    named = place.media_host or settings.media_host()
    if ":" not in named:
        raise Ill(
            f"far ends with IPv6 would find {named} in our SDP, where they cannot send to: set media_host of this place"
        )
    if ":" not in settings.media.bind:
        raise Ill(
            f"our SDP names {named} there, and media.bind is {settings.media.bind}, which takes IPv4 alone: no audio "
            'would come; set media.bind to "::", which takes both'
        )
    return f"our SDP names {named} there"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_inside(host: str) -> bool:
    """Whether an address means nothing in the Internet; a name may mean anything."""
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost"


# ── trunks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _trunk(settings: Settings, trunk: TrunkSection) -> str:
    assert trunk.host is not None
    transports = settings.sip_transports()
    resolver = SipResolver(ipv6=":" in settings.sip.bind, transports=transports)
    try:
        async with asyncio.timeout(_LOOKUP_S):
            places = await resolver.resolve(trunk.host, trunk.port, trunk.transport)
    except TimeoutError:
        raise Ill(f"the name service says nothing about {trunk.host}") from None
    if not places:
        raise Ill(f"{trunk.host} is unknown to the name service, or speaks none of {', '.join(transports)}")
    place = places[0]
    at = f"{place.host}:{place.port}"
    outside = not _is_inside(place.host)
    if not _is_loopback(place.host):
        if _is_loopback(settings.sip.bind):
            raise Ill(f"it is at {at}, and sip.bind is {settings.sip.bind}: nothing leaves this machine")
        if _is_loopback(settings.media.bind):
            raise Ill(f"it is at {at}, and media.bind is {settings.media.bind}: no audio leaves this machine")
    try:
        answer, took_s = await asyncio.to_thread(_ask, settings.sip, place)
    except TimeoutError:
        raise Ill(
            f"no answer from {at} ({place.transport}) for {_WAIT_S:g} s: is that its address, does a firewall let us "
            "out, and does it know ours?"
        ) from None
    except (OSError, RinglineError) as error:
        raise Ill(f"{at} ({place.transport}) cannot be asked: {error}") from None
    seen = answer.via.params.get("received")
    if seen is not None and seen != settings.media_host() and not _is_inside(seen):
        raise Ill(
            f"it sees us at {seen}, but our SDP offers {settings.media_host()}: we are behind a NAT; set "
            f"public.media_host and public.sip_host to {seen}, and forward UDP {settings.sip.port} and "
            f"{settings.media.port_min}-{settings.media.port_max}"
        )
    if outside and _is_inside(settings.media_host()):
        raise Ill(
            f"it is at {at}, but our SDP offers {settings.media_host()}, which it cannot reach: no audio would come; "
            "set public.media_host"
        )
    return f"answers {answer.status} at {at} ({place.transport}) after {took_s * 1000:.0f} ms"


def _ask(sip: Sip, place: Destination) -> tuple[Response, float]:
    """Send OPTIONS from a port of our own, and wait for the answer.

    Raises:
        TimeoutError: none came.
        OSError: it cannot be sent.
        RinglineError: what came is no SIP.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if place.transport == "udp" else socket.SOCK_STREAM
    with ExitStack() as opened:
        asking = opened.enter_context(socket.socket(family, kind))
        asking.settimeout(_WAIT_S)
        asking.bind(("" if sip.bind in _ANYWHERE else sip.bind, 0))
        asking.connect((place.host, place.port))
        if place.transport == "tls":
            asking = opened.enter_context(_encrypted(asking, sip, place.name or place.host))
        host, port = asking.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        target = f"[{place.host}]" if ":" in place.host else place.host
        lines = (
            f"OPTIONS sip:{target}:{place.port} SIP/2.0",
            f"Via: SIP/2.0/{place.transport.upper()} {name}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <sip:doctor@{name}>;tag={secrets.token_hex(4)}",
            f"To: <sip:{target}>",
            f"Call-ID: {secrets.token_hex(12)}",
            "CSeq: 1 OPTIONS",
            f"Contact: <sip:doctor@{name}:{port}>",
            "Content-Length: 0",
        )
        began = time.monotonic()
        asking.sendall("\r\n".join((*lines, "", "")).encode())
        answer = parse(asking.recv(_SIP_BYTES))
        if not isinstance(answer, Response):
            raise OSError(f"it answers with {type(answer).__name__.lower()}s of its own")
        return answer, time.monotonic() - began


def _encrypted(plain: socket.socket, sip: Sip, name: str) -> ssl.SSLSocket:
    """Shake hands, and look whose certificate is shown.

    Raises:
        OSError: with no success, or with somebody else.
    """
    if name in sip.tls_unverified:
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
        return lax.wrap_socket(plain, server_hostname=name)
    secure = client_context(sip.tls_ca_file).wrap_socket(plain, server_hostname=name)
    if not is_identity(secure.getpeercert() or {}, name):
        secure.close()
        raise OSError(0, f"its certificate is not one of {name}")
    return secure


# ── applications ───────────────────────────────────────────────────────────────────────────────────────────────────


async def _webhooks(settings: Settings, application: ApplicationSection) -> str:
    given = (application.answer_url, application.event_url)
    hosts = dict.fromkeys(urlsplit(url).hostname for url in given if url is not None)
    names = [host for host in hosts if host]
    if not names:
        return "it has no URLs"
    resolver = CheckedResolver(allow_private=settings.webhooks.allow_private)
    for name in names:
        await _allowed(resolver, name)
    return f"{' and '.join(names)} can be asked"


async def _allowed(resolver: CheckedResolver, name: str) -> None:
    try:
        async with asyncio.timeout(_LOOKUP_S):
            await resolver.resolve(name)
    except TimeoutError:
        raise Ill(f"the name service says nothing about {name}") from None
    except AddressRefused as error:
        raise Ill(f"{error.strerror}, so it is never asked: is webhooks.allow_private meant to be true?") from None
    except OSError:
        raise Ill(f"{name} is unknown to the name service") from None
