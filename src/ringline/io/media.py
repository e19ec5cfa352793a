"""The media core as the engine sees it: `ringline.engine.ports.Media` over the Rust module `ringline._media`.

The adapter names things (ids to numbers and back), brings prompts to a rate of the core and carries recordings to
their sinks.
It runs on the event loop; the packets run on threads of their own that never wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from ringline._media import Event, SocketLine
from ringline._media import MediaCore as _Core
from ringline.base import ConversationId, EffectId, LegId, MediaError, get_log
from ringline.engine.ports import (
    EarSink,
    HeardLayout,
    KeysSent,
    LegCounters,
    LegMediaFailed,
    MediaEvent,
    MonoLayout,
    PlaybackFinished,
    RecordingLayout,
    RecordingSink,
    RtpPlan,
    SilenceReached,
)
from ringline.io._media_words import leg_counters, leg_event, observed, room_number, srtp_keys
from ringline.io._prompt_audio import RATES_HZ, PromptAudio

_BATCH = 4
"Events taken at a time."
_BATCHES = 8
"Taken per wake-up at most."
_TURN_S = 0.004
"No further batch is taken after so long: the end of a prompt may be the end of a call, and others wait for the loop."
_NO_LEG = 0
"The core numbers legs from 1: what is for this one ends at once."

_log = get_log("ringline.media")


@dataclass(slots=True)
class _Leg:
    """An open leg: its number, and the key orders and watches that may end silently with it."""

    number: int
    orders: list[int] = field(default_factory=list)


class MediaCore:
    """Implements `Media`. Make it, `start` it on a running loop, `shut_down` at the end."""

    def __init__(
        self,
        *,
        bind_ip: str = "127.0.0.1",
        advertise_ip: str | None = None,
        port_range: tuple[int, int] = (10_000, 19_999),
        threads: int = 0,
        media_timeout_s: float = 60.0,
        loudest_above: int = 50,
        loudest_speakers: int = 8,
    ) -> None:
        """Take the settings; nothing runs yet.

        `advertise_ip` is the address that `open` returns for SDP (`bind_ip` when None), RTP uses the even ports of
        `port_range`, ends included, and `threads` 0 is one per core. In rooms of more than `loudest_above` legs
        only the `loudest_speakers` are mixed.
        """
        self._bind_ip = bind_ip
        self._advertise_ip = advertise_ip or bind_ip
        self._port_range = port_range
        self._threads = threads
        self._media_timeout_ms = round(media_timeout_s * 1000)
        self._loudest = (loudest_above, loudest_speakers)
        self._core: _Core | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receive: Callable[[MediaEvent], None] | None = None
        self._numbers = count(1)
        self._legs: dict[LegId, _Leg] = {}
        self._leg_ids: dict[int, LegId] = {}
        self._prompts: dict[EffectId, PromptAudio] = {}
        self._watches: dict[EffectId, int] = {}
        self._effects: dict[int, EffectId] = {}
        "Prompts, key orders and watches by their numbers, until they end."
        self._taps: dict[EffectId, int] = {}
        self._sinks: dict[int, RecordingSink] = {}
        self._ears: dict[EffectId, tuple[int, EarSink]] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the pacing threads and take their events on `loop`.

        Raises:
            MediaError: the address or the ports cannot be used.
        """
        low, high = self._port_range
        try:
            core = _Core(
                bind_ip=self._bind_ip,
                port_low=low,
                port_high=high,
                threads=self._threads,
                media_timeout_ms=self._media_timeout_ms,
                loudest_above=self._loudest[0],
                loudest_speakers=self._loudest[1],
            )
        except (ValueError, OverflowError, OSError) as error:
            raise MediaError(f"the media core cannot start: {error}") from error
        self._core, self._loop = core, loop
        loop.add_reader(core.fileno(), self._poll)

    def shut_down(self) -> None:
        """End all legs and threads; recordings get what is left first. A second call does nothing."""
        if self._core is None or self._loop is None:
            return
        for tap in list(self._taps):
            self.stop_recording(tap)
        self._loop.remove_reader(self._core.fileno())
        self._core.shutdown()
        self._core = self._loop = None
        for table in (self._legs, self._leg_ids, self._prompts, self._watches, self._effects, self._ears):
            table.clear()

    def listen(self, receive: Callable[[MediaEvent], None]) -> None:
        """Name who takes the events."""
        self._receive = receive

    # ── legs ──

    def open(self, leg: LegId) -> tuple[str, int]:
        """Bind an RTP socket for the leg; return the address and port to write into SDP.

        Raises:
            MediaError: no port of the range is free, or the leg is open already.
        """
        if leg in self._legs:
            raise MediaError(f"leg {leg} is open already")
        number, port = self._running().open()
        self._legs[leg] = _Leg(number)
        self._leg_ids[number] = leg
        return self._advertise_ip, port

    def adopt(self, leg: LegId, line: SocketLine) -> None:
        """Open the leg over a WebSocket instead of RTP.

        Raises:
            MediaError: the leg is open already.
        """
        if leg in self._legs:
            raise MediaError(f"leg {leg} is open already")
        self.name(leg, self._running().adopt(line))

    def core(self) -> _Core:
        """The core itself, for adapters beside this one that open legs of another kind.

        Raises:
            MediaError: it does not run.
        """
        return self._running()

    def name(self, leg: LegId, number: int) -> None:
        """Give a leg that was opened in the core its name here."""
        self._legs[leg] = _Leg(number)
        self._leg_ids[number] = leg

    def number_of(self, leg: LegId) -> int | None:
        """The core's number of an open leg."""
        known = self._legs.get(leg)
        return None if known is None else known.number

    def configure(self, leg: LegId, plan: RtpPlan) -> None:
        """Put an offer/answer outcome into force.

        Raises:
            MediaError: the leg is not open, or the codec is none of ours.
        """
        if leg not in self._legs:
            raise MediaError(f"leg {leg} is not open")
        try:
            self._running().configure(
                self._legs[leg].number,
                remote_host=plan.remote_host,
                remote_port=plan.remote_port,
                rtcp_port=plan.rtcp_port,
                rtcp_mux=plan.rtcp_mux,
                codec=plan.codec,
                clock_hz=plan.clock_hz,
                payload_type=plan.payload_type,
                dtmf_payload_type=plan.dtmf_payload_type,
                dtmf_clock_hz=plan.dtmf_clock_hz,
                ptime_ms=plan.ptime_ms,
                send=plan.send,
                receive=plan.receive,
                srtp=srtp_keys(plan),
            )
        except (OverflowError, ValueError) as error:
            raise MediaError(f"the plan of leg {leg} cannot be carried out: {error}") from error

    def close(self, leg: LegId) -> None:
        """Stop everything of this leg; unknown legs are ignored. Its prompts still tell their end."""
        if leg in self._legs:
            self._running().close(self._legs[leg].number)
            self._forget(leg)

    def _forget(self, leg: LegId) -> None:
        gone = self._legs.pop(leg)
        self._leg_ids.pop(gone.number, None)
        for number in gone.orders:
            effect = self._effects.pop(number, None)
            if effect is not None:
                self._watches.pop(effect, None)

    def counters(self, leg: LegId) -> LegCounters | None:
        """The leg's counters now; None when it is not open."""
        counters = self._running().counters(self._legs[leg].number) if leg in self._legs else None
        return leg_counters(counters) if counters is not None else None

    def arrange(
        self,
        room: ConversationId,
        hears: Mapping[LegId, frozenset[LegId]],
        *,
        muted: frozenset[LegId] = frozenset(),
        gains_db: Mapping[LegId, float] | None = None,
    ) -> None:
        """Say who is in the room, oldest member first, and whom each hears; legs that are not open are left out."""
        present = frozenset(leg for leg in hears if leg in self._legs)
        # In a large room nearly all hear the same, and that set is looked at once.
        unheard = {id(voices): present - voices for voices in hears.values() if 2 * len(voices) >= len(present)}
        plan = [
            (self._legs[leg].number, *self._heard_by(leg, voices, unheard.get(id(voices))))
            for leg, voices in hears.items()
            if leg in present
        ]
        if hears and not plan:
            plan = [(_NO_LEG, False, [])]  # a room whose legs are not open yet is no dissolved room
        gains = [(self._legs[leg].number, gain) for leg, gain in (gains_db or {}).items() if leg in self._legs]
        self._running().arrange(room_number(room), plan, self._numbers_of(muted), gains)

    def _heard_by(
        self, leg: LegId, voices: frozenset[LegId], unheard: frozenset[LegId] | None
    ) -> tuple[bool, list[int]]:
        """Whom a leg hears, told the shorter way: in a large room nearly everybody hears nearly everybody."""
        if unheard is None:
            return False, self._numbers_of(voices)
        return True, self._numbers_of(unheard - {leg})

    def _numbers_of(self, legs: frozenset[LegId]) -> list[int]:
        return sorted(self._legs[leg].number for leg in legs if leg in self._legs)

    # ── prompts ──

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
        """Start a prompt for a leg, or for the room of a conversation.

        Raises:
            MediaError: `rate_hz` is no sampling rate, or the prompt plays already.
        """
        if not 1000 <= rate_hz <= 384_000:
            raise MediaError(f"{rate_hz} Hz is no sampling rate")
        if play in self._prompts:
            raise MediaError(f"prompt {play} plays already")
        core = self._running()
        before = None if after is None else self._prompts.get(after)
        number = self._number(play)
        prompt = self._prompts[play] = PromptAudio(number, rate_hz)
        in_room = target.startswith("CON-")
        leg = None if in_room else self._legs.get(LegId(target))
        start = core.play_to_room if in_room else core.play_to_leg
        start(
            number,
            room_number(ConversationId(target)) if in_room else _NO_LEG if leg is None else leg.number,
            rate_hz=prompt.inside_hz,
            level_db=level_db,
            rounds=loop,
            duck_db=duck_db,
            after=None if before is None else before.number,
        )

    def feed(self, play: EffectId, pcm: bytes, *, last: bool) -> None:
        """Hand in samples of a prompt; unknown, finished and complete prompts take nothing."""
        prompt = self._prompts.get(play)
        if prompt is not None and not prompt.complete:
            prompt.complete = last
            self._running().feed(prompt.number, prompt.convert(pcm, last=last), last)

    def stop(self, play: EffectId) -> None:
        """Cut a prompt now. Unknown or finished prompts are ignored."""
        prompt = self._prompts.get(play)
        if prompt is not None:
            self._running().stop(prompt.number)

    def yield_to(self, play: EffectId, *, keys_of: LegId | None = None, voice_of: EffectId | None = None) -> None:
        """Have a prompt cut by keys or an ear's speech in the frame in which they are heard; by unknown ones never."""
        prompt, leg = self._prompts.get(play), None if keys_of is None else self._legs.get(keys_of)
        ear = None if voice_of is None else self._ears.get(voice_of)
        if prompt is not None and (leg is not None or ear is not None):
            self._running().yield_to(
                prompt.number,
                keys_of=None if leg is None else leg.number,
                voice_of=None if ear is None else ear[0],
            )

    # ── keys and silence ──

    def send_keys(self, keys: EffectId, leg: LegId, digits: str) -> None:
        """Send `0`-`9`, `*`, `#`, `A`-`D`; `p` is a pause of 500 ms. A leg that is not open gets none."""
        if leg in self._legs:
            number = self._order(leg, keys)
            self._running().send_keys(number, self._legs[leg].number, digits)

    def watch_silence(self, watch: EffectId, leg: LegId, seconds: float) -> None:
        """Tell with `SilenceReached` once the leg has said nothing for so long, counted from now."""
        if leg in self._legs:
            number = self._watches[watch] = self._order(leg, watch)
            self._running().watch_silence(number, self._legs[leg].number, max(0, round(seconds * 1000)))

    def observe(self, watch: EffectId, leg: LegId) -> None:
        """Tell speech, tones and levels of the leg until `unwatch`; a leg that is not open gives none."""
        if leg in self._legs:
            number = self._watches[watch] = self._order(leg, watch)
            self._running().observe(number, self._legs[leg].number)

    def unwatch(self, watch: EffectId) -> None:
        """Forget a `watch_silence` or an `observe`."""
        number = self._watches.pop(watch, None)
        if number is not None:
            self._effects.pop(number, None)
            self._running().unwatch(number)

    def open_ear(
        self, ear: EffectId, leg: LegId, sink: EarSink, *, sensitivity: int = 90, rate_hz: int | None = None
    ) -> None:
        """Give what a leg says to `sink`, and tell it of speech, tones and levels, until `close_ear`.

        Raises:
            MediaError: `rate_hz` is none of 8000, 16 000 and 48 000.
        """
        if rate_hz is not None and rate_hz not in RATES_HZ:
            raise MediaError(f"a leg can be heard at {RATES_HZ} Hz, not at {rate_hz}")
        if leg in self._legs:
            number = self._number(ear)
            self._ears[ear] = number, sink
            if rate_hz is not None:
                self._sinks[number] = sink
            self._running().hear(number, self._legs[leg].number, sensitivity=sensitivity, rate_hz=rate_hz)

    def close_ear(self, ear: EffectId) -> None:
        """Listen no longer: what is left goes to the sink before this returns."""
        number, _ = self._ears.get(ear, (None, None))
        if number is not None:
            self._drain(number)
            self._ears.pop(ear, None)
            self._sinks.pop(number, None)
            self._effects.pop(number, None)
            self._running().unwatch(number)

    # ── recordings ──

    def record(
        self,
        tap: EffectId,
        room: ConversationId,
        layout: RecordingLayout,
        sink: RecordingSink,
        *,
        rate_hz: int = 8000,
    ) -> None:
        """Give everything heard in the room to `sink` until `stop_recording`.

        Raises:
            MediaError: the layout has no channels or more than 32, or `rate_hz` is none of 8000, 16 000 and 48 000.
        """
        if rate_hz not in RATES_HZ:
            raise MediaError(f"audio can be recorded at {RATES_HZ} Hz, not at {rate_hz}")
        core, number, number_of_room = self._running(), next(self._numbers), room_number(room)
        match layout:
            case MonoLayout():
                core.record_mono(number, number_of_room, rate_hz)
            case HeardLayout(leg=leg):
                known = self._legs.get(leg)
                core.record_heard(number, number_of_room, _NO_LEG if known is None else known.number, rate_hz)
            case _ if layout.channels < 1:
                raise MediaError(f"a recording has 1 to 32 channels, not {layout.channels}")
            case _:
                core.record_slots(number, number_of_room, layout.channels, rate_hz)
        self._taps[tap] = number
        self._sinks[number] = sink

    def pause_recording(self, tap: EffectId, *, paused: bool) -> None:
        """Give silence to the sink from the next frame on, or what is heard again."""
        number = self._taps.get(tap)
        if number is not None:
            self._running().pause_tap(number, paused)

    def stop_recording(self, tap: EffectId) -> None:
        """End a tap: what is left goes to the sink before this returns."""
        number = self._taps.pop(tap, None)
        if number is not None:
            self._drain(number)
            sink = self._sinks.pop(number)
            if pcm := self._running().stop_tap(number):
                sink.write(pcm)

    def _drain(self, number: int) -> None:
        sink = self._sinks.get(number)
        if sink is None:
            return
        pcm, lost_ms = self._running().read_tap(number)
        if pcm:
            sink.write(pcm)
        if lost_ms:
            _log.warning("recording fell behind", lost_ms=lost_ms)
            sink.lost(lost_ms)

    # ── figures and events ──

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`, by name; empty when the core does not run."""
        return {} if self._core is None else self._core.gauges()

    def _running(self) -> _Core:
        if self._core is None:
            raise MediaError("the media core does not run")
        return self._core

    def _number(self, effect: EffectId) -> int:
        number = next(self._numbers)
        self._effects[number] = effect
        return number

    def _order(self, leg: LegId, effect: EffectId) -> int:
        """Number something that ends with its leg; those that have ended are forgotten on the way."""
        number = self._number(effect)
        orders = self._legs[leg].orders
        orders[:] = [known for known in orders if known in self._effects]
        orders.append(number)
        return number

    def _poll(self) -> None:
        until = time.monotonic() + _TURN_S
        for _ in range(_BATCHES):
            events = self._core.poll(_BATCH) if self._core is not None else []
            for event in events:
                self._take(event)
            if len(events) < _BATCH or time.monotonic() >= until:
                return  # what is left wakes the loop again

    def _take(self, event: Event) -> None:
        try:
            if event.kind == "tap_ready":
                self._drain(event.id)
                return
            told = self._translate(event)
            if told is not None and self._receive is not None:
                self._receive(told)
        except Exception as error:  # one listener's or sink's bug must not cost the others their events
            _log.error("media event was not taken", exc=error, kind=event.kind)

    def _translate(self, event: Event) -> MediaEvent | None:
        """Name the event; None when it is about something that was closed or forgotten meanwhile."""
        if event.kind in ("playback_finished", "keys_sent", "silence_reached"):
            return self._translate_effect(event)
        if event.kind in ("speech_started", "speech_stopped", "tone_heard", "levels"):
            return self._translate_observation(event)
        leg = self._leg_ids.get(event.id)
        if leg is None:
            return None
        told = leg_event(event, leg)
        if isinstance(told, LegMediaFailed):
            self._forget(leg)
            _log.error("leg media failed", leg=leg, why=event.why)
        return told

    def _translate_effect(self, event: Event) -> MediaEvent | None:
        effect = self._effects.pop(event.id, None)
        if effect is None:
            return None
        if event.kind == "playback_finished":
            self._prompts.pop(effect, None)
            return PlaybackFinished(play=effect, played_ms=event.milliseconds, stopped=event.stopped)
        if event.kind == "keys_sent":
            return KeysSent(keys=effect)
        self._watches.pop(effect, None)
        return SilenceReached(watch=effect)

    def _translate_observation(self, event: Event) -> MediaEvent | None:
        watch = self._effects.get(event.id)
        if watch is None:
            return None
        told = observed(event, watch)
        if watch not in self._ears:
            return told
        self._drain(event.id)  # the audio comes before what is told of it
        _, sink = self._ears.get(watch, (0, None))
        if sink is not None:
            sink.told(told)
        return None
