"""Tones that Ringline makes itself, as 16-bit little-endian mono samples."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_RINGBACK_DB: Final = -22.0
"Each tone of a ringback, relative to a full-scale sine: about what exchanges send."
_BEEP_DB: Final = -12.0
_RAMP_S: Final = 0.005
"Tones fade in and out so that they do not click."


def ringback(*, north_america: bool, rate_hz: int = 8000) -> bytes:
    """One round of ringing and silence, to be played in a loop.

    425 Hz, 1 s on and 4 s off (ETSI practice); for North America 440 and 480 Hz, 2 s on and 4 s off (ITU-T E.180).
    """
    if north_america:
        return _pcm(_tone((440.0, 480.0), 2.0, _RINGBACK_DB, rate_hz), 4.0, rate_hz)
    return _pcm(_tone((425.0,), 1.0, _RINGBACK_DB, rate_hz), 4.0, rate_hz)


def is_north_american(number: str) -> bool:
    """Tell whether an E.164 number (with or without `+`) belongs to the North American plan: country code 1."""
    digits = number.removeprefix("+")
    return len(digits) == 11 and digits.isascii() and digits.isdecimal() and digits.startswith("1")


def beep(*, rate_hz: int = 8000) -> bytes:
    """The tone before a recording: 1 kHz, 250 ms, -12 dBFS."""
    return _pcm(_tone((1000.0,), 0.25, _BEEP_DB, rate_hz), 0.0, rate_hz)


def _tone(frequencies_hz: tuple[float, ...], seconds: float, level_db: float, rate_hz: int) -> NDArray[np.float64]:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = np.zeros(len(times))
    for frequency in frequencies_hz:
        wave += np.sin(2 * np.pi * frequency * times)
    ramp = np.sin(np.linspace(0.0, np.pi / 2, round(_RAMP_S * rate_hz))) ** 2
    wave[: len(ramp)] *= ramp
    wave[len(wave) - len(ramp) :] *= ramp[::-1]
    return wave * 10 ** (level_db / 20)


def _pcm(wave: NDArray[np.float64], silence_s: float, rate_hz: int) -> bytes:
    samples = np.concatenate([wave, np.zeros(round(silence_s * rate_hz))])
    return np.round(samples * 32767).astype("<i2").tobytes()
