"""The sections of `ringline.toml`: every setting with its type, range, default and meaning.

A setting is `section.name` in the file and `RINGLINE_SECTION__NAME` in the environment.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from ringline.accounts import PublicKeyError, read_public_key
from ringline.routing import Srtp, digits_of, read_host_port, read_network, read_sip_address
from ringline.sdp import CODECS


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


def _codec(name: str) -> str:
    if name not in CODECS:
        raise ValueError(f"must be one of {', '.join(CODECS)}")
    return name


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
CodecName = Annotated[str, AfterValidator(_codec)]
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
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
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
    stun: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]-]+$", max_length=260)] | None = None
    """A STUN server (`host` or `host:port`) that is asked at the start how the world sees us, for what of `media_host`
    and `sip_host` is not given."""
    file_base_url: BaseUrl | None = None
    "Base URL of recordings, where it differs from `base_url`."
    file_url_suffix: str = ""
    "Put behind recording URLs, for client libraries that look for a certain host name in them."


class PlaceSection(Section):
    """`[[sip.places]]`: another address of ours, for far ends in certain networks (an inner network, IPv6)."""

    networks: tuple[Network, ...] = Field(min_length=1)
    "Who sees us there: 10.0.0.0/8, or ::/0 for everybody with IPv6."
    sip_host: Host
    "Stands in Via and Contact for them."
    media_host: Host | None = None
    "Stands in SDP for them; None: as for everybody else."
    bind: Host | None = None
    "Listen on this address too, and send to them from it."


class Sip(Section):
    """`[sip]`: the SIP sockets and how callers log in."""

    bind: Host = "127.0.0.1"
    port: Port = 5060
    udp: bool = True
    tcp: bool = True
    tls_port: Port | None = None
    "None: no TLS, neither in nor out. 5061 is usual."
    tls_cert_file: Path | None = None
    """With `tls_key_file`, our certificate (PEM, with what leads to its authority); None: that of `[server]`, else one
    of Ringline's own authority."""
    tls_key_file: Path | None = None
    tls_ca_file: Path | None = None
    "A PEM file of authorities whose certificates are believed, besides those of the system."
    wss_port: Port | None = None
    "SIP over WebSocket (RFC 7118) for phones in browsers, with the certificate of TLS; None: none. 7443 is usual."
    ws_port: Port | None = None
    "The same without TLS, on the loopback address only: for trying things out, or behind a proxy that does TLS."
    ws_origins: tuple[Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")], ...] = ()
    "The web pages that may connect, such as `https://phone.example.com`; none given: all. Everybody logs in anyway."
    tls_unverified: tuple[Host, ...] = ()
    "Hosts we connect to whose certificates are taken as they are. Whoever sits between can then listen."
    realm: str = Field(default="ringline", min_length=1, max_length=64, pattern=r'^[^"\\\x00-\x1f]+$')
    caller_id: CallerIdPolicy = "own"
    "Which caller ids `sip` endpoints may show: numbers of the account, or any."
    places: tuple[PlaceSection, ...] = ()
    "Further addresses; the longest matching network counts."


class Media(Section):
    """`[media]`: RTP."""

    bind: Host = "127.0.0.1"
    port_min: int = Field(default=10_000, ge=1024, le=65534)
    port_max: int = Field(default=19_999, ge=1025, le=65535)
    threads: int = Field(default=0, ge=0, le=256)
    "0: one per core."
    media_timeout_s: float = Field(default=60.0, ge=1, le=86_400)
    "A leg without any audio packet for so long is hung up."
    loudest_above: int = Field(default=50, ge=2, le=10_000)
    "In conversations of more legs than this, only the loudest speakers are heard."
    loudest_speakers: int = Field(default=8, ge=1, le=1000)
    "So many of them."
    codecs: tuple[CodecName, ...] = Field(default=("G722", "PCMA", "PCMU", "opus"), min_length=1)
    "What is offered to phones and trunks, best first; numbers in +1 get PCMU before PCMA. Callers choose among these."
    browser_codecs: tuple[CodecName, ...] = Field(default=("opus", "G722", "PCMU", "PCMA"), min_length=1)
    "The same for browsers; PCMU or PCMA first spares transcoding where they mostly talk to phones."


class StoreSection(Section):
    """`[store]`: journal and records."""

    url: str | None = None
    "`sqlite:///file`; None: `ringline.db` in `data_dir`."
    spool_mb: int = Field(default=16, ge=0, le=10_000)
    """Megabytes reserved beside the database for what must not be lost while it takes nothing (full disk, locked,
    gone): undelivered events, records of calls and dialogs; 0 is no spool."""


class CallLimits(Section):
    """What an application or a trunk may do; None: as `[limits]` says for applications, no limit for trunks."""

    calls_at_once: Annotated[int, Field(ge=0)] | None = None
    "Outbound calls of an application; all calls of a trunk."
    calls_per_second: Annotated[float, Field(ge=0)] | None = None
    "New outbound calls."
    minutes_a_day: Annotated[float, Field(ge=0)] | None = None
    "Minutes of answered calls in a day (UTC): outbound ones of an application, all of a trunk."
    spend_a_day: Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=8)] | None = None
    "What these calls may cost, by the table of `[prices]`."
    allow: tuple[Prefix, ...] | None = None
    "First digits of the numbers that may be called; empty: all that are not denied."
    deny: tuple[Prefix, ...] | None = None
    "First digits of those that may not. The longer prefix of both lists counts."
    premium: bool | None = None
    "Whether premium-rate and satellite numbers may be called. A prefix in `allow` opens its own."


class Limits(Section):
    """`[limits]`: how much is let in; 0 is no limit."""

    calls_at_once: int = Field(default=0, ge=0)
    "Outbound calls of one application at the same time."
    minutes_a_day: float = Field(default=0.0, ge=0)
    "Minutes of outbound calls of one application in a day (UTC)."
    spend_a_day: Decimal = Field(default=Decimal(0), ge=0, le=1_000_000_000, decimal_places=8)
    "What they may cost, by the table of `[prices]`."
    allow: tuple[Prefix, ...] = ()
    "First digits of the numbers that may be called; empty: all that are not denied."
    deny: tuple[Prefix, ...] = ()
    "First digits of those that may not. The longer prefix of both lists counts."
    premium: bool = False
    "Whether premium-rate and satellite numbers may be called. A prefix in `allow` opens its own."

    calls_per_second: float = Field(default=3.0, ge=0)
    "New outbound legs per application."
    requests_per_second: float = Field(default=15.0, ge=0)
    "Other REST requests per application."
    failed_logins_per_minute: int = Field(default=20, ge=0)
    "Failed REST authentications per source address; beyond it they are answered 429."
    conversation_legs: int = Field(default=50, ge=2, le=1000)
    "Legs of one conversation. Above 50, only the loudest speakers are mixed."
    inbound_limit_s: float = Field(default=7200.0, gt=0)
    "The longest an inbound call may last."
    drain_s: float = Field(default=600.0, ge=0)
    "How long a stopping server waits for live calls."


class EmergencySection(Section):
    """`[emergency]`: numbers that call for help. Without a trunk for them they are never dialled."""

    countries: tuple[Country, ...] = ()
    "Where callers are; empty: the countries of the installation's numbers and trunks. 112 and 911 count everywhere."
    numbers: tuple[Annotated[str, BeforeValidator(_text), Field(pattern=r"^[0-9]{2,15}$")], ...] = ()
    "Further numbers that count, such as those of a house's own security."
    trunk: Name | None = None
    "The trunk that takes calls for help; they leave through it whatever other limits say."


class PricesSection(Section):
    """`[prices]`: what calls cost. Without a table they cost nothing."""

    file: Path | None = None
    "CSV with the heading `prefix,rate,network`, and `direction` (`out`, `in`) if wanted; rates are per minute."
    step_s: int = Field(default=1, ge=1, le=3600)
    "Time is paid for in steps of so many seconds, each that has begun: 1 is by the second, 60 by the minute."


class Speech(Section):
    """`[speech]`: who speaks."""

    engines: tuple[Name, ...] = ("espeak",)
    "In order of preference; the next one is asked when one fails."
    also: tuple[Name, ...] = ()
    "Engines that speak only where an application or a `talk` asks for them by name."
    workers: int = Field(default=0, ge=0, le=64)
    "Worker processes; 0: one per core."
    cache_mb: int = Field(default=512, ge=0, le=1_000_000)
    "Synthesized speech kept on disk, in megabytes; 0 keeps none."
    options: dict[str, dict[str, str]] = Field(default_factory=dict)
    "Settings of single engines: `[speech.options.polly]`."
    timeout_s: float = Field(default=10.0, ge=1, le=60)
    "How long a speech service may say nothing."


class RecognitionSection(Section):
    """`[recognition]`: who understands what callers say."""

    engines: tuple[Name, ...] = ("pocketsphinx",)
    "In order of preference; the next one is asked when one fails or lacks the language. None: no speech is recognised."
    workers: int = Field(default=0, ge=0, le=64)
    "Worker processes of each engine that has some; 0: one for every two cores."
    options: dict[str, dict[str, str]] = Field(default_factory=dict)
    "Settings of single engines: `[recognition.options.vosk]`."


class Webhooks(Section):
    """`[webhooks]`: requests to applications."""

    allow_private: bool = False
    "Whether loopback and private addresses may be asked. Metadata addresses never are."


class WebSockets(Section):
    """`[websockets]`: voice bots that are dialled by WebSocket."""

    allow_private: bool | None = None
    "Whether loopback and private addresses may be dialled; None: as `webhooks.allow_private`."
    ca_file: Path | None = None
    "A PEM file of authorities whose `wss` certificates are believed, besides those of the system."
    threads: int = Field(default=0, ge=0, le=256)
    "That shake hands, frame and encrypt; 0: one per core."


class ClientsSection(Section):
    """`[clients]`: browsers and apps of the applications' users."""

    session_grace_s: float = Field(default=30.0, ge=1, le=600)
    "A session whose connection is lost waits so long for the client to come back; then its calls end."
    media_grace_s: float = Field(default=30.0, ge=1, le=600)
    "A call whose audio is lost waits so long for the browser to bring it back."
    sessions_per_user: int = Field(default=10, ge=1, le=1000)
    sockets: int = Field(default=10_000, ge=1, le=1_000_000)
    "Open at one time, of all clients together; each needs a file descriptor. More get 503."


class PaymentsSection(Section):
    """`[payments]`: who charges the cards of `pay`."""

    url: Url | None = None
    "The payment hook: https, or in development loopback. None: every `pay` fails at once."
    timeout_s: float = Field(default=20.0, ge=1, le=60)
    "The longest it is waited for."


class Auth(Section):
    """`[auth]`: how strictly tokens are read."""

    leeway_s: float = Field(default=60.0, ge=0, le=3600)
    "How far the clocks of clients may be off."
    jti_replay: Literal["accept", "reject"] = "accept"
    "`reject` refuses a token that was used before; some official libraries use one many times."


class MetricsSection(Section):
    """`[metrics]`: who may read `/metrics`. This machine itself always may, others get 404."""

    token: SecretStr | None = Field(default=None, min_length=16)
    "Opens them from anywhere, as `Authorization: Bearer …`."
    anyone: bool = False
    "Let everybody read them."


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
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    "Keep them in this bucket of an S3-compatible store (`pip install 'ringline[s3]'`); None: in `data_dir`."
    bucket_prefix: str = Field(default="", max_length=200, pattern=r"^[A-Za-z0-9!_.*'()/-]*$")
    "Put before the names of the files."
    endpoint: BaseUrl | None = None
    "Base URL of the object store; None: Amazon's in `region`."
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    access_key: SecretStr | None = None
    "None: found in the environment, as Amazon's own programs do."
    secret_key: SecretStr | None = None


class RetentionSection(Section):
    """`[retention]`: after how many days what is forgotten."""

    journal_days: int = Field(default=30, ge=1, le=36_500)
    "Journals: what happened in calls, with keys pressed and words recognised."
    log_days: int = Field(default=14, ge=1, le=36_500)
    "SIP and webhook logs in them."
    audit_days: int = Field(default=400, ge=1, le=36_500)
    "The audit log."


class ApplicationRetention(Section):
    """Days for one application; None: as for all. Leg records have `leg_persistence_days`."""

    journal_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    log_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    recording_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


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
    extension: Annotated[str, BeforeValidator(_text), Field(pattern=r"^[0-9]{1,15}$")] | None = None
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
