"""The sections of `ringline.toml`: every setting with its type, range, default and meaning.

A setting is `section.name` in the file and `RINGLINE_SECTION__NAME` in the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from ringline.accounts import PublicKeyError, read_public_key
from ringline.routing import digits_of, read_host_port, read_network, read_sip_address


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be a URL that begins with http:// or https://")
    return text


def _base_url(text: str) -> str:
    if urlsplit(_url(text)).query:
        raise ValueError("must have no query")
    return text.rstrip("/")


def _host(text: str) -> str:
    place = read_host_port(f"[{text}]" if ":" in text else text)
    if place is None or place[1] is not None:
        raise ValueError("must be a host name or an address, without a port")
    return text


def _digits(text: str) -> str:
    digits = digits_of(text)
    if digits is None or not 2 <= len(digits) <= 15:
        raise ValueError("must be a number of 2 to 15 digits, such as 442079460000")
    return digits


def _prefix(text: str) -> str:
    digits = text.removeprefix("+")
    if digits and not (digits.isascii() and digits.isdecimal()):
        raise ValueError("must be the first digits of international numbers, such as 44")
    return digits


def _network(text: str) -> str:
    try:
        return str(read_network(text))
    except ValueError as error:
        raise ValueError(f"must be an address or a network such as 203.0.113.0/28 ({error})") from error


def _contact(text: str) -> str:
    if read_sip_address(text) is None:
        raise ValueError("must be a SIP URI such as sip:bob@192.0.2.7:5060")
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ValueError("must be a UUID such as 0b9d0c55-2222-4333-8444-955566677788") from error


def _public_key(text: str) -> str:
    try:
        return read_public_key(text)
    except PublicKeyError as error:
        raise ValueError(str(error)) from error


def _method(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Numbers written without quotes are numbers people can call, not quantities."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Url = Annotated[str, Field(max_length=2048), AfterValidator(_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=0, le=65535)]
Digits = Annotated[str, BeforeValidator(_text), AfterValidator(_digits)]
Prefix = Annotated[str, BeforeValidator(_text), AfterValidator(_prefix)]
Network = Annotated[str, AfterValidator(_network)]
SipUri = Annotated[str, AfterValidator(_contact)]
Uuid = Annotated[str, AfterValidator(_uuid)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Method = Annotated[Literal["GET", "POST"], BeforeValidator(_method)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$")]
CallerIdPolicy = Literal["own", "any"]


class Section(BaseModel):
    """Unknown names are errors: a misspelt setting must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(Section):
    """`[server]`: where REST is served."""

    http_bind: Host = "127.0.0.1"
    http_port: Port = 8080
    https_bind: Host = "127.0.0.1"
    https_port: Port | None = None
    "None: no HTTPS. Without `cert_file` and `key_file`, Ringline makes a certificate of its own authority."
    cert_file: Path | None = None
    key_file: Path | None = None


class Public(Section):
    """`[public]`: how others reach this installation, where that differs from what it binds."""

    base_url: BaseUrl | None = None
    "Base URL of REST as applications reach it; stands in links, recording URLs and `region_url`."
    sip_host: Host | None = None
    "The SIP host name or address; stands in `From`, `Contact` and `Via`."
    media_host: Host | None = None
    "The address written into SDP."
    file_base_url: BaseUrl | None = None
    "Base URL of recordings, where it differs from `base_url`."
    file_url_suffix: str = ""
    "Put behind recording URLs, for client libraries that look for a certain host name in them."


class Sip(Section):
    """`[sip]`: the SIP sockets and how callers log in."""

    bind: Host = "127.0.0.1"
    port: Port = 5060
    udp: bool = True
    tcp: bool = True
    realm: str = Field(default="ringline", min_length=1, max_length=64, pattern=r'^[^"\\\x00-\x1f]+$')
    caller_id: CallerIdPolicy = "own"
    "Which caller ids `sip` endpoints may show: numbers of the account, or any."


class Media(Section):
    """`[media]`: RTP."""

    bind: Host = "127.0.0.1"
    port_min: int = Field(default=10_000, ge=1024, le=65534)
    port_max: int = Field(default=19_999, ge=1025, le=65535)
    threads: int = Field(default=0, ge=0, le=256)
    "0: one per core."
    media_timeout_s: float = Field(default=60.0, ge=1, le=86_400)
    "A leg without any audio packet for so long is hung up."


class StoreSection(Section):
    """`[store]`: journal and records."""

    url: str | None = None
    "`sqlite:///file`; None: `ringline.db` in `data_dir`."


class Limits(Section):
    """`[limits]`: how much is let in; 0 is no limit."""

    calls_per_second: float = Field(default=3.0, ge=0)
    "New outbound legs per application."
    requests_per_second: float = Field(default=15.0, ge=0)
    "Other REST requests per application."
    failed_logins_per_minute: int = Field(default=20, ge=0)
    "Failed REST authentications per source address; beyond it they are answered 429."
    inbound_limit_s: float = Field(default=7200.0, gt=0)
    "The longest an inbound call may last."
    drain_s: float = Field(default=600.0, ge=0)
    "How long a stopping server waits for live calls."


class Speech(Section):
    """`[speech]`: who speaks."""

    engines: tuple[Name, ...] = ("espeak",)
    "In order of preference; the next one is asked when one fails."
    workers: int = Field(default=0, ge=0, le=64)
    "Worker processes; 0: one per core."
    cache_mb: int = Field(default=512, ge=0, le=1_000_000)
    "Synthesized speech kept on disk, in megabytes; 0 keeps none."
    options: dict[str, dict[str, str]] = Field(default_factory=dict)
    "Settings of single engines: `[speech.options.espeak]`."


class Webhooks(Section):
    """`[webhooks]`: requests to applications."""

    allow_private: bool = False
    "Whether loopback and private addresses may be asked. Metadata addresses never are."


class Auth(Section):
    """`[auth]`: how strictly tokens are read."""

    leeway_s: float = Field(default=60.0, ge=0, le=3600)
    "How far the clocks of clients may be off."
    jti_replay: Literal["accept", "reject"] = "accept"
    "`reject` refuses a token that was used before; some official libraries use one many times."


class Compat(Section):
    """`[compat]`: for clients that need something else than what is documented."""

    always_send_times: bool = False
    "Show `start_time` and `end_time` of live calls too, as the official PHP library needs it."
    accept_bad_ncco: bool = False
    "A faulty inline NCCO is answered 201 and reported as an error event, instead of 400."


class RecordingsSection(Section):
    """`[recordings]`: files of recorded calls."""

    keep_days: int = Field(default=30, ge=1, le=36_500)
    "After so many days a recording is deleted."


class AccountSection(Section):
    """`[account]`: the keys of this installation."""

    api_key: Username
    api_secret: SecretStr = Field(min_length=1)
    signature_secret: SecretStr = Field(min_length=1)
    "Signs webhooks; 32 characters or more."
    balance: float = 0.0
    "What the balance request answers; nothing is ever charged."
    number_pool: tuple[Digits, ...] = ()
    "Numbers of the installation that are not in use yet: the Numbers API finds and buys these."


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
    region: Literal["na-east", "na-west", "eu-west", "eu-east", "apac-sng", "apac-australia"] | None = None
    record_timeout_blocks: bool = True
    completed_after_failure: bool = False
    legacy_input_payload: bool = False
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
    transport: Literal["udp", "tcp"] | None = None
    prefixes: tuple[Prefix, ...] = ("",)
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    strip_plus: bool = False
    caller_id: CallerIdPolicy = "own"
    country: Country | None = None


class UserSection(Section):
    """`[[users]]`: a phone that logs in, or is always found at `contact`."""

    username: Username
    password: SecretStr | None = None
    number: Digits | None = None
    extension: Annotated[str, BeforeValidator(_text), Field(pattern=r"^[0-9]{1,15}$")] | None = None
    contact: SipUri | None = None
    application: str | None = None
    domain: str | None = None


class DomainSection(Section):
    """`[[domains]]`: a SIP domain whose calls all go to one application."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    application: str
    acl: tuple[Network, ...] = ()
    digest_auth: bool = False
