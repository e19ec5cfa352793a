"""The media core of a test: who is in which room, what is played, what every leg hears; all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from ringline.audio import beep, ringback
from ringline.base import ConversationId, EffectId, LegId, MediaError
from ringline.engine.ports import (
    AudioStarted,
    KeyDown,
    KeyReleased,
    KeysSent,
    LegCounters,
    LegMediaFailed,
    MediaConnected,
    MediaEvent,
    MediaInterrupted,
    MediaTimeout,
    RecordingLayout,
    RecordingSink,
    RtpPlan,
    SilenceReached,
)
from ringline.testing.listeners import Ear, listening
from ringline.testing.observations import Observations
from ringline.testing.playback import Playback
from ringline.testing.sounds import Heard, Sound
from ringline.testing.taps import Tap
from ringline.testing.voice import spoken_s

KEY_S = 0.1
"A key is down for so long, and as long there is between two."
PAUSE_S = 0.5
"A `p` among digits sent."
_TONES = {
    ringback(north_america=False): "ringback",
    ringback(north_america=True): "ringback-us",
    beep(): "beep",
}


class ScriptedMedia:
    """`Media` in virtual time: audio is text with a duration.

    Phones speak with `utter` and press keys with `press`; what a leg heard is `heard`.
    """

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self.ports_left = 10_000
        "How many legs can still be opened at the same time."
        self.listeners: list[Callable[[LegId], None]] = []
        "Told whenever somebody begins or ends to speak into a leg."
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._receive: Callable[[MediaEvent], None] = lambda event: None
        self._ears: dict[LegId, Ear] = {}
        self._open: dict[LegId, Ear] = {}
        "Those of them that have not ended."
        self._rooms: dict[ConversationId, dict[LegId, frozenset[LegId]]] = {}
        self._muted: dict[ConversationId, frozenset[LegId]] = {}
        self._plays: dict[EffectId, Playback] = {}
        self.observed: dict[EffectId, LegId] = {}
        self.yields: dict[EffectId, tuple[LegId | None, EffectId | None]] = {}
        "Prompts that were offered to be cut: by whose keys, by the voice that which ear hears."
        "Legs whose speech, tones and levels are wanted. Speech is told as phones speak; the rest is for tests to tell."
        self.counted: dict[LegId, LegCounters] = {}
        "What `counters` says of a leg; nothing was counted of others."
        self._watches: dict[EffectId, tuple[LegId, float, float]] = {}
        self._watch_timers: dict[EffectId, asyncio.TimerHandle] = {}
        self._taps: dict[EffectId, Tap] = {}
        self._voices: dict[LegId, Sound] = {}
        self._observations = Observations(lambda leg: leg in self._voices, self._tell)
        self.listeners.append(self._observations.changed)

    # ── for phones and tests ───────────────────────────────────────────────────────────────────────────────────────

    def heard(self, leg: LegId) -> list[Heard]:
        """All that a leg has heard so far, in order; still there after the leg has ended."""
        ear = self._ears.get(leg)
        return ear.heard if ear is not None else []

    def hears(self, listener: LegId, speaker: LegId) -> bool:
        """Whether one leg hears the other now."""
        return speaker in self._heard_legs(listener)

    def keys_sent(self, leg: LegId) -> str:
        """The DTMF digits that have been sent to a leg's far end so far."""
        return self._ears[leg].keys_sent if leg in self._ears else ""

    def room_of(self, leg: LegId) -> ConversationId | None:
        """The room a leg is in."""
        return next((room for room, hears in self._rooms.items() if leg in hears), None)

    def voice(self, leg: LegId) -> Sound | None:
        """What is being said into a leg now."""
        return self._voices.get(leg)

    def utter(self, leg: LegId, text: str, *, seconds: float | None = None, confidence: float = 0.9) -> float:
        """Somebody speaks into a leg; gives how long it takes. What he said before ends."""
        self._hush(leg)
        length = spoken_s(text) if seconds is None else seconds
        self._voices[leg] = Sound(
            kind="person", text=text, speaker=leg, length_s=length, since=self._loop.time(), confidence=confidence
        )
        self._tell_listeners(leg)
        self._loop.call_later(length, self._hush, leg, self._voices[leg])
        self._update()
        return length

    def press(self, leg: LegId, digit: str, *, held_s: float = KEY_S) -> None:
        """A key of a phone goes down, and up again after `held_s`."""
        if self._is_open(leg):
            self._receive(KeyDown(leg=leg, digit=digit))
            self._loop.call_later(held_s, self._key_up, leg, digit, round(held_s * 1000))

    def fall_silent(self, leg: LegId, *, after_s: float = 60.0) -> None:
        """Nothing comes from the far end any more: the media timeout runs."""
        self._loop.call_later(after_s, self._tell_if_open, leg, MediaTimeout(leg=leg))

    def fail(self, leg: LegId, why: str) -> None:
        """The leg's media ends by itself."""
        self._tell_if_open(leg, LegMediaFailed(leg=leg, why=why))

    def tell(self, event: MediaConnected | MediaInterrupted) -> None:
        """Something happens to the way of an open leg."""
        self._tell_if_open(event.leg, event)

    def is_open(self, leg: LegId) -> bool:
        """Whether the leg was opened and has not ended."""
        return self._is_open(leg)

    def forget_ended(self) -> None:
        """Let go of what legs that have ended have heard: for tests with very many calls."""
        self._ears = dict(self._open)

    def leftovers(self) -> list[str]:
        """What has been started and never ended; empty is how it should be when all calls are over."""
        legs = [f"leg {leg} is open" for leg in self._open]
        rooms = [f"room {room} has {len(hears)} legs" for room, hears in self._rooms.items()]
        plays = [f"prompt {play} ({one.sound.text}) plays" for play, one in self._plays.items()]
        taps = [f"recording {tap} runs" for tap in self._taps]
        watches = [f"watch {watch} is set" for watch in self._watches]
        return [*legs, *rooms, *plays, *taps, *watches]

    # ── legs ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def listen(self, receive: Callable[[MediaEvent], None]) -> None:
        self._receive = receive

    def open(self, leg: LegId) -> tuple[str, int]:
        if self.ports_left <= 0:
            raise MediaError("no port is free")
        self.ports_left -= 1
        ear = Ear()
        self._ears[leg] = self._open[leg] = ear
        return "192.0.2.1", 20_000 + 2 * len(self._ears)

    def configure(self, leg: LegId, plan: RtpPlan) -> None:
        ear = self._ears.get(leg)
        if ear is None or ear.closed:
            return
        first = ear.plan is None
        ear.plan = plan
        if first:
            self._loop.call_soon(self._tell_if_open, leg, AudioStarted(leg=leg))
        self._update()

    def close(self, leg: LegId) -> None:
        if not self._is_open(leg):
            return
        ear = self._ears[leg]
        self._hush(leg)
        ear.closed = True
        ear.hear((), self._loop.time(), ())
        del self._open[leg]
        ear.drop_keys()
        self.ports_left += 1
        for watch in [watch for watch, (watched, _, _) in self._watches.items() if watched == leg]:
            self.unwatch(watch)
        for play in [one for one in self._plays.values() if one.target == leg]:
            play.end(stopped=True)
        self._update()

    def counters(self, leg: LegId) -> LegCounters | None:
        if not self._is_open(leg):
            return None
        return self.counted.get(leg) or LegCounters(
            packets_received=0,
            packets_sent=0,
            packets_lost=0,
            packets_late=0,
            packets_malformed=0,
            packets_foreign=0,
            jitter_ms=0.0,
            keys_received=0,
        )

    def arrange(
        self,
        room: ConversationId,
        hears: Mapping[LegId, frozenset[LegId]],
        *,
        muted: frozenset[LegId] = frozenset(),
        gains_db: Mapping[LegId, float] | None = None,
    ) -> None:
        for other, members in self._rooms.items():
            if other != room:
                for leg in hears:
                    members.pop(leg, None)
        self._muted[room] = muted
        if hears:
            self._rooms[room] = dict(hears)
        else:
            self._rooms.pop(room, None)
            self._muted.pop(room, None)
            for play in [one for one in self._plays.values() if one.target == room]:
                play.end(stopped=True)
        self._update()

    # ── prompts ────────────────────────────────────────────────────────────────────────────────────────────────────

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
        playback = Playback(
            play, target, rate_hz=rate_hz, loop=loop, tones=_TONES, update=self._update, done=self._played
        )
        playback.sound.level_db = level_db
        self._plays[play] = playback
        if not self._is_open(LegId(target)) and target not in self._rooms:
            self._loop.call_soon(playback.end, True)

    def feed(self, play: EffectId, pcm: bytes, *, last: bool) -> None:
        playback = self._plays.get(play)
        if playback is not None:
            playback.feed(pcm, last=last)

    def stop(self, play: EffectId) -> None:
        playback = self._plays.get(play)
        if playback is not None:
            playback.end(stopped=True)

    def yield_to(self, play: EffectId, *, keys_of: LegId | None = None, voice_of: EffectId | None = None) -> None:
        """Note the offer, which is not taken: prompts end when they are stopped."""
        self.yields[play] = (keys_of, voice_of)

    def _played(self, playback: Playback, event: MediaEvent) -> None:
        del self._plays[playback.play]
        self._update()
        self._loop.call_soon(self._tell, event)

    # ── keys and silence ───────────────────────────────────────────────────────────────────────────────────────────

    def send_keys(self, keys: EffectId, leg: LegId, digits: str) -> None:
        if not self._is_open(leg):
            self._loop.call_soon(self._tell, KeysSent(keys=keys))
            return
        ear = self._ears[leg]
        at = max(self._loop.time(), ear.keys_until)
        for digit in digits:
            at += PAUSE_S if digit == "p" else KEY_S
            ear.key_timers.append(self._loop.call_at(at, self._key_heard, leg, digit))
            at += 0.0 if digit == "p" else KEY_S
        ear.keys_until = at
        ear.key_timers.append(self._loop.call_at(at, self._tell, KeysSent(keys=keys)))

    def _key_heard(self, leg: LegId, digit: str) -> None:
        self._ears[leg].keys_sent += "" if digit == "p" else digit
        self._changed()

    def _key_up(self, leg: LegId, digit: str, held_ms: int) -> None:
        self._tell_if_open(leg, KeyReleased(leg=leg, digit=digit, held_ms=held_ms))

    def watch_silence(self, watch: EffectId, leg: LegId, seconds: float) -> None:
        self._watches[watch] = (leg, seconds, self._loop.time())
        self._rewatch(watch)

    def observe(self, watch: EffectId, leg: LegId) -> None:
        self.observed[watch] = leg
        self._observations.start(watch, leg)

    def unwatch(self, watch: EffectId) -> None:
        self.observed.pop(watch, None)
        self._observations.stop(watch)
        self._watches.pop(watch, None)
        timer = self._watch_timers.pop(watch, None)
        if timer is not None:
            timer.cancel()

    def _rewatch(self, watch: EffectId) -> None:
        """Silence counts from when the watch was set, or from when the leg last spoke."""
        leg, seconds, since = self._watches[watch]
        timer = self._watch_timers.pop(watch, None)
        if timer is not None:
            timer.cancel()
        if leg not in self._voices:
            spoke = self._ears[leg].spoke_until if leg in self._ears else 0.0
            self._watch_timers[watch] = self._loop.call_at(max(since, spoke) + seconds, self._silent, watch)

    def _silent(self, watch: EffectId) -> None:
        if watch in self._watches:
            self.unwatch(watch)
            self._tell(SilenceReached(watch=watch))

    # ── recordings ─────────────────────────────────────────────────────────────────────────────────────────────────

    def record(
        self,
        tap: EffectId,
        room: ConversationId,
        layout: RecordingLayout,
        sink: RecordingSink,
        *,
        rate_hz: int = 8000,
    ) -> None:
        self._taps[tap] = Tap(room, layout, sink, began=self._loop.time())
        self._update()

    def pause_recording(self, tap: EffectId, *, paused: bool) -> None:
        running = self._taps.get(tap)
        if running is not None:
            running.paused = paused
            self._update()

    def stop_recording(self, tap: EffectId) -> None:
        running = self._taps.pop(tap, None)
        if running is not None:
            running.finish(self._loop.time())

    def gauges(self) -> Mapping[str, float]:
        return {"legs": len(self._open), "rooms": len(self._rooms)}

    # ── who hears what ─────────────────────────────────────────────────────────────────────────────────────────────

    def _is_open(self, leg: LegId) -> bool:
        return leg in self._open

    def _heard_legs(self, listener: LegId) -> list[LegId]:
        room = self.room_of(listener)
        if room is None or not listening(self._ears.get(listener)):
            return []
        heard = self._rooms[room][listener]
        return [leg for leg in self._rooms[room] if leg in heard and listening(self._ears.get(leg))]

    def _hush(self, leg: LegId, only: Sound | None = None) -> None:
        voice = self._voices.get(leg)
        if voice is not None and only in (None, voice):
            del self._voices[leg]
            if leg in self._ears:
                self._ears[leg].spoke_until = self._loop.time()
            self._tell_listeners(leg)
            self._update()

    def _update(self) -> None:
        """Something has changed: work out anew what every leg hears, and what is recorded."""
        now = self._loop.time()
        ended = [sound for sound in self._voices.values() if sound.at(now) >= sound.length_s - 1e-9]
        for leg, ear in self._open.items():
            sounds: list[Sound] = []
            if listening(ear):
                prompts = (leg, self.room_of(leg))
                sounds += [one.sound for one in self._plays.values() if one.target in prompts and one.audible]
                sounds += [self._voices[one] for one in self._heard_legs(leg) if one in self._voices]
            ear.hear(sounds, now, ended)
        for tap in self._taps.values():
            members = self._rooms.get(tap.room, {})
            muted = self._muted.get(tap.room, frozenset())
            said = {leg: self._voices.get(leg) if leg not in muted else None for leg in members}
            prompts_of_room = [one.sound for one in self._plays.values() if one.target == tap.room and one.audible]
            tap.note(now, said, prompts_of_room, {leg: self._ears[leg] for leg in members if leg in self._ears})
        for watch in list(self._watches):
            self._rewatch(watch)
        self._changed()

    def _tell_listeners(self, leg: LegId) -> None:
        for listener in self.listeners:
            listener(leg)

    def _tell(self, event: MediaEvent) -> None:
        self._receive(event)
        self._changed()

    def _tell_if_open(self, leg: LegId, event: MediaEvent) -> None:
        if self._is_open(leg):
            self._tell(event)
