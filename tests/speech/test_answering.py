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


def test_the_window_is_as_long_as_was_asked_for() -> None:
    judge = AnswerJudge(window_ms=5000)
    judge.speech_started(200)
    judge.speech_stopped(2300)
    assert judge.clock(4980) is None
    assert judge.clock(5000) == Judgement(False, "undecided after 5.0 s: 2.1 s of speech")


# ── early media ──────────────────────────────────────────────────────────────────────────────────────────────────────


def early(
    answered: int, *spoken: tuple[int, int], tones: tuple[tuple[str, int, int], ...] = ()
) -> tuple[int, Judgement]:
    """As `judged`, with an answer at a moment; the judgement's time counts from there."""
    judge = AnswerJudge(answered=False)
    for now in range(0, answered + 6000, 20):
        if now == answered:
            judge.answered(now)
        for start, end in spoken:
            if now == start + 80:
                judge.speech_started(start)
            if now == end + 300:
                judge.speech_stopped(end)
        for kind, length, end in tones:
            if now == end + 40:
                judge.tone(kind, length, end)
        if (found := judge.clock(now)) is not None:
            assert now >= answered
            return now - answered, found
    raise AssertionError("nobody was told")


def test_a_greeting_that_began_before_the_answer_is_a_machine_soon_after_it() -> None:
    at_ms, found = early(5000, (2000, 9000))
    assert found.machine
    assert at_ms == 800


def test_an_announcement_that_the_answer_ends_is_not_who_answers() -> None:
    at_ms, found = early(5000, (1000, 5100), (5800, 6300))
    assert not found.machine
    assert at_ms == 2100


def test_an_announcement_long_before_the_answer_counts_for_nothing() -> None:
    assert early(8000, (500, 6000)) == (2500, Judgement(False, "nobody spoke for 2.5 s"))


def test_ringing_of_one_tone_and_a_busy_network_before_the_answer_are_no_machines() -> None:
    tones = (("beep", 250, 3000), ("ringing", 1000, 4000), ("busy", 500, 4800))
    assert not early(5000, (5400, 5900), tones=tones)[1].machine


def test_the_tones_of_an_announcement_before_the_answer_are() -> None:
    at_ms, found = early(5000, tones=(("information", 330, 3000),))
    assert found == Judgement(True, "a network's announcement answered")
    assert at_ms == 0


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


def test_a_tone_as_low_as_ringing_is_a_beep_when_none_follows_it_for_long() -> None:
    assert beep(("lone", 400, 425, 3000), loud_until=3000) == 3700
    assert beep(("lone", 400, 425, 3000), ("busy", 300, 425, 3600), loud_until=3000) is None
    assert beep(("lone", 400, 425, 3000), loud_until=3000, speech_at=3600) is None


def test_the_same_tone_again_is_a_beep() -> None:
    assert beep(("beep", 200, 1400, 1000), ("beep", 200, 1400, 1500), loud_until=1500) == 1700
