"""How long a prompt goes on sounding for somebody who interrupts it: what is noted of it, and when nothing is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ringline.base import EffectId, Instant, LegId
from ringline.calls.events import KeyDown, SpeechStarted, Ticked
from ringline.engine.ports import PlaybackFinished
from ringline.engine.sound.barge_in import BargeIns

LEG, OTHER = LegId("leg"), LegId("other")
ONE, TWO = EffectId("one"), EffectId("two")


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def wallclock(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def instant(self) -> Instant:
        return Instant(self.at, self.wallclock())


def kept() -> tuple[Hand, BargeIns, list[str]]:
    notes: list[str] = []

    def trace(leg: LegId, data: dict[str, Any]) -> None:
        notes.append(f"{leg}: {data['text']}")

    clock = Hand()
    return clock, BargeIns(clock=clock, trace=trace), notes


def ended(play: EffectId) -> PlaybackFinished:
    return PlaybackFinished(play=play, played_ms=1000, stopped=True)


def test_speech_counts_from_its_first_sound_to_the_end_of_the_last_prompt() -> None:
    clock, barge_ins, notes = kept()
    spoken = SpeechStarted(effect=EffectId("ear"), leg=LEG, ago_s=0.09)
    barge_ins.cut(ONE, spoken)
    clock.at += 0.001
    barge_ins.cut(TWO, spoken)
    clock.at += 0.01
    barge_ins.finished(ended(ONE))
    assert notes == []
    clock.at += 0.02
    barge_ins.finished(ended(TWO))
    assert notes == ["leg: the prompt was silent 121 ms after speech began, which was noticed after 90 ms"]
    assert barge_ins.figures(LEG) == (1, 121)


def test_a_key_counts_from_when_it_is_known_and_the_slowest_is_kept() -> None:
    clock, barge_ins, notes = kept()
    for play, took_s in ((ONE, 0.03), (TWO, 0.018)):
        barge_ins.cut(play, KeyDown(leg=LEG, digit="5"))
        clock.at += took_s
        barge_ins.finished(ended(play))
    assert notes == [
        "leg: the prompt was silent 30 ms after a key began",
        "leg: the prompt was silent 18 ms after a key began",
    ]
    assert barge_ins.figures(LEG) == (2, 30)
    assert barge_ins.figures(OTHER) == (0, 0)


def test_prompts_that_end_for_other_reasons_are_no_news() -> None:
    _, barge_ins, notes = kept()
    barge_ins.cut(ONE, Ticked())
    barge_ins.cut(ONE, None)
    barge_ins.finished(ended(ONE))
    barge_ins.finished(ended(TWO))
    barge_ins.cut(TWO, KeyDown(leg=LEG, digit="1"))
    barge_ins.drop(LEG)
    barge_ins.finished(ended(TWO))
    assert notes == []
    assert barge_ins.figures(LEG) == (0, 0)


def test_an_interruption_of_a_prompt_that_never_sounded_does_not_hold_up_the_next() -> None:
    clock, barge_ins, notes = kept()
    barge_ins.cut(ONE, KeyDown(leg=LEG, digit="1"))
    clock.at += 60
    barge_ins.cut(TWO, KeyDown(leg=LEG, digit="2"))
    clock.at += 0.02
    barge_ins.finished(ended(TWO))
    assert notes == ["leg: the prompt was silent 20 ms after a key began"]
