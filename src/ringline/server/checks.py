"""What is wrong with settings although every single value is right."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID

from phonenumbers.shortnumberinfo import SUPPORTED_SHORT_REGIONS

from ringline.sip import is_free_name

if TYPE_CHECKING:
    from ringline.server.settings import Settings

Fault = tuple[tuple[str | int, ...], str]
"The setting, and why it cannot stay."

DEV_API_KEY: Final = "dev"
DEV_API_SECRET: Final = "Development1"
DEV_SIGNATURE_SECRET: Final = "signs-webhooks-in-development-only"


def contradictions(settings: Settings) -> Iterator[Fault]:
    """Find everything that does not fit together."""
    yield from _sockets(settings)
    yield from _account(settings)
    yield from _payments(settings)
    yield from _bucket(settings)
    yield from _repeated(settings)
    yield from _references(settings)
    yield from _speech(settings)
    yield from _trunks(settings)
    yield from _users(settings)
    yield from _emergency(settings)


def resolve_application(settings: Settings, reference: str) -> str | None:
    """The id of an application named by id or name; an id that is not in the settings may come from the store."""
    for application in settings.applications:
        if reference in (application.id, application.name):
            return application.id
    try:
        return str(UUID(reference))
    except ValueError:
        return None


def _speech(settings: Settings) -> Iterator[Fault]:
    there = (*settings.speech.engines, *settings.speech.also)
    for place, application in enumerate(settings.applications):
        for name in application.voices:
            if name not in there:
                yield ("applications", place, "voices"), f"{name} is not among speech.engines and speech.also"
    for name in settings.speech.options:
        if name not in there:
            yield ("speech", "options", name), "is not among speech.engines and speech.also"


def _sockets(settings: Settings) -> Iterator[Fault]:
    server, media = settings.server, settings.media
    if (server.cert_file is None) != (server.key_file is None):
        missing, given = ("cert_file", "key_file") if server.cert_file is None else ("key_file", "cert_file")
        yield ("server", missing), f"is needed with {given}"
    if media.port_min >= media.port_max:
        yield ("media", "port_min"), "must be below port_max"
    if len(set(media.codecs)) < len(media.codecs):
        yield ("media", "codecs"), "names a codec twice"
    sip = settings.sip
    if not sip.udp and not sip.tcp and sip.tls_port is None:
        yield ("sip", "udp"), "udp and tcp cannot both be off without a tls_port"
    if (sip.tls_cert_file is None) != (sip.tls_key_file is None):
        missing, given = ("cert", "key") if sip.tls_cert_file is None else ("key", "cert")
        yield ("sip", f"tls_{missing}_file"), f"is needed with tls_{given}_file"
    if sip.tcp and sip.tls_port == sip.port != 0:
        yield ("sip", "tls_port"), "must be another port than that of TCP"
    taken = {sip.port: "that of TCP"} if sip.tcp else {}
    for name, given_port in (("tls_port", sip.tls_port), ("wss_port", sip.wss_port), ("ws_port", sip.ws_port)):
        if given_port in taken and given_port and name != "tls_port":
            yield ("sip", name), f"must be another port than {taken[given_port]}"
        if given_port:
            taken.setdefault(given_port, f"sip.{name}")
    for section, bind, public, name in (
        ("sip", settings.sip.bind, settings.public.sip_host, "sip_host"),
        ("media", media.bind, settings.public.media_host, "media_host"),
    ):
        address = _address(bind)
        if address is None:
            yield (section, "bind"), "must be an address"
        elif address.is_unspecified and public is None and settings.public.stun is None:
            yield ("public", name), f"is needed when {section}.bind is {bind}: others must be told one address"
    if settings.public.stun is not None and _is_loopback(media.bind):
        yield ("public", "stun"), f"nobody outside sees {media.bind}, which media.bind names"
    if settings.public.media_host is not None and _address(settings.public.media_host) is None:
        yield ("public", "media_host"), "must be an address: phones look up no names in SDP"


def _account(settings: Settings) -> Iterator[Fault]:
    if settings.account is None:
        if settings.applications:
            yield ("account",), "is needed as soon as there are applications: it signs their webhooks"
        return
    binds = [settings.server.http_bind, settings.sip.bind]
    if settings.server.https_port is not None:
        binds.append(settings.server.https_bind)
    known = (DEV_API_SECRET, DEV_SIGNATURE_SECRET)
    secrets = (settings.account.api_secret, settings.account.signature_secret)
    if any(secret.get_secret_value() in known for secret in secrets) and not all(map(_is_loopback, binds)):
        yield ("account",), "must have secrets of its own before anything but loopback is bound"


def _payments(settings: Settings) -> Iterator[Fault]:
    if settings.payments.url is None:
        return
    parts = urlsplit(settings.payments.url)
    near = settings.profile == "dev" and _is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not near:
        yield ("payments", "url"), "must be https: cards go there (in development, http to loopback is good enough)"
    if settings.account is None:
        yield ("account",), "is needed for payments.url: it signs what is sent there"


def _bucket(settings: Settings) -> Iterator[Fault]:
    chosen = settings.recordings
    if (chosen.access_key is None) != (chosen.secret_key is None):
        missing = "access_key" if chosen.access_key is None else "secret_key"
        yield ("recordings", missing), "is missing: access_key and secret_key belong together"
    if chosen.bucket is None and chosen.endpoint is not None:
        yield ("recordings", "bucket"), "is missing: recordings.endpoint says where buckets are, not which one"


def _repeated(settings: Settings) -> Iterator[Fault]:
    lists: dict[tuple[str, str], Iterable[str | None]] = {
        ("applications", "id"): [one.id for one in settings.applications],
        ("applications", "name"): [one.name for one in settings.applications],
        ("numbers", "number"): [one.number for one in settings.numbers],
        ("trunks", "name"): [one.name for one in settings.trunks],
        ("users", "username"): [one.username for one in settings.users],
        ("users", "number"): [one.number for one in settings.users],
        ("users", "extension"): [one.extension for one in settings.users],
        ("domains", "name"): [one.name for one in settings.domains],
    }
    for (section, name), values in lists.items():
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value is not None and value in seen:
                yield (section, index, name), f"{value} is there twice"
            seen.add(value or "")


def _references(settings: Settings) -> Iterator[Fault]:
    names = [name for one in settings.applications for name in (one.name, one.id)]
    references = [
        *((("numbers", index), one.application) for index, one in enumerate(settings.numbers)),
        *((("users", index), one.application) for index, one in enumerate(settings.users)),
        *((("domains", index), one.application) for index, one in enumerate(settings.domains)),
    ]
    for place, reference in references:
        if reference is not None and resolve_application(settings, reference) is None:
            yield (*place, "application"), f"there is no application {reference!r}{_hint(reference, names)}"
    for index, one in enumerate(settings.domains):
        if one.tls == "required" and settings.sip.tls_port is None and settings.sip.wss_port is None:
            yield ("domains", index, "tls"), "needs sip.tls_port or sip.wss_port: nobody could call"
        if one.tls == "off" and one.srtp == "required":
            yield ("domains", index, "tls"), "must not be off where srtp is required: keys would be read on their way"
    domains = [one.name for one in settings.domains]
    for index, user in enumerate(settings.users):
        if user.domain is not None and user.domain not in domains:
            yield ("users", index, "domain"), f"there is no domain {user.domain!r}{_hint(user.domain, domains)}"


def _trunks(settings: Settings) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for index, trunk in enumerate(settings.trunks):
        if trunk.host is None and not trunk.addresses:
            yield ("trunks", index), "needs a host to call out, addresses to be called from, or both"
        if (trunk.username is None) != (trunk.password is None):
            yield ("trunks", index, "username"), "username and password go together"
        if trunk.transport is not None and trunk.transport not in settings.sip_transports():
            yield (
                ("trunks", index, "transport"),
                ("needs sip.tls_port" if trunk.transport == "tls" else f"sip.{trunk.transport} is off"),
            )
        if trunk.register_ and (trunk.username is None or trunk.host is None):
            yield ("trunks", index, "register"), "needs a host to register with, a username and a password"
        if trunk.number_format == "national" and trunk.country is None:
            yield ("trunks", index, "number_format"), "national numbers need the country they belong to"
        for name in trunk.headers:
            if not is_free_name(name):
                yield ("trunks", index, "headers"), f"{name} is written by Ringline itself"
        for address in trunk.addresses:
            if address in owners:
                yield ("trunks", index, "addresses"), f"{address} belongs to trunk {owners[address]} already"
            owners.setdefault(address, trunk.name)


def _users(settings: Settings) -> Iterator[Fault]:
    for index, user in enumerate(settings.users):
        if user.password is None and user.contact is None:
            yield ("users", index), "needs a password to log in with, a contact to be called at, or both"
        if settings.account is not None and user.username == settings.account.api_key:
            yield ("users", index, "username"), "is the account's api_key"


def _emergency(settings: Settings) -> Iterator[Fault]:
    name = settings.emergency.trunk
    callable_trunks = [one.name for one in settings.trunks if one.host is not None]
    if name is not None and name not in callable_trunks:
        yield ("emergency", "trunk"), f"there is no trunk {name!r} with a host{_hint(name, callable_trunks)}"
    for index, country in enumerate(settings.emergency.countries):
        if country not in SUPPORTED_SHORT_REGIONS:
            yield ("emergency", "countries", index), f"nothing is known about the emergency numbers of {country}"


def _hint(given: str, known: list[str]) -> str:
    near = get_close_matches(given, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_loopback(bind: str) -> bool:
    address = _address(bind)
    return address.is_loopback if address is not None else bind == "localhost"
