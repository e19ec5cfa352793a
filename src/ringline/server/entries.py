"""The lists of `ringline.toml`: applications, numbers, trunks, users and domains, with what is said of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from ringline.routing import Srtp
from ringline.server.sections import CallLimits, Section
from ringline.server.values import (
    CallerIdPolicy,
    CodecName,
    Country,
    Digits,
    HeaderName,
    Host,
    Method,
    Name,
    Network,
    Prefix,
    PublicKey,
    SipUri,
    Url,
    Username,
    Uuid,
    as_text,
)


class ApplicationRetention(Section):
    """Days for one application; None: as for all. Leg records have `leg_persistence_days`."""

    journal_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    log_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    recording_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class ApplicationSection(Section):
    """`[[applications]]`: an application that is known from the start."""

    id: Uuid
    name: str = Field(min_length=1, max_length=255)
    public_key: PublicKey | None = None
    "PEM; or `public_key_file`."
    public_key_file: Path | None = None
    answer_url: Url | None = None
    answer_method: Method = "GET"
    fallback_answer_url: Url | None = None
    fallback_answer_method: Method = "GET"
    answer_connect_timeout_ms: int = Field(default=1000, ge=300, le=1000)
    answer_socket_timeout_ms: int = Field(default=5000, ge=1000, le=5000)
    event_url: Url | None = None
    event_method: Method = "POST"
    event_connect_timeout_ms: int = Field(default=1000, ge=300, le=1000)
    event_socket_timeout_ms: int = Field(default=10_000, ge=1000, le=10_000)
    rtc_event_url: Url | None = None
    rtc_event_method: Method = "POST"
    signed_callbacks: bool = True
    conversations_ttl_h: int = Field(default=48, ge=0, le=9000)
    leg_persistence_days: int = Field(default=2, ge=1, le=31)
    voices: tuple[Name, ...] = ()
    "Speech engines for its texts, before those of `[speech]`; each is among `engines` or `also` there."
    region: Literal["na-east", "na-west", "eu-west", "eu-east", "apac-sng", "apac-australia"] | None = None
    limits: CallLimits = CallLimits()
    retention: ApplicationRetention = ApplicationRetention()
    record_timeout_blocks: bool = True
    completed_after_failure: bool = False
    legacy_input_payload: bool = False
    speaking_events: bool = False
    answer_fields: Literal["full", "minimal"] = "full"


class NumberSection(Section):
    """`[[numbers]]`: a number that leads to an application."""

    number: Digits
    application: str | None = None
    "Its id or its name."
    country: Country | None = None
    "None: found from the number."
    status_callback: Url | None = None


class TrunkSection(Section):
    """`[[trunks]]`: a carrier or PBX."""

    name: Name
    addresses: tuple[Network, ...] = ()
    host: Host | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    transport: Literal["udp", "tcp", "tls"] | None = None
    prefixes: tuple[Prefix, ...] = ("",)
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    strip_plus: bool = False
    'The older way to say `number_format = "bare"`.'
    number_format: Literal["plus", "bare", "00", "national"] = "plus"
    "How numbers are written to it: +4420…, 4420…, 004420… or 020… (which needs `country`)."
    number_uri: Literal["sip", "tel"] = "sip"
    caller_id: CallerIdPolicy = "own"
    caller_number: Digits | None = None
    "Shown in place of a caller id that may not be shown."
    country: Country | None = None
    limits: CallLimits = CallLimits()
    trust_identity: bool = False
    "Believe its P-Asserted-Identity."
    max_calls: int | None = Field(default=None, ge=1)
    codecs: tuple[CodecName, ...] = ()
    "The preferred first; empty: those of `[media]`."
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    "Added to every INVITE to it."
    options_s: float = Field(default=0, ge=0, le=86_400)
    "Pause between two OPTIONS that ask whether it is there; 0: it is not asked."
    register_: bool = Field(default=False, alias="register")
    "Register with it, so that it finds us at a changing address; needs `username` and `password`."
    register_expires_s: int = Field(default=600, ge=60, le=86_400)
    srtp: Srtp = "optional"
    "Encrypted audio: `off`, `optional` (where the far end offers it; ours name keys only over TLS) or `required`."


class UserSection(Section):
    """`[[users]]`: a phone that logs in, or is always found at `contact`."""

    username: Username
    password: SecretStr | None = None
    number: Digits | None = None
    extension: Annotated[str, BeforeValidator(as_text), Field(pattern=r"^[0-9]{1,15}$")] | None = None
    contact: SipUri | None = None
    application: str | None = None
    domain: str | None = None
    srtp: Srtp = "optional"
    "As for trunks."


class DomainSection(Section):
    """`[[domains]]`: a SIP domain whose calls all go to one application."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    application: str
    acl: tuple[Network, ...] = ()
    digest_auth: bool = False
    tls: Srtp = "optional"
    "Whether calls and registrations may (`optional`), must (`required`) or must not (`off`) come over TLS."
    srtp: Srtp = "optional"
    "As for trunks."
