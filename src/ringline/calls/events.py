"""What the heart is told. Everything that it cannot derive arrives as one of these, and is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls.commands import Source
from ringline.calls.parties import AppSettings, Hook, Party
from ringline.calls.state import Leg


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLeg(Event):
    """Somebody calls one of the application's numbers."""

    leg: LegId
    from_: Party
    to: Party
    sip_headers: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LegArrived(Event):
    """A leg comes from another conversation, with all its state."""

    leg: Leg
    source: ConversationId


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
    "`response`, `no-response`, `no-route`, `unavailable`, `invalid-number`, `limit` or `internal`."
    sip_code: int | None = None
    q850: int | None = None
    why: str = ""


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
class RecordingDone(Event):
    """A recording's file can be fetched."""

    effect: EffectId
    recording: str
    url: str
    size: int
    start_time: datetime
    end_time: datetime


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmuffAsked(Event):
    """REST: earmuff or unearmuff."""

    leg: LegId
    earmuffed: bool


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(Event):
    """A deadline has come."""
