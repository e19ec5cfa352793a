"""The sections of `ringline.toml`: every setting with its type, range, default and meaning.

A setting is `section.name` in the file and `RINGLINE_SECTION__NAME` in the environment. What is listed there
(applications, numbers, trunks, users, domains) is in `entries.py`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from ringline.server.values import (
    BaseUrl,
    CallerIdPolicy,
    CodecName,
    Country,
    Digits,
    Host,
    Name,
    Network,
    Port,
    Prefix,
    Url,
    Username,
    as_text,
)


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
    connections: int = Field(default=4000, ge=1, le=1_000_000)
    "Open at one time, sockets of clients apart; each needs a file descriptor. Above it, the silent ones have to go."
    connections_per_source: int = Field(default=1000, ge=1, le=1_000_000)
    "The same for one address, or one IPv6 network of 64 bits. A proxy before us is one address."


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
    numbers: tuple[Annotated[str, BeforeValidator(as_text), Field(pattern=r"^[0-9]{2,15}$")], ...] = ()
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
