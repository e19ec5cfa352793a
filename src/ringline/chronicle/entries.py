"""What comes out of a projection: events, and the state of the conversation and its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ringline.base import ApplicationId, ConversationId
from ringline.calls.membership import Callback, Member, Person

DELETABLE: Final = ("message", "text", "image", "custom:*")
"Types of events that are words: they can be deleted, and are empty then."


def is_deletable(event_type: str) -> bool:
    """Whether events of this type are words, which can be deleted."""
    return event_type in DELETABLE or event_type.startswith("custom:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of a conversation."""

    id: int
    "Counts up from 1 without gaps; 0 for `ephemeral`, which is passed on but not kept."
    type: str
    at: datetime
    body: Mapping[str, Any]
    "JSON."
    member: str | None = None
    "The member it is about; None: the conversation, or the application itself."
    person: Person | None = None
    "That member's user."
    to: str | None = None
    "The one member it is for; None: everybody."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRecord:
    """A conversation as REST shows it."""

    id: ConversationId
    application: ApplicationId
    name: str
    state: str
    "`ACTIVE`, `INACTIVE` or `DELETED`."
    sequence: int
    "The number of its last event."
    created_at: datetime
    updated_at: datetime
    destroyed_at: datetime | None = None
    display_name: str | None = None
    image_url: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    numbers: tuple[Mapping[str, Any], ...] = ()
    callback: Callback | None = None
    by_script: bool = False
    "Made by a `conversation` action."
    lasts: bool = False
    "It was made to last: a name of its own, found again by it. Else it lives as long as its call."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one line of the journal has changed."""

    entries: tuple[Entry, ...] = ()
    members: tuple[Member, ...] = ()
    "Those that are new or have changed, as they are now."
    conversation: ConversationRecord | None = None
    "Set when something of it has changed, other than its number of events."
