"""What an installation is connected to, and what routing decides about a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from ringline.base import ApplicationId
from ringline.sip import KeptSums

UNKNOWN = "Unknown"
"What webhooks show as `from` of a caller who hides or has no number."


# ── what is configured ─────────────────────────────────────────────────────────────────────────────────────────────


Srtp = Literal["off", "optional", "required"]
"""Whether a call's audio is encrypted (SRTP). `off`: never, and who insists on it is refused. `optional`: where the far
end offers it; our own offers name keys only over TLS. `required`: always, and plain audio is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Name and password for a digest challenge of the other side."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A carrier, PBX or session border controller: numbers are reached through it and calls come from it."""

    name: str
    addresses: tuple[str, ...] = ()
    "Addresses and networks (`198.51.100.7`, `203.0.113.0/28`) whose INVITEs are calls of this trunk."
    host: str | None = None
    "Where calls are sent: a name or an address. None: the trunk only brings calls in."
    port: int | None = None
    "None: found by DNS (SRV), else 5060."
    transport: str | None = None
    "`udp`, `tcp` or `tls`; None: found by DNS, else UDP."
    prefixes: tuple[str, ...] = ("",)
    "First digits of the numbers it takes, in E.164; the longest match of all trunks wins. An empty one takes all."
    credentials: Credentials | None = None
    caller_id: str = "own"
    "`own`: only numbers of the account are shown, others become anonymous; `any`: every number is."
    caller_number: str | None = None
    "Shown instead of a caller id that may not be; None: such calls are anonymous."
    number_format: str = "plus"
    "How numbers are written to it: `plus` (+4420…), `bare` (4420…), `00` (004420…) or `national` (020…)."
    number_uri: str = "sip"
    "`sip` or `tel`: the kind of URI a number is called by."
    trust_identity: bool = False
    "Believe its P-Asserted-Identity (RFC 3325): it counts more than From."
    max_calls: int | None = None
    "Calls at the same time, both ways."
    codecs: tuple[str, ...] = ()
    "Codecs to speak with it, the preferred first; empty: those of the installation."
    headers: tuple[tuple[str, str], ...] = ()
    "Added to every INVITE to it."
    ping_s: float = 0.0
    "Pause between two OPTIONS that ask whether it is there; 0 asks nothing."
    registers: bool = False
    "Tell it by REGISTER where we are; needs `credentials`."
    register_expires_s: int = 600
    country: str | None = None
    "Where national numbers that come from it belong (`GB`); None: all numbers are international."
    srtp: Srtp = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUser:
    """A phone or PBX that logs in with name and password, or can always be found at a fixed address."""

    username: str
    password: str = field(repr=False, default="")
    "Empty: nobody can log in as this user, unless `kept` has its sums; he can only be called."
    kept: KeptSums | None = field(repr=False, default=None)
    "What a login is checked against where the password itself is kept nowhere."
    number: str | None = None
    "A number of the installation that is his: calls to it go to `contact`, calls from him show it."
    extension: str | None = None
    "A short number for `vbc` endpoints."
    contact: str | None = None
    "A fixed SIP URI such as `sip:bob@127.0.0.1:5070`."
    application: ApplicationId | None = None
    "Whose answer URL is asked for whatever he dials that is not a linked number."
    domain: str | None = None
    "The name of the SIP domain he belongs to; None: he may call the installation itself."
    srtp: Srtp = "optional"

    def can_log_in(self) -> bool:
        return bool(self.password) or self.kept is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SipDomain:
    """A SIP domain that belongs to an application: every call to `sip:<anything>@<domain>` asks its answer URL."""

    name: str
    "A label (`acme` is `acme.sip.<host>` and `acme.sip-eu.<host>`), or a whole host name of your own."
    application: ApplicationId
    acl: tuple[str, ...] = ()
    "Addresses and networks that may call; empty: any, if `digest_auth` is on."
    digest_auth: bool = False
    "Callers log in as one of the domain's users. With neither this nor an `acl`, nobody may call."
    tls: Srtp = "optional"
    "`required`: calls and registrations come over TLS or WSS; `off`: over neither."
    srtp: Srtp = "optional"


class NumberBook(Protocol):
    """The numbers of the account, as `ringline.accounts.Directory` knows them."""

    def owns(self, msisdn: str) -> bool: ...

    def application_of(self, msisdn: str) -> ApplicationId | None: ...

    def is_forwarded(self, msisdn: str) -> bool:
        """Whether calls to it are connected straight to somebody, whatever application it has."""
        ...


# ── what is decided about a call that comes in ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Where an admitted call goes."""

    application: ApplicationId | None
    "None only for a forwarded number that belongs to no application."
    to: str
    "`to` of the answer webhook: the number without `+`, or what was dialled."
    number: str | None
    "The number of the account that was called, if it was one."
    endpoint_type: str
    "`phone` for calls of trunks and SIP Connect, `sip` for those of users and to domains."
    forwarded: bool = False
    "The number's calls are connected straight to where it is forwarded."


# ── what is decided about a call that goes out ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Where the INVITE is sent, to be looked up as RFC 3263 says."""

    host: str
    "A name or an address, IPv6 without brackets."
    port: int | None = None
    transport: str | None = None
    "`udp`, `tcp` or `tls`; None: DNS decides, else UDP."


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Everything an outgoing INVITE needs to know before SDP."""

    request_uri: str
    to_uri: str
    hop: Hop
    from_uri: str
    from_display: str | None
    headers: tuple[tuple[str, str], ...]
    credentials: Credentials | None
    caller: str
    "The caller id that is really shown: digits, or `Unknown`."
    trunk: str | None = None
    "The trunk's name, where the call leaves through one."
    codecs: tuple[str, ...] = ()
    "What to offer, the preferred first; empty: what the installation offers."
    srtp: Srtp = "optional"
    "How the audio is to be offered."
    user: str | None = None
    "Ring every phone this user registered; `request_uri` and `hop` are then only his address of record."
    then: tuple[Route, ...] = ()
    "To try in this order when this way fails."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unroutable:
    """The call cannot be made; the leg ends with this status and detail."""

    status: str
    detail: str
    why: str
    "For people, in the log and the inspector."
