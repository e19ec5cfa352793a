"""Who may call: the question put to the owner of the agent, and its three answers."""

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


@dataclass(frozen=True, slots=True)
class Admit:
    """Let in."""

    identity: str
    "Who it is, for the engine."


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for a name and password (401); `admit` is asked again once they are right."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Turn away. 401, 403 and 407 count against the source: ten in a minute, and it is not answered for a while."""

    status: int
    reason: str = ""


Admission = Admit | Challenge | Refuse
