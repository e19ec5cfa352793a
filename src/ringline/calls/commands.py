"""What the heart wants done. Each command carries the leg or effect it is for; results come back as events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls.facts import Fact, LegView
from ringline.calls.parties import Hook, Party, TranscriptionWish
from ringline.calls.state import Leg


class Command:
    """Something the engine must do."""

    __slots__ = ()


# ── the application ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell(Command):
    """Send a notification; what comes back does not matter."""

    leg: LegId | None
    "Whose queue it stands in: notifications of one leg go out one after the other."
    hook: Hook | None
    "None: there is no URL at any level; the fact is shown in the call's timeline and dropped."
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Command):
    """Send a request whose answer may be a script; ends with `Instructions`."""

    effect: EffectId
    leg: LegId
    kind: str
    """`answer` (an answer, onAnswer or transfer URL: a script is expected), `event` (silence means: go on) or `remark`
    (a status that may be answered with a script: as `event`, but a refusal is no reason to ask the fallback URL)."""
    hook: Hook
    fact: Fact
    after: LegId | None = None
    """The leg in whose queue it stands: asked once the leg's earlier notifications are delivered or given up, and its
    later ones wait for the answer. None: asked at once."""


# ── the leg's far end ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Command):
    """Call the far end of an outbound leg."""

    leg: LegId
    to: Party
    from_: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Command):
    """Let an inbound caller hear ringing (180)."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEarly(Command):
    """Let an inbound caller who is not answered yet hear our audio (183 with SDP)."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Command):
    """Answer an inbound leg; ends with `LegAnswered`."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Command):
    """Let go of a leg whose end has been decided: refuse, cancel or hang up, free its audio.

    `sip_code` is the refusal of an inbound leg that was never answered. Nothing of the leg comes back after this.
    """

    leg: LegId
    sip_code: int | None = None
    far_is_gone: bool = False
    "The far end left by itself: there is nobody to tell."


@dataclass(frozen=True, slots=True, kw_only=True)
class SendKeys(Command):
    """Send DTMF to the far end; ends with `KeysSent`."""

    effect: EffectId
    leg: LegId
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellReferrer(Command):
    """Tell a phone how far its REFER has come, by a SIP status: 100, 180, 183, 200, or the failure."""

    leg: LegId
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowKey(Command):
    """Tell a WebSocket that somebody else in the conversation has pressed a key."""

    leg: LegId
    digit: str
    held_ms: int


# ── audio ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Text to be spoken."""

    text: str
    language: str = "en-US"
    style: int = 0
    premium: bool = False
    voice_name: str | None = None
    "A name of the deprecated option; set only where neither language nor style was given."
    provider: str | None = None
    "The speech engine that was asked for."
    provider_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFile:
    """An audio file to be fetched."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A tone made by Ringline."""

    name: str
    "`ringback`, `ringback-us` or `beep`."


Source = Speech | AudioFile | Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Play(Command):
    """Play into one leg, or (`leg` None) to everybody in the conversation; ends with `PlayEnded`."""

    effect: EffectId
    owner: LegId | None
    "The leg whose effect it is: the result follows that leg. None: the conversation's own."
    leg: LegId | None
    source: Source
    loop: int = 1
    level: float = 0.0
    yields_to_keys: bool = False
    "A key of the owner will cut it: whoever plays it may do so at once, before he is told to."
    yields_to_speech: EffectId | None = None
    "The `Listen` whose speech will cut it, likewise."


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlay(Command):
    """Cut a prompt."""

    effect: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSilence(Command):
    """Tell with `SilenceFound` when the leg has said nothing for so long."""

    effect: EffectId
    leg: LegId
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatch(Command):
    """Forget a `WatchSilence`."""

    effect: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect(Command):
    """Find out whether a person or a machine has answered; ends with `MachineVerdict`.

    With `beep` the detector goes on after it has recognised a machine: to its tone (`BeepHeard`) or `StopDetecting`.
    With `early` it listens to early media (RFC 3960) and tells nothing yet; the same effect without, at the answer,
    lets it tell.
    """

    effect: EffectId
    leg: LegId
    beep: bool = False
    early: bool = False
    window_s: float = 4.5
    "Who is undecided after so much audio, from the answer on, is a person."


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDetecting(Command):
    """Forget a `Detect`."""

    effect: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecording(Command):
    """Record the conversation; ends, after `StopRecording`, with `RecordingDone` or `RecordingFailed`."""

    effect: EffectId
    container: str
    "`mp3`, `wav` or `ogg`."
    channels: int
    "1: everything mixed."
    heard_by: LegId | None = None
    "With two channels: left what this leg says, right what it hears. None: one channel a leg."
    keep_days: int | None = None
    "How long the file is kept; None: as long as the operator says."
    transcription: TranscriptionWish | None = None
    "What was asked to be done with it later, for those who watch; `Transcribe` says when."


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRecording(Command):
    """Record silence from now on, so that the file's time goes on; or (`paused` false) what is heard again."""

    effect: EffectId
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecording(Command):
    """Close a recording's file."""

    effect: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribe(Command):
    """Write a finished recording down and tell the application of it. Nothing comes back to the conversation."""

    effect: EffectId
    "Which is the id of the transcription's file, too."
    recording: str
    file_id: str
    leg: LegId | None
    "In whose queue the webhook stands."
    hook: Hook | None
    wish: TranscriptionWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrange(Command):
    """Who is in the room and whom each of them hears, in order of joining.

    Of a large room `crowd` has the members: they hear each other, but for the `silent` ones; and `hears` has only those
    to whom that does not apply. So a plan is as long as the room is large, not its square.
    """

    hears: tuple[tuple[LegId, tuple[LegId, ...]], ...]
    crowd: tuple[LegId, ...] = ()
    silent: tuple[LegId, ...] = ()
    "Those of the crowd whom nobody hears."
    muted: tuple[LegId, ...] = ()
    "Those whose voice no recording takes; a leg that nobody hears is recorded even so."


# ── speech and cards ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen(Command):
    """Listen to what a leg says; tells `SpeechStarted`, `SpeechEnded`, and in the end `Recognised`."""

    effect: EffectId
    leg: LegId
    "The leg whose effect it is: the results follow that leg."
    speaker: LegId
    "The leg that is listened to."
    language: str | None
    "As the script has it; None means `en-US`."
    hints: tuple[str, ...] = ()
    end_on_silence_s: float = 2.0
    "Speech has ended after so much silence."
    sensitivity: int = 90
    "10 ignores noise, 100 hears everything."
    save_audio: bool = False
    provider: str | None = None
    provider_options: Mapping[str, Any] = field(default_factory=dict)
    stranger: str | None = None
    "The leg the script named instead, but which is not in the conversation: for the log."


@dataclass(frozen=True, slots=True, kw_only=True)
class StopListening(Command):
    """End a `Listen`: what has been said is enough (`finish`: `Recognised` follows), or is not wanted any more."""

    effect: EffectId
    finish: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPayment(Command):
    """From now on the leg's keys are those of a card: only the collector sees them; ends with `PaymentOpened`."""

    effect: EffectId
    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectCard(Command):
    """Begin one field of the card; tells `CardKeyed` at its first digit, and ends with `CardEntered`."""

    effect: EffectId
    leg: LegId
    field: str
    "`CardNumber`, `ExpirationDate` or `SecurityCode`."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCard(Command):
    """Charge the card that was entered, which is forgotten with that; ends with `CardCharged`."""

    effect: EffectId
    leg: LegId
    from_: str
    to: str
    amount: str
    "A decimal number."
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePayment(Command):
    """The leg's keys are ordinary ones again; what was entered is forgotten."""

    leg: LegId


# ── house-keeping ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The conversation of that name in this application; made if there is none."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A new conversation of the leg's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """A conversation by its id."""

    conversation: ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Find(Command):
    """Look whether the application has this conversation; ends with `ConversationFound`."""

    effect: EffectId
    leg: LegId
    conversation: ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Command):
    """The leg leaves this conversation, by value, and arrives in another (`LegArrived`)."""

    leg: Leg
    target: Named | Fresh | Existing


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Command):
    """The leg's record changed: what REST shows of it."""

    view: LegView


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Command):
    """Nothing is left in this conversation and nobody can come back to it."""
