"""The detector over an ear: levels and tones become verdicts and beeps; early media waits for the answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringline.base import EffectId, LegId
from ringline.calls.events import BeepHeard, MachineVerdict
from ringline.engine.ports import EarSink, SpeechStarted, SpeechStopped, Told, ToneHeard
from ringline.engine.ports.detection import Finding
from ringline.io.detection import EarDetector
from ringline.testing.audio import tone

LEG, EFFECT, WATCH = LegId("leg"), EffectId("1"), EffectId("detect-1")


@dataclass
class OneEar:
    """An ear whose leg says what the test wants, in audio time."""

    sink: EarSink | None = None
    at_ms: int = 0
    told: list[Finding] = field(default_factory=list)

    def open_ear(
        self, ear: EffectId, leg: LegId, sink: EarSink, *, sensitivity: int = 90, rate_hz: int | None = None
    ) -> None:
        assert (ear, leg, rate_hz) == (WATCH, LEG, 8000)
        self.sink = sink

    def close_ear(self, ear: EffectId) -> None:
        assert ear == WATCH
        self.sink = None

    def hears(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 1600):
            self.at_ms += 100
            if self.sink is not None:
                self.sink.write(pcm[start : start + 1600])

    def passes(self, seconds: float, hz: float = 0.0) -> None:
        self.hears(tone(hz, seconds, 8000) if hz else bytes(round(seconds * 16_000)))

    def tells(self, event: Told) -> None:
        if self.sink is not None:
            self.sink.told(event)

    def speaks(self, seconds: float) -> None:
        """Something as loud as speech, and what is told of it."""
        self.tells(SpeechStarted(watch=WATCH, at_ms=self.at_ms))
        self.passes(seconds, 210)
        self.tells(SpeechStopped(watch=WATCH, at_ms=self.at_ms, spoke_ms=round(seconds * 1000)))

    def rings(self, kind: str, hz: int, seconds: float) -> None:
        self.passes(seconds, hz)
        self.tells(
            ToneHeard(watch=WATCH, at_ms=self.at_ms, tone=kind, length_ms=round(seconds * 1000), hz=hz),
        )


def listening(*, early: bool = False, beep: bool = True, window_s: float = 4.5) -> tuple[EarDetector, OneEar]:
    ear = OneEar()
    detector = EarDetector(ear)
    detector.detect(EFFECT, LEG, beep=beep, report=ear.told.append, early=early, window_s=window_s)
    return detector, ear


def verdicts(ear: OneEar) -> list[str]:
    return [one.verdict if isinstance(one, MachineVerdict) else "beep" for one in ear.told]


def test_a_machine_and_its_beep() -> None:
    _, ear = listening()
    ear.speaks(4)
    assert verdicts(ear) == ["machine"]
    ear.passes(0.4)
    ear.rings("beep", 1000, 0.5)
    ear.passes(0.3)
    assert verdicts(ear) == ["machine", "beep"]
    assert ear.told[-1] == BeepHeard(effect=EFFECT, leg=LEG)
    assert ear.sink is None, "nobody listens any more"


def test_what_is_heard_before_the_answer_is_judged_after_it() -> None:
    detector, ear = listening(early=True)
    ear.passes(4)
    ear.rings("beep", 425, 0.4)
    ear.tells(SpeechStarted(watch=WATCH, at_ms=ear.at_ms))
    ear.passes(4, 210)
    assert ear.told == []
    detector.answered(EFFECT)
    ear.passes(0.7, 210)
    assert ear.told == []
    ear.passes(0.2, 210)
    assert verdicts(ear) == ["machine"]
    ear.passes(3, 210)
    ear.tells(SpeechStopped(watch=WATCH, at_ms=ear.at_ms, spoke_ms=7900))
    ear.passes(2)
    assert verdicts(ear) == ["machine"], "the tone before the answer is none of a machine's"


def test_silence_after_early_media_is_a_person_when_the_time_is_over() -> None:
    detector, ear = listening(early=True, window_s=5.0)
    ear.speaks(3)
    ear.passes(20)
    detector.answered(EFFECT)
    ear.passes(2.4)
    assert ear.told == []
    ear.passes(0.1)
    assert verdicts(ear) == ["human"]
    detector.answered(EFFECT)
    detector.stop(EFFECT)
