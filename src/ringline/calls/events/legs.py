"""A conversation opens, and legs come into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringline.base import ConversationId, LegId
from ringline.calls.events.base import Event
from ringline.calls.membership import Person, Profile, Resumed
from ringline.calls.parties import AppSettings, Hook, Party
from ringline.calls.state import Detection, Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Event):
    """The first line of every journal."""

    conversation: ConversationId
    application: AppSettings
    seed: str
    "Hexadecimal; all ids made in this conversation follow from it."
    name: str | None = None
    "Set for a named conversation."
    profile: Profile | None = None
    "Set for one that is meant to last."
    resumed: Resumed | None = None
    "Set when it was opened before, by an earlier run."


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLeg(Event):
    """Somebody calls one of the application's numbers."""

    leg: LegId
    from_: Party
    to: Party
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    custom_data: Mapping[str, Any] | None = None
    "JSON that the calling app gave along, for the answer webhook."
    status_callback: Hook | None = None
    "Set on the number that was called: hears of the call's `completed`, too."
    script: str | None = None
    "An NCCO as JSON text that is run instead of asking the application: the number's calls are forwarded."
    person: Person | None = None
    "The app user who calls; None: whoever it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingLeg(Event):
    """The application creates a call by REST."""

    leg: LegId
    to: Party
    from_: Party
    script: str | None
    "The inline NCCO as JSON text; None: ask `answer`."
    answer: Hook | None
    event: Hook | None
    "The request's own event URL, instead of the application's."
    ring_limit_s: float = 60
    length_limit_s: float = 7200
    dtmf_answer: str = ""
    detection: Detection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegArrived(Event):
    """A leg comes from another conversation, with all its state."""

    leg: Leg
    source: ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegIdentified(Event):
    """It is known which user of the application an outbound leg calls."""

    leg: LegId
    person: Person
