"""The media core as the engine sees it: plans in, events out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringline.base import ConversationId, EffectId, LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpKeys:
    """How a leg's audio is encrypted (RFC 3711), by the keys that SDES exchanges (RFC 4568)."""

    send_suite: str
    "`AES_CM_128_HMAC_SHA1_80` or `AES_CM_128_HMAC_SHA1_32`."
    send_key: bytes = field(repr=False)
    "Our 30 bytes of master key and salt."
    receive_suite: str
    receive_key: bytes = field(repr=False)
    "The far end's."


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPlan:
    """Where a leg's audio goes and how it is coded: the outcome of one offer and answer."""

    remote_host: str
    "The address of the far end's `c=` line; audio goes to where it really comes from once that is learned."
    remote_port: int
    "The port of its `m=audio` line; 0 while there is none."
    codec: str
    "The encoding's name: `PCMU`, `PCMA`, `G722`, `opus` or `L16`."
    payload_type: int
    "The RTP number agreed for `codec`."
    clock_hz: int = 8000
    "The RTP clock of the codec; 8000 for G.722, too."
    dtmf_payload_type: int | None = None
    "The RTP number agreed for telephone-event (RFC 4733); None when it was not."
    ptime_ms: int = 20
    "Length of the packets we send."
    send: bool = True
    "False while the far end has put us on hold (its direction is sendonly or inactive)."
    receive: bool = True
    "False while we hold it."
    rtcp_port: int | None = None
    "The far end's port for RTCP if it named one (RFC 3605); None: the one after its audio's."
    rtcp_mux: bool = False
    "RTCP shares the port of the audio (RFC 5761)."
    dtmf_clock_hz: int = 8000
    "The RTP clock of telephone-event."
    srtp: SrtpKeys | None = None
    "None: plain RTP. The same keys again go on counting; a leg whose keys change starts anew with those."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCounters:
    """What one leg's audio amounted to."""

    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_late: int
    packets_malformed: int
    packets_foreign: int
    "Dropped because they came from a source other than the learned one."
    jitter_ms: float
    "Interarrival jitter as in RFC 3550 section 6.4.1, in milliseconds."
    keys_received: int
    bytes_in: int = 0
    "Of audio, without RTP headers."
    bytes_out: int = 0
    concealed_ms: int = 0
    "Audio made up for packets that were lost or too late."
    delay_ms: float = 0.0
    "By how much the jitter buffer delays the leg's voice now."
    packets_handed_on: int = 0
    "Sent as another leg's packets came, without decoding."
    reports_sent: int = 0
    round_trip_ms: float | None = None
    "From RTCP; None while the far end has told nothing."
    far_loss: float = 0.0
    "The share of our packets that the far end lost lately, 0 to 1 (RTCP)."
    far_jitter_ms: float = 0.0
    "The jitter of our packets at the far end (RTCP)."
    opinion: float | None = None
    "Estimated mean opinion score (ITU-T G.107) of what is heard from the leg, 1 to 4.5; None while unknown."
    far_opinion: float | None = None
    "The same of what the leg hears."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDown:
    """A DTMF key went down: told at its first packet, once, so that prompts can be cut at once (RFC 4733)."""

    leg: LegId
    digit: str
    "One of `0`-`9`, `*`, `#`, `A`-`D`."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReleased:
    """The same key went up; told once however many end packets came, or 120 ms after the last packet if none did."""

    leg: LegId
    digit: str
    held_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackFinished:
    """A prompt was played out, or stopped by `stop`. Nothing more of it will be heard."""

    play: EffectId
    played_ms: int
    "How much of it was really sent, all loops together."
    stopped: bool
    "True when `stop` or the end of its target cut it."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSent:
    """All digits of one `send_keys` have left."""

    keys: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceReached:
    """The leg of a `watch_silence` has said nothing for the time asked."""

    watch: EffectId


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStarted:
    """The first valid RTP packet of a leg has arrived."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTimeout:
    """Neither RTP nor RTCP came from an unheld leg for the media timeout (60 s by default)."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMediaFailed:
    """The leg's media ended by itself: a panic contained to it, or its socket died."""

    leg: LegId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaConnected:
    """The way to a browser stands: ICE and DTLS are done. Told again after an interruption or with a new transport."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInterrupted:
    """A browser answers no checks any more (about 10 s). The leg stays: whoever owns it decides how long."""

    leg: LegId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """Somebody began to talk on an observed leg. All times of an observation count from its start."""

    watch: EffectId
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped:
    """He has said nothing for 300 ms."""

    watch: EffectId
    at_ms: int
    "When he stopped."
    spoke_ms: int
    "How long he talked, short pauses included."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneHeard:
    """A tone has ended that networks and machines make."""

    watch: EffectId
    at_ms: int
    "When it ended."
    tone: str
    "`ringing`, `busy`, `information` (three tones before an announcement), `beep` or `fax`."
    length_ms: int
    hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLevels:
    """A second of an observed leg."""

    watch: EffectId
    at_ms: int
    "When it ended."
    dbfs: tuple[int, ...]
    "The level of each 20 ms, against full scale; -96 is nothing."
    content: str
    "What the last two seconds mostly were: `silence`, `speech`, `music` or `noise`."


MediaEvent = (
    KeyDown
    | KeyReleased
    | PlaybackFinished
    | KeysSent
    | SilenceReached
    | AudioStarted
    | MediaTimeout
    | LegMediaFailed
    | MediaConnected
    | MediaInterrupted
    | SpeechStarted
    | SpeechStopped
    | ToneHeard
    | AudioLevels
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonoLayout:
    """One channel: everything heard in the room, prompts included, also those that only one leg hears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardLayout:
    """Two channels: left what `leg` says, right what `leg` hears."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotLayout:
    """`channels` channels; legs take them in order of joining, the surplus shares the last. No prompts."""

    channels: int


RecordingLayout = MonoLayout | HeardLayout | SlotLayout


class RecordingSink(Protocol):
    """Takes the audio of one recording tap; called on the event loop, never blocks."""

    def write(self, pcm: bytes) -> None:
        """Take a block of interleaved 16-bit little-endian samples at the rate that was asked for, 100 ms or more."""
        ...

    def lost(self, milliseconds: int) -> None:
        """The consumer was too slow: so much audio was replaced by nothing. Counted, reported in the log."""
        ...


class Media(Protocol):
    """The media core as the engine sees it. Every call only enqueues; results come as `MediaEvent`s."""

    def listen(self, receive: Callable[[MediaEvent], None]) -> None:
        """Name who takes the events; called on the event loop, in batches' order."""
        ...

    def open(self, leg: LegId) -> tuple[str, int]:
        """Bind an RTP socket for the leg; return the address and port to write into SDP.

        Raises:
            MediaError: no port of the range is free.
        """
        ...

    def configure(self, leg: LegId, plan: RtpPlan) -> None:
        """Put an offer/answer outcome into force; also in the middle of a call. Packets flow from now on."""
        ...

    def close(self, leg: LegId) -> None:
        """Stop everything of this leg and release its port (which rests 3 s). Unknown legs are ignored."""
        ...

    def counters(self, leg: LegId) -> LegCounters | None:
        """The leg's counters now; None when it is not (or no longer) open."""
        ...

    def arrange(
        self,
        room: ConversationId,
        hears: Mapping[LegId, frozenset[LegId]],
        *,
        muted: frozenset[LegId] = frozenset(),
        gains_db: Mapping[LegId, float] | None = None,
    ) -> None:
        """Say who is in the room (the keys, oldest member first) and whom each of them hears (never itself).

        `muted` are the legs whose audio no recording of the room takes; a leg that nobody hears is still recorded.
        `gains_db` makes voices louder or quieter for all, in decibels. Takes effect in one tick. A leg that was in
        another room leaves that one. An empty mapping dissolves the room and cuts its prompts.
        """
        ...

    def play(
        self,
        play: EffectId,
        target: LegId | ConversationId,
        *,
        rate_hz: int,
        level_db: float = 0.0,
        loop: int = 1,
        duck_db: float = 0.0,
        after: EffectId | None = None,
    ) -> None:
        """Start a prompt, heard by one leg (though it may be in a room) or by everybody in a room.

        The audio comes with `feed`; `loop` 0 repeats for ever. Prompts of one target are mixed; one that names another
        in `after` waits until that has ended. While it sounds, what the target hears besides is `duck_db` quieter.
        Ends with `PlaybackFinished`; a target that closes ends it too.
        """
        ...

    def feed(self, play: EffectId, pcm: bytes, *, last: bool) -> None:
        """Hand in 16-bit little-endian mono samples of a prompt; `last` says that no more follows."""
        ...

    def stop(self, play: EffectId) -> None:
        """Cut a prompt now. Unknown or finished prompts are ignored."""
        ...

    def yield_to(self, play: EffectId, *, keys_of: LegId | None = None, voice_of: EffectId | None = None) -> None:
        """Have a prompt cut by a key of a leg (no letter) or by the speech that an ear tells of, as soon as heard.

        The key or the speech is told first, then the prompt's `PlaybackFinished`. It is an offer, for speed: whoever
        hears of the key or the speech stops the prompt all the same.
        """
        ...

    def send_keys(self, keys: EffectId, leg: LegId, digits: str) -> None:
        """Send `0`-`9`, `*`, `#`, `A`-`D`; `p` is a pause of 500 ms. Queued behind earlier ones of this leg."""
        ...

    def watch_silence(self, watch: EffectId, leg: LegId, seconds: float) -> None:
        """Tell with `SilenceReached` once the leg has said nothing for so long, counted from now."""
        ...

    def observe(self, watch: EffectId, leg: LegId) -> None:
        """Tell speech, tones and levels of the leg (`SpeechStarted` and its like) until `unwatch`."""
        ...

    def unwatch(self, watch: EffectId) -> None:
        """Forget a `watch_silence` or an `observe`."""
        ...

    def record(
        self,
        tap: EffectId,
        room: ConversationId,
        layout: RecordingLayout,
        sink: RecordingSink,
        *,
        rate_hz: int = 8000,
    ) -> None:
        """Give everything heard in the room to `sink` until `stop_recording`. Legs that join later are in it.

        The sink gets `rate_hz` (8000, 16 000 or 48 000), whatever the room is mixed at.
        """
        ...

    def pause_recording(self, tap: EffectId, *, paused: bool) -> None:
        """Give silence to the sink from now on, or what is heard again: time goes on. Unknown taps are ignored."""
        ...

    def stop_recording(self, tap: EffectId) -> None:
        """End a tap: what is left goes to the sink before this returns."""
        ...

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`: ports in use, legs, rooms, pacing lag, packets, losses, … by name."""
        ...
