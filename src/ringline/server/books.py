"""Turns settings into the book of applications and numbers and into the routing table, at start and at a reload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ringline.accounts import (
    Account,
    Application,
    ApplicationSettings,
    Directory,
    DomainUser,
    HostedDomain,
    Number,
    RtcCapability,
    Secret,
    VoiceCapability,
    Webhook,
    Wish,
)
from ringline.agent import PeerSpec
from ringline.base import ApplicationId, SystemRandom, get_log
from ringline.routing import (
    Credentials,
    NumberBook,
    RoutingTable,
    SipDomain,
    SipUser,
    Srtp,
    Trunk,
    country_of,
)
from ringline.server.checks import resolve_application
from ringline.server.entries import ApplicationSection, TrunkSection, UserSection
from ringline.server.secrets import secret_of
from ringline.server.settings import Settings
from ringline.sip import Credentials as SipCredentials
from ringline.sip import KeptSums, Place, Places

log = get_log(__name__)
_WISHES: Final[Mapping[Srtp, Wish]] = {"required": "always", "optional": "optional", "off": "never"}
_POLICIES: Final[Mapping[Wish, Srtp]] = {wish: policy for policy, wish in _WISHES.items()}


def make_directory(
    settings: Settings,
    *,
    saved_applications: Iterable[Application] = (),
    saved_numbers: Iterable[Number] = (),
    saved_domains: Iterable[HostedDomain] = (),
    secrets: Sequence[Secret] | None = None,
) -> Directory:
    """The book of this installation: what the store has, overruled by what the settings say.

    A number whose settings name no application keeps the one it was linked to through the API. `secrets` are those
    that are in force; None: the one of the settings.
    """
    applications = {one.id: one for one in (*saved_applications, *applications_of(settings))}
    numbers = {one.msisdn: one for one in saved_numbers}
    numbers |= {one.msisdn: _linked(one, numbers.get(one.msisdn)) for one in numbers_of(settings)}
    account = account_of(settings, secrets)
    directory = Directory(
        applications=applications.values(),
        numbers=numbers.values(),
        accounts=[account] if account is not None else [],
        domains=saved_domains,
    )
    _configure_domains(directory, settings)
    return directory


def reload_directory(
    directory: Directory, *, old: Settings, new: Settings, secrets: Sequence[Secret] | None = None
) -> None:
    """Put changed settings into force; what was made through the API stays as it is."""
    for application_id in _gone((one.id for one in old.applications), (one.id for one in new.applications)):
        directory.drop_application(ApplicationId(application_id))
    for msisdn in _gone((one.number for one in old.numbers), (one.number for one in new.numbers)):
        directory.drop_number(msisdn)
    for application in applications_of(new):
        directory.put_application(application)
    for number in numbers_of(new):
        directory.put_number(_linked(number, directory.number(number.msisdn)))
    account = account_of(new, secrets)
    if account is not None:
        directory.put_account(account)
    _configure_domains(directory, new)


def make_routing(settings: Settings, book: NumberBook, domains: Iterable[HostedDomain] = ()) -> RoutingTable:
    """The routing table the settings describe, with the `domains` made through the API; `book` is asked for numbers at
    every call.
    """
    account = settings.account
    names = [one.name for one in settings.domains]
    made = [one for one in domains if one.name not in names]
    return RoutingTable(
        book=book,
        sip_host=settings.sip_host(),
        sip_port=settings.sip.port,
        trunks=[_trunk(one) for one in settings.trunks],
        users=[*(_user(settings, one) for one in settings.users), *_made_users(settings, made)],
        domains=[
            SipDomain(
                name=one.name,
                application=_application_id(settings, one.application) or ApplicationId(one.application),
                acl=one.acl,
                digest_auth=one.digest_auth,
                tls=one.tls,
                srtp=one.srtp,
            )
            for one in settings.domains
        ]
        + [_made_domain(one) for one in made],
        account_keys=(account.api_key,) if account is not None else (),
        caller_id=settings.sip.caller_id,
        transports=settings.sip_transports(),
        srtp=True,
    )


def make_places(settings: Settings) -> Places:
    """Our addresses as far ends in different networks see them."""
    return Places(
        Place(sip_host=settings.sip_host(), bind=settings.sip.bind),
        [
            Place(sip_host=one.sip_host, networks=one.networks, media_host=one.media_host, bind=one.bind)
            for one in settings.sip.places
        ],
    )


def make_peers(settings: Settings) -> tuple[PeerSpec, ...]:
    """The trunks to ping or to register with."""
    return tuple(
        _peer(settings, one) for one in settings.trunks if one.host is not None and (one.options_s or one.register_)
    )


def _peer(settings: Settings, section: TrunkSection) -> PeerSpec:
    host = f"[{section.host}]" if section.host is not None and ":" in section.host else section.host or ""
    port = f":{section.port}" if section.port is not None else ""
    transport = f";transport={section.transport}" if section.transport is not None else ""
    trunk = _trunk(section)
    credentials = (
        SipCredentials(username=trunk.credentials.username, password=trunk.credentials.password)
        if trunk.credentials is not None
        else None
    )
    ours = settings.sip_host()
    at_home = f"sip:ringline@[{ours}]" if ":" in ours else f"sip:ringline@{ours}"
    return PeerSpec(
        name=section.name,
        uri=f"sip:{host}{port}{transport}",
        aor=f"sip:{section.username}@{host}" if section.register_ else at_home,
        ping_s=section.options_s,
        registers=section.register_,
        expires_s=section.register_expires_s,
        credentials=credentials,
    )


def account_of(settings: Settings, secrets: Sequence[Secret] | None = None) -> Account | None:
    """The account of the settings, if they have one, with its secrets: None for the one of the settings only."""
    if settings.account is None:
        return None
    if secrets is None:
        secrets = (secret_of(settings.account, realm=settings.sip.realm, random=SystemRandom()),)
    return Account(
        api_key=settings.account.api_key,
        secrets=tuple(secrets),
        signature_secret=settings.account.signature_secret.get_secret_value(),
    )


def applications_of(settings: Settings) -> Sequence[Application]:
    """The applications the settings name. All of them may have calls."""
    return [_application(one) for one in settings.applications]


def voices_of(settings: Settings, application: ApplicationId) -> tuple[str, ...]:
    """The speech engines an application prefers; none where the settings do not name it."""
    return next((one.voices for one in settings.applications if one.id == application), ())


def numbers_of(settings: Settings) -> Sequence[Number]:
    """The numbers the settings name; their country is found where it is not given."""
    return [
        Number(
            msisdn=one.number,
            country=one.country or country_of(one.number),
            application_id=_application_id(settings, one.application),
            status_callback=one.status_callback,
        )
        for one in settings.numbers
    ]


def _application(section: ApplicationSection) -> Application:
    return Application(
        id=ApplicationId(section.id),
        name=section.name,
        public_key=section.public_key,
        voice=VoiceCapability(
            answer_url=_answer(section, section.answer_url, section.answer_method),
            fallback_answer_url=_answer(section, section.fallback_answer_url, section.fallback_answer_method),
            event_url=_event(section, section.event_url, section.event_method),
            signed_callbacks=section.signed_callbacks,
            conversations_ttl_h=section.conversations_ttl_h,
            leg_persistence_days=section.leg_persistence_days,
            region=section.region,
        ),
        rtc=RtcCapability(
            event_url=_event(section, section.rtc_event_url, section.rtc_event_method),
            signed_callbacks=section.signed_callbacks,
        ),
        settings=ApplicationSettings(
            record_timeout_blocks=section.record_timeout_blocks,
            completed_after_failure=section.completed_after_failure,
            legacy_input_payload=section.legacy_input_payload,
            speaking_events=section.speaking_events,
            answer_fields=section.answer_fields,
        ),
        other_capabilities='{"vbc": {}}',  # who writes the settings maps the extensions, too
    )


def _answer(section: ApplicationSection, address: str | None, method: str) -> Webhook | None:
    if address is None:
        return None
    return Webhook(
        address=address,
        http_method=method,
        connect_timeout_ms=section.answer_connect_timeout_ms,
        socket_timeout_ms=section.answer_socket_timeout_ms,
    )


def _event(section: ApplicationSection, address: str | None, method: str) -> Webhook | None:
    if address is None:
        return None
    return Webhook(
        address=address,
        http_method=method,
        connect_timeout_ms=section.event_connect_timeout_ms,
        socket_timeout_ms=section.event_socket_timeout_ms,
    )


def _trunk(section: TrunkSection) -> Trunk:
    credentials = None
    if section.username is not None and section.password is not None:
        credentials = Credentials(username=section.username, password=section.password.get_secret_value())
    return Trunk(
        name=section.name,
        addresses=section.addresses,
        host=section.host,
        port=section.port,
        transport=section.transport,
        prefixes=section.prefixes,
        credentials=credentials,
        number_format="bare" if section.strip_plus else section.number_format,
        number_uri=section.number_uri,
        caller_id=section.caller_id,
        caller_number=section.caller_number,
        country=section.country,
        trust_identity=section.trust_identity,
        max_calls=section.max_calls,
        codecs=section.codecs,
        headers=tuple(section.headers.items()),
        ping_s=section.options_s,
        registers=section.register_,
        register_expires_s=section.register_expires_s,
        srtp=section.srtp,
    )


def _user(settings: Settings, section: UserSection) -> SipUser:
    return SipUser(
        username=section.username,
        password=section.password.get_secret_value() if section.password is not None else "",
        number=section.number,
        extension=section.extension,
        contact=section.contact,
        application=_application_id(settings, section.application),
        domain=section.domain,
        srtp=section.srtp,
    )


def _made_domain(domain: HostedDomain) -> SipDomain:
    return SipDomain(
        name=domain.name,
        application=domain.application_id,
        acl=domain.acl,
        digest_auth=domain.digest_auth,
        tls=_POLICIES[domain.tls],
        srtp=_POLICIES[domain.srtp],
    )


def _made_users(settings: Settings, domains: Iterable[HostedDomain]) -> list[SipUser]:
    """Who logs in at these domains; who has the name of a user of the settings gives way to him."""
    taken = {one.username for one in settings.users}
    found = [(domain.name, user) for domain in domains for user in domain.users.values() if user.key not in taken]
    return [SipUser(username=user.key, kept=_sums_of(user, settings.sip.realm), domain=name) for name, user in found]


def _sums_of(user: DomainUser, realm: str) -> KeptSums | None:
    if user.realm != realm:
        log.warning("a domain's user cannot log in: sip.realm has changed since his secret was set", user=user.key)
        return None
    return KeptSums({name: (value,) for name, value in user.sums.items()})


def _configure_domains(directory: Directory, settings: Settings) -> None:
    """Put the domains of the settings into the book, where the API shows them, and the names their users have."""
    users: dict[str, dict[str, DomainUser]] = {}
    for user in settings.users:
        if user.domain is not None:
            users.setdefault(user.domain, {})[user.username] = DomainUser(key=user.username)
    domains = [
        HostedDomain(
            name=one.name,
            application_id=_application_id(settings, one.application) or ApplicationId(one.application),
            acl=one.acl,
            digest_auth=one.digest_auth,
            tls=_WISHES[one.tls],
            srtp=_WISHES[one.srtp],
            users=users.get(one.name, {}),
            configured=True,
        )
        for one in settings.domains
    ]
    reserved = [one.username for one in settings.users if one.domain is None]
    directory.domains.configure(domains, reserved=reserved)


def _application_id(settings: Settings, reference: str | None) -> ApplicationId | None:
    found = resolve_application(settings, reference) if reference is not None else None
    return ApplicationId(found) if found is not None else None


def _linked(number: Number, known: Number | None) -> Number:
    """A number of the settings with what was set through the API and the settings say nothing about."""
    if known is None:
        return number
    return replace(number, application_id=number.application_id or known.application_id, forward=known.forward)


def _gone(old: Iterable[str], new: Iterable[str]) -> list[str]:
    kept = set(new)
    return [one for one in old if one not in kept]
