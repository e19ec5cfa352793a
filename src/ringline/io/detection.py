"""Machine detection over the media core's ears: `ringline.engine.ports.Detector`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard, MachineVerdict
from ringline.engine.ports import Ears, SpeechStarted, SpeechStopped, Told, ToneHeard
from ringline.engine.ports.detection import Finding
from ringline.speech import AnswerJudge, BeepFinder

_RATE_HZ: Final = 8000
_PIECE_MS: Final = 20
"Pieces whose level is looked at; the media core gives whole ones."
_PIECE: Final = _RATE_HZ * _PIECE_MS // 1000


class EarDetector:
    """Listens to those who answer, and has them judged by `AnswerJudge`."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._running: dict[EffectId, _Detection] = {}

    def detect(
        self,
        effect: EffectId,
        leg: LegId,
        *,
        beep: bool,
        report: Callable[[Finding], None],
        early: bool = False,
        window_s: float = 4.5,
    ) -> None:
        """Listen from now on; one verdict comes, and after a machine's, with `beep`, that of its tone."""
        judge = AnswerJudge(window_ms=round(window_s * 1000), answered=not early)
        detection = self._running[effect] = _Detection(self, effect, leg, beep, judge, report)
        self._ears.open_ear(_ear(effect), leg, detection, rate_hz=_RATE_HZ)

    def answered(self, effect: EffectId) -> None:
        """Who was listened to before the answer may be judged now."""
        if (detection := self._running.get(effect)) is not None:
            detection.answered()

    def stop(self, effect: EffectId) -> None:
        """Listen no longer."""
        if self._running.pop(effect, None) is not None:
            self._ears.close_ear(_ear(effect))


def _ear(effect: EffectId) -> EffectId:
    return EffectId(f"detect-{effect}")


def _levels(pcm: bytes) -> list[float]:
    """Of each piece, against full scale, in decibels."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    pieces = samples[: len(samples) // _PIECE * _PIECE].reshape(-1, _PIECE)
    return [float(level) for level in 10 * np.log10(np.mean(pieces**2, axis=1) / 32_768**2 + 1e-10)]


class _Detection:
    """One leg that is listened to: the ear's sink."""

    def __init__(
        self,
        owner: EarDetector,
        effect: EffectId,
        leg: LegId,
        beep: bool,
        judge: AnswerJudge,
        report: Callable[[Finding], None],
    ) -> None:
        self._owner = owner
        self._effect = effect
        self._leg = leg
        self._wants_beep = beep
        self._report = report
        self._judge: AnswerJudge | None = judge
        self._beeps = BeepFinder()
        self._heard_ms = 0
        self._over = False

    def answered(self) -> None:
        """What rang or beeped before was the network."""
        self._beeps = BeepFinder()
        if self._judge is not None:
            self._judge.answered(self._heard_ms)

    def write(self, pcm: bytes) -> None:
        for dbfs in _levels(pcm):
            self._beeps.level(self._heard_ms, dbfs)
            self._heard_ms += _PIECE_MS
        self._look()

    def lost(self, milliseconds: int) -> None:
        self._heard_ms += milliseconds
        self._look()

    def told(self, event: Told) -> None:
        match event:
            case SpeechStarted(at_ms=at_ms):
                self._beeps.speech_started(at_ms)
                if self._judge is not None:
                    self._judge.speech_started(at_ms)
            case SpeechStopped(at_ms=at_ms) if self._judge is not None:
                self._judge.speech_stopped(at_ms)
            case ToneHeard(tone=tone, length_ms=length_ms, hz=hz, at_ms=at_ms):
                self._beeps.tone(tone, length_ms, hz, at_ms)
                if self._judge is not None:
                    self._judge.tone(tone, length_ms, at_ms)
            case _:
                return
        self._look()

    def _look(self) -> None:
        if self._over:
            return
        if self._judge is not None and (found := self._judge.clock(self._heard_ms)) is not None:
            self._judge = None
            verdict = "machine" if found.machine else "human"
            self._end_if(not (found.machine and self._wants_beep))
            self._report(MachineVerdict(effect=self._effect, leg=self._leg, verdict=verdict, why=found.why))
        if self._judge is None and not self._over and self._beeps.clock(self._heard_ms) is not None:
            self._end_if(True)
            self._report(BeepHeard(effect=self._effect, leg=self._leg))

    def _end_if(self, over: bool) -> None:
        if over:
            self._over = True
            self._owner.stop(self._effect)
