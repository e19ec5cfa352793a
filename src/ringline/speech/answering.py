"""Who has answered, a person or a machine: judged by what is heard of voices and tones. No audio, no clock.

A person says a word or two and waits; a machine goes on talking, or beeps. All times are milliseconds of the leg's
audio, so that the same recording is always judged alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 4500
"After this everybody is a person; from the answer on, as all of these."
CARRIES_MS: Final = 800
"What spoke before the answer, and goes on for so long after it, is who has answered; else it was the network."
SILENT_MS: Final = 2500
"A machine would have begun to speak by now."
SHORT_GREETING_MS: Final = 1800
"A person who answers says no more than this."
WAITS_MS: Final = 800
"And then is silent for so long."
LONG_GREETING_MS: Final = 2400
"Nobody answers with so much at a stretch."
PAUSE_MS: Final = 500
"A shorter silence is part of the stretch."
MUCH_SPEECH_MS: Final = 3500
"Nobody says so much before he has had an answer, pauses or not."
BEEP_MS: Final = 120
"A shorter tone is none of a machine's."
AFTER_BEEP_MS: Final = 200
"So long there must be silence after a beep."
FADES_MS: Final = 40
"When a tone ended is known so well; what is heard until then may still be it."
FADED_DB: Final = 15
"And silence is so much quieter than the beep was."
ALONE_MS: Final = 700
"After a tone as low as ringing and busy are: these would have gone on by then."
MELODY_MS: Final = 1500
"A tone so soon after another, of a different pitch, is a note of a melody."
SAME_PITCH_HZ: Final = 25
_MACHINES: Final = {
    "information": "a network's announcement answered",
    "busy": "the network was busy",
    "fax": "a fax machine answered",
}

_NEVER_PEOPLE: Final = frozenset({"information", "fax"})
"What tells a machine even before the answer."


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known now."""

    machine: bool
    why: str
    "For people."


class AnswerJudge:
    """Judges one answer: feed it in the order of time, `clock` last of what belongs to a moment."""

    def __init__(self, *, window_ms: int = WINDOW_MS, answered: bool = True) -> None:
        """Without `answered` what is heard is early media (RFC 3960): nothing is judged before it is called."""
        self._window_ms = window_ms
        self._answered_at: int | None = 0 if answered else None
        self._speaking_since: int | None = None
        self._stretch_began: int | None = None
        self._stopped_at: int | None = None
        self._spoken_ms = 0
        self._paused = False
        self._quiet_since = 0
        "Since when there is nothing, not even ringing: somebody may be about to speak."
        self._verdict: Judgement | None = None

    def answered(self, at_ms: int) -> None:
        """The leg is answered. Of what was heard before, only speech that goes on counts, and what no person sends."""
        self._answered_at = at_ms
        if self._speaking_since is None:
            self._forget(at_ms)
        self._spoken_ms = 0
        self._quiet_since = at_ms

    def speech_started(self, at_ms: int) -> None:
        """Somebody speaks."""
        if self._stretch_began is None or (self._stopped_at is not None and at_ms - self._stopped_at >= PAUSE_MS):
            self._paused = self._stretch_began is not None
            self._stretch_began = at_ms
        self._speaking_since = at_ms

    def speech_stopped(self, at_ms: int) -> None:
        """He has stopped."""
        if self._speaking_since is not None:
            if self._is_carried(at_ms):
                self._forget(at_ms)
                return
            self._spoken_ms += at_ms - self._speaking_since
            self._speaking_since = None
            self._stopped_at = at_ms

    def tone(self, kind: str, length_ms: int, at_ms: int) -> None:
        """A tone has ended: `ringing`, `busy`, `information`, `beep`, `lone` (as low as ringing, with none before it),
        or `fax`."""
        if kind in ("ringing", "lone"):
            self._quiet_since = at_ms
        elif self._answered_at is None and kind not in _NEVER_PEOPLE:
            return  # ringing of one tone, or a network that is busy for now
        elif kind in _MACHINES:
            self._verdict = Judgement(True, _MACHINES[kind])
        elif kind == "beep" and length_ms >= BEEP_MS and not self._paused:
            self._verdict = Judgement(True, f"it beeped after {(at_ms - (self._answered_at or 0)) / 1000:.1f} s")

    def clock(self, now_ms: int) -> Judgement | None:
        """So much audio was heard; gives the judgement as soon as there is one, and the leg is answered."""
        if self._answered_at is None:
            return None
        if self._verdict is None and not self._is_carried(now_ms):
            self._verdict = self._judge(now_ms, self._answered_at)
        return self._verdict

    def _is_carried(self, now_ms: int) -> bool:
        """What speaks has spoken before the answer, and it is not known yet who that is."""
        began, answered = self._stretch_began, self._answered_at
        return began is not None and answered is not None and began < answered and now_ms - answered < CARRIES_MS

    def _forget(self, now_ms: int) -> None:
        self._speaking_since = self._stretch_began = self._stopped_at = None
        self._quiet_since = now_ms

    def _judge(self, now_ms: int, answered_at: int) -> Judgement | None:
        spoken = self._spoken_ms + (now_ms - self._speaking_since if self._speaking_since is not None else 0)
        if self._speaking_since is not None and self._stretch_began is not None:
            stretch = now_ms - self._stretch_began
            if stretch > LONG_GREETING_MS:
                return Judgement(True, f"it spoke for {stretch / 1000:.1f} s without a pause")
        if spoken > MUCH_SPEECH_MS:
            return Judgement(True, f"it spoke for {spoken / 1000:.1f} s")
        if self._speaking_since is None:
            if self._stopped_at is None:
                if now_ms - self._quiet_since >= SILENT_MS:
                    return Judgement(False, f"nobody spoke for {SILENT_MS / 1000:.1f} s")
            elif spoken <= SHORT_GREETING_MS and now_ms - self._stopped_at >= WAITS_MS:
                return Judgement(False, f"{spoken / 1000:.1f} s of greeting, then a pause")
        if now_ms - answered_at >= self._window_ms:
            return Judgement(False, f"undecided after {self._window_ms / 1000:.1f} s: {spoken / 1000:.1f} s of speech")
        return None


class BeepFinder:
    """Finds the tone after which a machine records: single, and followed by silence."""

    def __init__(self) -> None:
        self._tones: list[tuple[int, int]] = []
        "Pitch and end of the tones lately."
        self._candidate: int | None = None
        "When the tone ended that may be it."
        self._silence_ms = AFTER_BEEP_MS
        "So long there must be silence after it."
        self._levels: list[tuple[int, float]] = [(0, -96.0)]
        "Of the last second before it: when, and how loud."

    def level(self, start_ms: int, dbfs: float) -> None:
        """A piece of audio was so loud; the pieces follow each other, none longer than `AFTER_BEEP_MS`."""
        after = self._candidate is not None and start_ms >= self._candidate + FADES_MS
        if after and dbfs > max(level for _, level in self._levels) - FADED_DB:
            self._candidate = None  # it goes on: music
        if not after:
            self._levels = [(at, level) for at, level in self._levels if start_ms - at < 1000] + [(start_ms, dbfs)]

    def tone(self, kind: str, length_ms: int, hz: int, at_ms: int) -> None:
        """A tone has ended."""
        self._tones = [(pitch, ended) for pitch, ended in self._tones if at_ms - ended <= MELODY_MS]
        melody = any(abs(pitch - hz) > SAME_PITCH_HZ for pitch, _ in self._tones)
        self._tones.append((hz, at_ms))
        beep = kind in ("beep", "lone") and length_ms >= BEEP_MS and not melody
        self._candidate = at_ms if beep else None
        self._silence_ms = ALONE_MS if kind == "lone" else AFTER_BEEP_MS

    def speech_started(self, at_ms: int) -> None:
        """Somebody speaks: what was right before was no beep."""
        if self._candidate is not None and at_ms - self._candidate < self._silence_ms:
            self._candidate = None

    def clock(self, now_ms: int) -> int | None:
        """So much audio was heard; gives when the beep ended, once it is sure."""
        if self._candidate is not None and now_ms - self._candidate >= self._silence_ms:
            found, self._candidate = self._candidate, None
            return found
        return None
