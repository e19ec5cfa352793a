"""What the heart is told. Everything that it cannot derive arrives as one of these, and is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls.commands import Source
from ringline.calls.membership import Actor, Member, Person, Profile, Resumed
from ringline.calls.parties import AppSettings, Hook, Party, TranscriptionWish
from ringline.calls.state import Detection, Leg


class Event:
    """Something that happened outside the heart."""

    __slots__ = ()


# ── the conversation and its legs ──────────────────────────────────────────────────────────────────────────────────


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


# ── from the far end ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class LegProgress(Event):
    """The far end of an outbound leg alerts (180 or 183)."""

    leg: LegId
    early_media: bool = False
    "It sends audio already."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(Event):
    """Audio flows both ways: the far end answered, or our answer to an inbound leg is out."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFailed(Event):
    """An outbound leg came to nothing."""

    leg: LegId
    cause: str
    "`response`, `no-response`, `no-route`, `unavailable`, `declined`, `invalid-number`, `limit` or `internal`."
    sip_code: int | None = None
    q850: int | None = None
    why: str = ""
    error: str = ""
    "What the application hears in an error event; empty: nothing, or what goes with the cause."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRated(Event):
    """The operator's table of rates knows what this leg costs, and whose network it leads to."""

    leg: LegId
    rate: str
    "Per minute: a decimal number with eight decimals."
    network: str | None = None
    step_s: int = 1
    "The time that counts is rounded up to a multiple of so many seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegGone(Event):
    """The far end left: BYE, or CANCEL before we answered."""

    leg: LegId
    sip_code: int | None = None
    "An error code received inside the dialog; None for a normal end."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLost(Event):
    """The leg's audio or signalling died on us."""

    leg: LegId
    why: str
    sip_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDisconnected(Event):
    """The application dropped the socket of a WebSocket leg, or the socket died; not: we closed it."""

    leg: LegId
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTroubled(Event):
    """Something about the leg is not as its application thinks; it goes on, and the application hears of it."""

    leg: LegId
    reason: str
    "For the error event, such as `WebSocket buffer overflow`."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferAsked(Event):
    """The phone of this leg wants whom it talks with to be connected to somebody else (RFC 3515): a blind transfer."""

    leg: LegId
    to: Party
    ring_limit_s: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Event):
    """The phone of this leg has two calls and brings its partners together (RFC 3891): it takes part in neither more.

    Told to both conversations: first to the younger one, whose other legs go to the older, then to that one itself.
    """

    leg: LegId
    conversation: ConversationId
    "Where the partners meet."
    asked: bool = False
    "It was asked for in the dialog of this leg, which is told how it went."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegReplaces(Event):
    """Another phone of the same user takes a call over (INVITE with Replaces, RFC 3891): it takes the leg's place."""

    leg: LegId
    "The new one."
    replaced: LegId
    from_: Party
    to: Party
    sip_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDown(Event):
    """A DTMF key went down."""

    leg: LegId
    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReleased(Event):
    """It went up again."""

    leg: LegId
    digit: str
    held_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingChanged(Event):
    """Somebody has begun to speak, or is silent again: steadied, for those who watch. No rule depends on it."""

    leg: LegId
    speaks: bool


# ── results of commands ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayEnded(Event):
    """A prompt was played out, cut, or could not be had."""

    effect: EffectId
    leg: LegId | None
    played_ms: int = 0
    stopped: bool = False
    failure: str | None = None
    "Begins with a documented sentence, such as `Text-to-speech failed.`"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSent(Event):
    """All keys of a `SendKeys` have left."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceFound(Event):
    """The watched leg has been silent long enough."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineVerdict(Event):
    """Who has answered, as the detector sees it."""

    effect: EffectId
    leg: LegId
    verdict: str
    "`human` or `machine`; who cannot be told from a person is a person."
    why: str = ""
    "For people: what the detector went by."


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepHeard(Event):
    """A machine's tone is over: what is said now is recorded by it."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDone(Event):
    """A recording's file can be fetched."""

    effect: EffectId
    recording: str
    url: str
    size: int
    start_time: datetime
    end_time: datetime
    file_id: str = ""
    "The file behind the URL."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed(Event):
    """A recording could not be kept (full disk)."""

    effect: EffectId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions(Event):
    """An `Ask` has come to its end, after retries and fallback."""

    effect: EffectId
    leg: LegId
    script: str | None
    "A valid NCCO as JSON text; None: nothing to replace the running one."
    failed: bool = False
    "No server could be brought to a usable answer."
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionsFaulty(Event):
    """An answer to an `Ask` carried an invalid NCCO; a fallback may still be tried."""

    effect: EffectId
    leg: LegId
    reason: str
    "Begins with the documented sentence."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFound(Event):
    """What a `Find` has found."""

    effect: EffectId
    leg: LegId
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """Somebody who is listened to has begun to speak."""

    effect: EffectId
    leg: LegId
    ago_s: float = 0.0
    "How long ago; it takes a moment to tell speech from noise."


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(Event):
    """He has been silent after it for as long as was asked; what he said follows."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One reading of what was said."""

    text: str
    confidence: str
    "0.0 to 1.0, at most eight significant digits."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised(Event):
    """Nothing more comes of a `Listen`. Before any speech: the recogniser has failed, or there is none."""

    effect: EffectId
    leg: LegId
    results: tuple[Alternative, ...] = ()
    "Best first."
    error: str | None = None
    "Begins with `ERR1: Failed to analyze audio`."
    recording_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOpened(Event):
    """The leg's keys go to the collector; or (`ready` False) there is nobody to charge a card."""

    effect: EffectId
    leg: LegId
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CardKeyed(Event):
    """The first digit of a field has been pressed. Which one, nobody knows here."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEntered(Event):
    """A field is complete: the verdict is all that is told of it."""

    effect: EffectId
    leg: LegId
    verdict: str
    "`ok`, `InvalidCardType`, `InvalidCardNumber`, `InvalidExpirationDate`, `InvalidSecurityCode` or `Timeout`."


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCharged(Event):
    """The payment gateway has answered, or cannot be reached."""

    effect: EffectId
    leg: LegId
    outcome: str
    "`charged`, `declined` or `unavailable`."


# ── REST ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpAsked(Event):
    """REST: end the leg."""

    leg: LegId
    why: str = "hung up by REST"


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteAsked(Event):
    """REST: mute or unmute."""

    leg: LegId
    muted: bool
    posted: bool = False
    "It came as an event of the conversation, which is told even if nothing changes by it."


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmuffAsked(Event):
    """REST: earmuff or unearmuff."""

    leg: LegId
    earmuffed: bool
    posted: bool = False
    "It came as an event of the conversation, which is told even if nothing changes by it."


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsked(Event):
    """REST: run another script on this leg, in a conversation of its own."""

    leg: LegId
    script: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayAsked(Event):
    """REST: speak or stream into this leg."""

    leg: LegId
    kind: str
    "`talk` or `stream`."
    source: Source
    loop: int = 1
    level: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """REST: stop the talk or stream that plays in this leg."""

    leg: LegId
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysAsked(Event):
    """REST: send DTMF to this leg's far end."""

    leg: LegId
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAsked(Event):
    """REST: report each key of this leg to `hook` (None: stop it)."""

    leg: LegId
    hook: Hook | None


# ── REST: the conversation as a whole ──────────────────────────────────────────────────────────────────────────────


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
