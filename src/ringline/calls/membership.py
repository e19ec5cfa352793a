"""Who takes part in a conversation, and what its owner says of it: values that come in by REST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ringline.base import LegId

INVITED: Final = "INVITED"
JOINED: Final = "JOINED"
LEFT: Final = "LEFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The user a member or leg stands for."""

    id: str
    "`USR-` and a UUID."
    name: str
    display_name: str | None = None
    image_url: str | None = None
    custom_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asked for something by REST: a user; nobody (None instead of an actor) is the application itself."""

    user: str
    "`USR-` and a UUID."
    member: str | None = None
    "As which member of the conversation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One user's membership of one conversation over one channel."""

    id: str
    "`MEM-` and a UUID."
    person: Person
    state: str
    "`INVITED`, `JOINED` or `LEFT`."
    channel: Mapping[str, Any] = field(default_factory=dict)
    "JSON, as REST shows it."
    leg: LegId | None = None
    "Its connection, where it has or had one."
    audio: bool = False
    enabled: bool = False
    muted: bool = False
    earmuffed: bool = False
    invited_at: datetime | None = None
    joined_at: datetime | None = None
    left_at: datetime | None = None
    invited_by: str | None = None
    "The inviting user."
    inviter: str | None = None
    "The inviting user's member."
    knocking_id: str | None = None
    initiator: Mapping[str, Any] = field(default_factory=dict)
    '`{"joined": {"is_system": true}}`: who brought about its latest state.'
    reason: Mapping[str, Any] = field(default_factory=dict)
    "Why it left: `code` and `text`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the events of one conversation go, besides the application's own URL."""

    url: str
    method: str = "POST"
    event_mask: str = ""
    "Event types separated by commas, `prefix:*` too; empty: all."
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is said of a conversation that is meant to last."""

    name: str
    display_name: str | None = None
    image_url: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    "`ttl` (seconds), `type`, `custom_sort_key`, `custom_data`."
    numbers: tuple[Mapping[str, Any], ...] = ()
    callback: Callback | None = None
    by_script: bool = False
    "Made by a `conversation` action: its time counts from its creation, not from when the last one has left."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What a conversation brings along from an earlier run of this process."""

    last_event: int
    created_at: datetime
    updated_at: datetime
    members: tuple[Member, ...] = ()
    "Those that have not left."
    visited: bool = False
    "Somebody has been in it."
