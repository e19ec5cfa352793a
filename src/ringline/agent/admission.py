"""Who may call or register: the questions put to the owner of the agent."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.sip import Flow, NameAddr, Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteContext:
    """An INVITE at the door."""

    source: Flow
    request_uri: Uri
    from_: NameAddr
    to: NameAddr
    username: str | None
    "Proved by digest; None before anybody was asked."
    headers: tuple[tuple[str, str], ...] = ()
    "As they came; credentials left out."


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterContext:
    """A REGISTER at the door. Admitted, its identity is the user whose contacts are meant."""

    source: Flow
    aor_user: str
    "The user part of To: whose contacts are to be changed."
    host: str
    "The host of the Request-URI: the domain."
    username: str | None
    "Proved by digest; None before anybody was asked."
