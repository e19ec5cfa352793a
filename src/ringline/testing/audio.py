"""Tones to play and measures to find them again: audio is compared by what is heard, not by bytes.

All audio is 16-bit little-endian mono.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_FULL_SCALE = 32_768.0


def tone(hz: float, seconds: float, rate_hz: int = 8000, level_db: float = -12.0) -> bytes:
    """Give a sine whose peak lies `level_db` decibels from full scale."""
    moments = np.arange(round(seconds * rate_hz)) / rate_hz
    peak = min(_FULL_SCALE * 10 ** (level_db / 20), _FULL_SCALE - 1)
    return bytes(np.round(np.sin(2 * np.pi * hz * moments) * peak).astype("<i2").tobytes())


def silence(seconds: float, rate_hz: int = 8000) -> bytes:
    """Give digital silence."""
    return bytes(2 * round(seconds * rate_hz))


def goertzel(pcm: bytes, hz: float, rate_hz: int = 8000) -> float:
    """Give the share of the signal's power that lies at one frequency, 0 to 1; 0 for silence."""
    samples = _samples(pcm)
    power = float(np.dot(samples, samples))
    if power == 0:
        return 0.0
    turn = np.exp(-2j * np.pi * hz / rate_hz * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turn)) ** 2 / (power * len(samples)))


def level_dbfs(pcm: bytes) -> float:
    """Give the root mean square level in decibels from full scale; minus infinity for silence.

    A sine of full scale has -3 dB.
    """
    samples = _samples(pcm)
    if not len(samples) or not samples.any():
        return -math.inf
    return 20 * math.log10(math.sqrt(float(np.mean(samples**2))) / _FULL_SCALE)


def has_tone(
    pcm: bytes, hz: float, rate_hz: int = 8000, *, share: float = 0.5, above_dbfs: float = -45.0, window_s: float = 0.1
) -> bool:
    """Tell whether a tone is heard somewhere: in one window at least it is loud and has `share` of the power.

    Mixed tones divide the power among them: ask for a `share` below one divided by their number.
    """
    step = 2 * round(window_s * rate_hz)
    windows = [pcm[start : start + step] for start in range(0, len(pcm) - step + 1, step)] or [pcm]
    return any(level_dbfs(part) > above_dbfs and goertzel(part, hz, rate_hz) >= share for part in windows)


def _samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)
