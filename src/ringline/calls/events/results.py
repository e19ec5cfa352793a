"""What became of commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringline.base import EffectId, LegId
from ringline.calls.events.base import Event


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
