"""What REST asks of a conversation as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringline.base import EffectId, LegId
from ringline.calls.commands import Source
from ringline.calls.events.base import Event
from ringline.calls.membership import Actor, Member, Person, Profile
from ringline.calls.parties import Hook, Party, TranscriptionWish


@dataclass(frozen=True, slots=True, kw_only=True)
class LegInvited(Event):
    """Somebody is called into this conversation: the leg has no script, and takes part as soon as it is answered."""

    leg: LegId
    to: Party
    from_: Party
    person: Person | None = None
    "None: whoever answers."
    ring_limit_s: float = 60
    length_limit_s: float = 7200
    muted: bool = False
    earmuffed: bool = False
    knocking_id: str | None = None
    by: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(Event):
    """Somebody is a member now, or is invited to be one, without a connection of our own."""

    member: Member
    by: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    """Who was invited takes part."""

    member: str
    by: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """A member is no more: it left, declined or was removed. Its leg, if it has one here, is hung up."""

    member: str
    leg: LegId | None = None
    reason: Mapping[str, Any] = field(default_factory=dict)
    "`code` and `text`."
    by: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted(Event):
    """A message, or an event of the application's own: kept and passed on, without any effect on calls."""

    type: str
    body: Mapping[str, Any]
    member: str | None = None
    "Who says it; None: the application."
    to: str | None = None
    "The one member it is for."


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased(Event):
    """A posted event is deleted: its number stays, its words are gone."""

    event_id: int
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPlayAsked(Event):
    """Speak or stream to everybody in the conversation, or to one leg of it."""

    effect: EffectId
    kind: str
    "`talk` or `stream`."
    source: Source
    loop: int = 1
    level: float = 0.0
    queue: bool = False
    "Behind what plays already; else instead of it."
    leg: LegId | None = None
    "None: everybody."
    member: str | None = None
    "Who asked."


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStopAsked(Event):
    """Stop what `RoomPlayAsked` began: one prompt, or all of a kind, those that wait for their turn included."""

    kind: str
    effect: EffectId | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKeysAsked(Event):
    """Send DTMF to the far end of one leg, or (`leg` None) of all but the sender's."""

    digits: str
    leg: LegId | None = None
    member: str | None = None
    sender: LegId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRecordAsked(Event):
    """Record the conversation."""

    effect: EffectId
    container: str = "mp3"
    channels: int = 1
    heard: bool = False
    "Two channels: what the initial caller says, and what it hears."
    hook: Hook | None = None
    limit_s: float | None = None
    beep_start: bool = False
    "A tone is heard by all before it begins,"
    beep_stop: bool = False
    "and one when REST has stopped it."
    keep_days: int | None = None
    "How long the file is kept; None: as long as the operator says."
    wishes: Mapping[str, Any] = field(default_factory=dict)
    "What else was said of it, such as `transcription`."
    transcription: TranscriptionWish | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRecordStopAsked(Event):
    """Close a recording, or (`effect` None) all that REST began."""

    effect: EffectId | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRecordPauseAsked(Event):
    """Record silence instead of what is said, in every recording of the conversation, or what is said again."""

    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(Event):
    """What is said of the conversation is another now."""

    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAsked(Event):
    """The conversation is deleted, or its time is over: whoever is in it is hung up."""

    why: str = "the conversation was deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphaned(Event):
    """The process that held this conversation has died, and its legs' audio with it: what is left comes to its end."""

    why: str = "the process that held the call has died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(Event):
    """A deadline has come."""
