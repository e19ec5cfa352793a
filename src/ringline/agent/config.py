"""What a user agent is told once, and what it is told with every call it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringline.agent.flood import FloodLimits
from ringline.sip import Credentials, Destination, Flow, Place, Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Addresses, names, times and limits of one user agent."""

    contacts: Mapping[str, tuple[str, int]]
    "Transport (`udp`, `tcp`) to the host and port others reach us at; goes into Via and Contact."
    places: tuple[Place, ...] = ()
    "Other hosts for far ends in certain networks; the ports stay."
    user_agent: str
    "For example `Ringline/0.1.0`."
    realm: str
    "The realm of our digest challenges."
    digest_algorithms: tuple[str, ...] = ("MD5", "SHA-256")
    "Offered in this order; phones that read only the first challenge want MD5 there."
    timers: Timers = field(default_factory=Timers)
    session_expires_s: int = 1800
    "How often a call has to be refreshed, where the far end knows session timers (RFC 4028); 0 asks for none."
    failover_s: float = 6.0
    "How long a destination may stay silent while there is another one to try."
    max_calls: int = 4000
    "Legs at the same time; above it new calls get 503."
    max_transactions: int = 40_000
    "Server transactions at the same time; above it requests get 503 and nothing is stored."
    max_transactions_per_source: int = 10_000
    "The same for one address."
    flood: FloodLimits = field(default_factory=FloodLimits)
    "How fast sources without a name may talk, before their messages are dropped unread."
    takes_refer: bool = False
    "REFER and INVITE with Replaces are told of; else the first is declined and the second is a call like any other."
    retry_after_s: int = 10
    "Goes with 503 while draining or overloaded."


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingInvite:
    """A call to make."""

    request_uri: str
    "Where it goes; `To` may differ."
    destinations: tuple[Destination | Flow, ...]
    "Addresses to try in order: the next one after silence, 503 or a dead transport. A flow is that of a registration."
    from_: tuple[str, str]
    "Display name (may be empty) and URI."
    to: str
    "URI."
    headers: tuple[tuple[str, str], ...] = ()
    "Added to the INVITE as they are; names that are no words, or that the user agent writes itself, are left out."
    sdp: bytes | None
    "Our offer."
    any_transport: bool = False
    "Nobody has named the transport: what is too long for a datagram goes over TCP (RFC 3261 section 18.1.1)."
    others: bool = False
    "There are other ways to try when this one fails: its last destination is not waited for to the end either."
    patience_s: float | None = None
    "How long each destination may be silent; None: as the user agent has it."
    routes: tuple[str, ...] = ()
    "Route values, for who is reached through proxies."
    credentials: Credentials | None = None
    "Answers a 401 or 407."


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSpec:
    """A trunk to keep an eye on."""

    name: str
    uri: str
    "Where it is: `sip:carrier.example.com;transport=tcp`."
    aor: str
    "Who we are there: From of OPTIONS and REGISTER, and the address that is registered."
    ping_s: float = 0.0
    "Pause between two OPTIONS; 0 asks nothing."
    registers: bool = False
    "Tell it by REGISTER where we are."
    expires_s: int = 600
    "For how long, when it registers; the far end may say less or more."
    credentials: Credentials | None = None
