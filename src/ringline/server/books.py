"""Turns settings into the book of applications and numbers and into the routing table, at start and at a reload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ringline.accounts import (
    Account,
    Application,
    ApplicationSettings,
    Directory,
    Number,
    RtcCapability,
    Secret,
    VoiceCapability,
    Webhook,
)
from ringline.base import ApplicationId
from ringline.routing import (
    Credentials,
    NumberBook,
    RoutingTable,
    SipDomain,
    SipUser,
    Trunk,
    country_of,
)
from ringline.server.checks import resolve_application
from ringline.server.sections import ApplicationSection, TrunkSection, UserSection
from ringline.server.settings import Settings


def make_directory(
    settings: Settings, *, saved_applications: Iterable[Application] = (), saved_numbers: Iterable[Number] = ()
) -> Directory:
    """The book of this installation: what the store has, overruled by what the settings say.

    A number whose settings name no application keeps the one it was linked to through the API.
    """
    applications = {one.id: one for one in (*saved_applications, *applications_of(settings))}
    numbers = {one.msisdn: one for one in saved_numbers}
    numbers |= {one.msisdn: _linked(one, numbers.get(one.msisdn)) for one in numbers_of(settings)}
    account = account_of(settings)
    return Directory(
        applications=applications.values(),
        numbers=numbers.values(),
        accounts=[account] if account is not None else [],
    )


def reload_directory(directory: Directory, *, old: Settings, new: Settings) -> None:
    """Put changed settings into force; what was made through the API stays as it is."""
    for application_id in _gone((one.id for one in old.applications), (one.id for one in new.applications)):
        directory.drop_application(ApplicationId(application_id))
    for msisdn in _gone((one.number for one in old.numbers), (one.number for one in new.numbers)):
        directory.drop_number(msisdn)
    for application in applications_of(new):
        directory.put_application(application)
    for number in numbers_of(new):
        directory.put_number(_linked(number, directory.number(number.msisdn)))
    account = account_of(new)
    if account is not None:
        directory.put_account(account)


def make_routing(settings: Settings, book: NumberBook) -> RoutingTable:
    """The routing table the settings describe; `book` is asked for numbers at every call."""
    account = settings.account
    return RoutingTable(
        book=book,
        sip_host=settings.sip_host(),
        sip_port=settings.sip.port,
        trunks=[_trunk(one) for one in settings.trunks],
        users=[_user(settings, one) for one in settings.users],
        domains=[
            SipDomain(
                name=one.name,
                application=_application_id(settings, one.application) or ApplicationId(one.application),
                acl=one.acl,
                digest_auth=one.digest_auth,
            )
            for one in settings.domains
        ],
        account_secrets={account.api_key: account.api_secret.get_secret_value()} if account is not None else {},
        caller_id=settings.sip.caller_id,
        transports=settings.sip_transports(),
    )


def account_of(settings: Settings) -> Account | None:
    """The account of the settings, if they have one."""
    if settings.account is None:
        return None
    return Account(
        api_key=settings.account.api_key,
        secrets=(Secret(id="settings", value=settings.account.api_secret.get_secret_value()),),
        signature_secret=settings.account.signature_secret.get_secret_value(),
    )


def applications_of(settings: Settings) -> Sequence[Application]:
    """The applications the settings name. All of them may have calls."""
    return [_application(one) for one in settings.applications]


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
            answer_fields=section.answer_fields,
        ),
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
        strip_plus=section.strip_plus,
        caller_id=section.caller_id,
        country=section.country,
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
    )


def _application_id(settings: Settings, reference: str | None) -> ApplicationId | None:
    found = resolve_application(settings, reference) if reference is not None else None
    return ApplicationId(found) if found is not None else None


def _linked(number: Number, known: Number | None) -> Number:
    if known is None or number.application_id is not None:
        return number
    return replace(number, application_id=known.application_id)


def _gone(old: Iterable[str], new: Iterable[str]) -> list[str]:
    kept = set(new)
    return [one for one in old if one not in kept]
