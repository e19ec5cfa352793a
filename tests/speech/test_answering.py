"""Who answered, by what is heard: greetings, pauses, tones; and which tone is a beep."""

from __future__ import annotations

import pytest

from ringline.speech import AnswerJudge, BeepFinder, Judgement


def judged(*spoken: tuple[int, int], tones: tuple[tuple[str, int, int], ...] = ()) -> tuple[int, Judgement]:
    """Speech from and to, tones as kind, length and end: when the judgement came, and what it was."""
    judge = AnswerJudge()
    for now in range(0, 6000, 20):
        for start, end in spoken:
            if now == start + 80:  # what is told comes a little late
                judge.speech_started(start)
            if now == end + 300:
                judge.speech_stopped(end)
        for kind, length, end in tones:
            if now == end + 40:
                judge.tone(kind, length, end)
        if (found := judge.clock(now)) is not None:
            return now, found
    raise AssertionError("nobody was told")


def test_a_short_hello_and_a_pause_is_a_person() -> None:
    at_ms, found = judged((300, 700))
    assert not found.machine
    assert at_ms == 1500


def test_silence_is_a_person() -> None:
    assert judged() == (2500, Judgement(False, "nobody spoke for 2.5 s"))


def test_speech_without_a_pause_is_a_machine_before_it_is_over() -> None:
    at_ms, found = judged((200, 6000))
    assert found.machine
    assert 2600 <= at_ms <= 2640


def test_short_gaps_do_not_make_it_a_person() -> None:
    assert judged((200, 1100), (1500, 2300), (2700, 3500))[1].machine


def test_much_speech_in_pieces_is_a_machine() -> None:
    assert judged((0, 2200), (2750, 5000))[1].machine


def test_a_longer_answer_with_a_pause_is_undecided_and_so_a_person() -> None:
    at_ms, found = judged((200, 2300))
    assert not found.machine
    assert at_ms == 4500


@pytest.mark.parametrize("kind", ["information", "busy", "fax", "beep"])
def test_tones_of_networks_and_machines(kind: str) -> None:
    assert judged(tones=((kind, 400, 1000),))[1].machine


def test_ringing_is_nobody_yet() -> None:
    at_ms, found = judged(tones=(("ringing", 1000, 1800),))
    assert not found.machine
    assert at_ms == 4300


# ── beeps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def beep(*tones: tuple[str, int, int, int], loud_until: int = 0, speech_at: int | None = None) -> int | None:
    """Tones as kind, length, pitch and end; audio is loud until a moment. When the beep was sure."""
    finder = BeepFinder()
    for now in range(0, 10_000, 20):
        for kind, length, hz, end in tones:
            if now == end + 40:
                finder.tone(kind, length, hz, end)
        finder.level(now, -20.0 if now < loud_until else -70.0)
        if speech_at == now:
            finder.speech_started(now)
        if finder.clock(now) is not None:
            return now
    return None


def test_a_tone_and_silence_after_it_is_a_beep() -> None:
    assert beep(("beep", 500, 1000, 3000), loud_until=3000) == 3200


def test_a_beep_that_fades_a_little_after_its_end_is_one() -> None:
    assert beep(("beep", 500, 1000, 3000), loud_until=3040) == 3200


def test_a_beep_must_be_long_enough_and_a_single_tone() -> None:
    assert beep(("beep", 100, 1000, 3000), loud_until=3000) is None
    assert beep(("ringing", 2000, 460, 3000), loud_until=3000) is None


def test_notes_of_a_melody_are_no_beeps_not_even_the_last_one() -> None:
    notes = [("beep", 250, hz, 1000 + 250 * nth) for nth, hz in enumerate((523, 659, 784, 523))]
    assert beep(*notes, loud_until=1750) is None


def test_a_tone_that_somebody_talks_over_is_no_beep() -> None:
    assert beep(("beep", 300, 800, 3000), loud_until=3000, speech_at=3120) is None


def test_the_same_tone_again_is_a_beep() -> None:
    assert beep(("beep", 200, 1400, 1000), ("beep", 200, 1400, 1500), loud_until=1500) == 1700
