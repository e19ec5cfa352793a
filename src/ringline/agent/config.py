"""What a user agent is told once, and what it is told with every call it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringline.sip import Credentials, Destination, Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Addresses, names, times and limits of one user agent."""

    contacts: Mapping[str, tuple[str, int]]
    "Transport (`udp`, `tcp`) to the host and port others reach us at; goes into Via and Contact."
    user_agent: str
    "For example `Ringline/0.1.0`."
    realm: str
    "The realm of our digest challenges."
    digest_algorithms: tuple[str, ...] = ("MD5", "SHA-256")
    "Offered in this order; phones that read only the first challenge want MD5 there."
    timers: Timers = field(default_factory=Timers)
    failover_s: float = 6.0
    "How long a destination may stay silent while there is another one to try."
    max_calls: int = 4000
    "Legs at the same time; above it new calls get 503."
    max_transactions: int = 40_000
    "Server transactions at the same time; above it requests get 503 and nothing is stored."
    max_transactions_per_source: int = 10_000
    "The same for one address."
    retry_after_s: int = 10
    "Goes with 503 while draining or overloaded."


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingInvite:
    """A call to make."""

    request_uri: str
    "Where it goes; `To` may differ."
    destinations: tuple[Destination, ...]
    "Addresses to try in order: the next one after silence, 503 or a dead transport."
    from_: tuple[str, str]
    "Display name (may be empty) and URI."
    to: str
    "URI."
    headers: tuple[tuple[str, str], ...] = ()
    "Added to the INVITE as they are; names that are no words, or that the user agent writes itself, are left out."
    sdp: bytes | None
    "Our offer."
    credentials: Credentials | None = None
    "Answers a 401 or 407."
