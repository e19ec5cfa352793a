"""The state of a conversation and its legs: plain data that can be written down and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ringline.base import ConversationId, EffectId, LegId
from ringline.calls.membership import Person
from ringline.calls.parties import AppSettings, Hook, Party, TranscriptionWish
from ringline.calls.rating import FREE
from ringline.calls.status import UP, Direction, Status
from ringline.calls.verdict import Verdict

if TYPE_CHECKING:
    from ringline.calls.commands import Source
    from ringline.calls.events import RoomRecordAsked

RING: Final = "ring"
LENGTH: Final = "length"
ACTION: Final = "action"
FAREWELL: Final = "farewell"
SPEECH: Final = "speech"
DETECTION: Final = "detection"
BEEP: Final = "beep"
FULL: Final = "Conversation participant limit reached."


class Activity:
    """The running state of one action; the classes are in `ringline.calls.actions`."""

    __slots__ = ()


@dataclass(slots=True, kw_only=True)
class Script:
    """An NCCO being run."""

    source: str
    "The NCCO as JSON text."
    position: int = 0
    "Index of the action that comes next."
    current: Activity | None = None
    waits_for_answer: bool = False
    "`current` needs audio; it starts once the leg is answered."
    whisper: bool = False
    "An onAnswer script: when it ends, the leg joins its caller."


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What a `transfer` action asks for the legs it brings to another conversation."""

    can_speak: tuple[LegId, ...] | None = None
    can_hear: tuple[LegId, ...] | None = None
    mute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What is to be found out about who answers, and what follows from it (call flow reference, section 10)."""

    mode: str = "detect"
    "`detect` and `detect_beep` hold everything up until it is known; `default` does not, and looks for the beep, too."
    hangs_up: bool = False
    "A machine is hung up."
    beep_timeout_s: float = 45
    "How long a beep is waited for, from the moment in which the machine was recognised."
    basic: bool = False
    "The basic detection was asked for: it looks a little longer, and for no beep."

    @property
    def window_s(self) -> float:
        """Who is undecided after so much audio is a person."""
        return 5.0 if self.basic else 4.5

    @property
    def waits(self) -> bool:
        """Nothing else goes on before the verdict."""
        return self.mode != "default"

    @property
    def wants_beep(self) -> bool:
        return self.mode != "detect" and not self.hangs_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A phone has referred the leg it talks with to somebody else, who is being called."""

    referrer: LegId
    "The phone that asked for it: it is let go of once its partner can talk with the other, and told if he cannot."
    child: LegId
    "The leg that is being called."
    alerted: bool = False
    "The phone knows that it rings there."
    ringback: EffectId | None = None


@dataclass(slots=True, kw_only=True)
class Leg:
    """One connection between Ringline and one endpoint."""

    ENUMS: ClassVar = {"direction": Direction, "status": Status}

    id: LegId
    direction: Direction
    from_: Party
    to: Party
    created_at: datetime
    status: Status = Status.STARTED
    event: Hook | None = None
    "Where its events go; None: nowhere."
    room_event: Hook | None = None
    "Instead of `event` while it is in a named conversation that says so."
    answer: Hook | None = None
    "An outbound leg's own answer URL."
    inline_script: str | None = None
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    custom_data: Mapping[str, Any] | None = None
    "What a calling app gave along."
    status_callback: Hook | None = None
    "Of the number that was called: hears of its `completed`, too."
    answered_at: datetime | None = None
    answered_now: float = 0.0
    rate: str = FREE
    "What a minute of it costs: a decimal number."
    rate_step_s: int = 1
    network: str | None = None
    parent: LegId | None = None
    "The leg whose `connect` made this one."
    replaces: LegId | None = None
    "Whose call it takes over, once it is answered."
    referral: Referral | None = None
    "Whom the phone it talks with has referred it to."
    person: Person | None = None
    "The user it stands for, where that is known."
    moves: int = 0
    "How often it has gone from one conversation to another."
    invited: bool = False
    "It was called into its conversation by REST, and takes part once it is answered."
    ring_limit_s: float = 60
    length_limit_s: float = 7200
    dtmf_answer: str = ""
    on_answer: Hook | None = None
    timers: dict[str, float] = field(default_factory=dict)
    "Name to monotonic deadline."
    script: Script | None = None
    asking: EffectId | None = None
    "The request for its first script (or its whisper)."
    transferring: EffectId | None = None
    "The request for the script of a transfer."
    keys: EffectId | None = None
    "The keys of `dtmfAnswer`, being sent."
    detection: Detection | None = None
    detecting: EffectId | None = None
    "The detector at work, listening for the beep included."
    held: bool = False
    "It is answered, but nothing goes on before it is known who it is, and the application has had its say."
    remarks: dict[EffectId, LegId] = field(default_factory=dict)
    """Status events that are out and may be answered with a script for this leg, with the leg that each is about: this
    one or a child of it."""
    pace: float = 0.0
    "How many actions have begun, less those that may have in the time since."
    pace_since: float = 0.0
    "When `pace` was worked out; monotonic."
    parting: bool = False
    "Its script is over and it is being let go, once the recordings are reported."
    last_outcome: Verdict | None = None
    "How its latest `connect` ended, if it failed: what an unanswered caller is told in the end."

    joining: Joining | None = None
    "It is on its way to another conversation by a `transfer` action, its own or that of a leg it was with."
    joined: bool = False
    "Takes part in the conversation's audio."
    hears_early: LegId | None = None
    "A ringing child whose early audio this leg hears."
    muted: bool = False
    earmuffed: bool = False
    hushed: bool = False
    "It enters a card: nobody hears it, and no recording takes it."
    can_speak: tuple[LegId, ...] | None = None
    can_hear: tuple[LegId, ...] | None = None
    start_on_enter: bool = True
    end_on_exit: bool = False
    hold_music: str | None = None
    music: EffectId | None = None
    "Hold music that plays to it."

    prompt: EffectId | None = None
    "The REST prompt that plays in it."
    prompt_kind: str = ""
    prompt_holds: bool = False
    "It is heard to its end though the script has none; one without end only where it took the place of the script's."
    key_hook: Hook | None = None
    "Where asynchronous DTMF goes."
    key_hook_active: bool = False
    answering: bool = False
    "We have answered this inbound caller; `LegAnswered` is on its way."
    early_open: bool = False
    "We have sent 183 with SDP to this inbound caller."

    @property
    def up(self) -> bool:
        return self.status in UP

    @property
    def busy(self) -> bool:
        """A script runs on it, or will."""
        waits_for = (self.script, self.asking, self.keys, self.transferring)
        return self.held or bool(self.remarks) or any(one is not None for one in waits_for)

    @property
    def event_hook(self) -> Hook | None:
        return self.room_event or self.event


@dataclass(slots=True, kw_only=True)
class Recording:
    """A recording of the conversation that runs or is being written."""

    effect: EffectId
    owner: LegId | None
    "None: REST asked for it, on behalf of the conversation."
    hook: Hook | None
    stopping: bool = False
    paused: bool = False
    "Silence is recorded until REST says otherwise."
    whole_room: bool = False
    "Asked for by a `conversation` action: ends with the conversation."
    beep: EffectId | None = None
    "The tone before it sounds still: it begins when that is over."
    order: RoomRecordAsked | None = None
    "What REST asked for."
    transcription: TranscriptionWish | None = None


@dataclass(slots=True, kw_only=True)
class Announcement:
    """A prompt that REST plays to the whole conversation or to one leg of it, or that waits for its turn."""

    effect: EffectId
    kind: str
    "`talk` or `stream`."
    source: Source
    loop: int
    level: float
    leg: LegId | None
    "None: everybody."
    playing: bool = False


@dataclass(slots=True, kw_only=True)
class Room:
    """A conversation: its legs in order of joining, and what belongs to all of them."""

    id: ConversationId
    application: AppSettings
    seed: str
    name: str | None = None
    effects: int = 0
    "How much of the seed's randomness is used."
    legs: dict[LegId, Leg] = field(default_factory=dict)
    recordings: dict[EffectId, Recording] = field(default_factory=dict)
    awaited: dict[EffectId, RoomRecordAsked] = field(default_factory=dict)
    "Recordings that begin when somebody comes."
    announcements: dict[EffectId, Announcement] = field(default_factory=dict)
    "Those that play and those that wait, in the order in which they were asked for."
    timers: dict[str, float] = field(default_factory=dict)
    "Name to monotonic deadline; `record:` and an effect for the longest a recording may be."
    started: bool = False
    "A named conversation in which somebody with `startOnEnter` is or was."
    arranged: tuple[tuple[LegId, tuple[LegId, ...]], ...] = ()
    arranged_muted: tuple[LegId, ...] = ()
    arranged_crowd: tuple[tuple[LegId, ...], tuple[LegId, ...]] = ((), ())
    "The same of a large room: its members, and those of them whom nobody hears."
    first_leg: LegId | None = None
    "Who was here first: the initial caller of a split recording."
    deleted: bool = False
    "Nobody can come (back) to it: it is closed as soon as nothing is left in it."
    closed: bool = False
