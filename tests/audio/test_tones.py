"""Tones measured: frequency, level, length; and the loudness scale."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ringline.audio import beep, is_north_american, level_to_db, ringback


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768


def strongest_hz(audio: NDArray[np.float64], rate_hz: int, count: int) -> list[int]:
    energy = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    found = []
    for _ in range(count):
        top = int(np.argmax(energy))
        found.append(round(top * rate_hz / len(audio)))
        energy[max(0, top - 10) : top + 10] = 0
    return sorted(found)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_the_beep_is_1_khz_for_250_ms_at_minus_12_dbfs(rate_hz: int) -> None:
    audio = samples(beep(rate_hz=rate_hz))
    assert len(audio) == rate_hz // 4
    assert strongest_hz(audio, rate_hz, 1) == [1000]
    assert 20 * np.log10(np.max(np.abs(audio))) == pytest.approx(-12, abs=0.1)


def test_tones_start_and_end_without_a_click() -> None:
    audio = samples(beep())
    assert np.max(np.abs(audio[:4])) < 0.02
    assert np.max(np.abs(audio[-4:])) < 0.02


def test_the_european_ringback_is_one_second_of_425_hz_in_five() -> None:
    audio = samples(ringback(north_america=False))
    assert len(audio) == 5 * 8000
    assert strongest_hz(audio[:8000], 8000, 1) == [425]
    assert not np.any(audio[8000:])


def test_the_american_ringback_is_two_seconds_of_two_tones_in_six() -> None:
    audio = samples(ringback(north_america=True))
    assert len(audio) == 6 * 8000
    assert strongest_hz(audio[:16_000], 8000, 2) == [440, 480]
    assert not np.any(audio[16_000:])
    assert np.max(np.abs(audio)) < 0.5


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("12125550100", True),
        ("+12125550100", True),
        ("442079460000", False),
        ("1212555010", False),
        ("", False),
        ("1²125550100", False),
        ("alice", False),
    ],
)
def test_north_american_numbers_are_told_by_country_code_and_length(number: str, expected: bool) -> None:
    assert is_north_american(number) is expected


@pytest.mark.parametrize(("level", "decibel"), [(0, 0), (1, 12), (-1, -12), (0.5, 6), (0.44, 4.8), (7, 12), (-7, -12)])
def test_a_level_is_twelve_decibels_a_unit(level: float, decibel: float) -> None:
    assert level_to_db(level) == pytest.approx(decibel)
