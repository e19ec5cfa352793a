"""Measures of speech: how long, how loud, how high, which timbre, where it is silent."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def samples_of(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def level_db(audio: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(audio**2)) / 32768 + 1e-9))


def pitch_hz(audio: Samples, rate_hz: int = 22_050) -> float:
    """The median fundamental of the voiced stretches, by autocorrelation of 60 ms windows."""
    size = rate_hz * 6 // 100
    window = np.hanning(size)
    first, last = rate_hz // 450, rate_hz // 60
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, 4 * size)) ** 2)[:last]
    found = []
    for start in range(0, len(audio) - size, size // 2):
        piece = audio[start : start + size]
        if level_db(piece) < -35:
            continue
        correlation = np.fft.irfft(np.abs(np.fft.rfft(piece * window, 4 * size)) ** 2)[:last] / of_window
        lag = first + int(np.argmax(correlation[first:]))
        if correlation[lag] > correlation[0] / 2:
            found.append(rate_hz / lag)
    return float(np.median(found)) if found else 0.0


def timbre(audio: Samples, rate_hz: int = 22_050) -> Samples:
    """Energy in 30 bands from 100 Hz to 4 kHz, in dB, without its mean."""
    energy = np.abs(np.fft.rfft(audio)) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / rate_hz)
    edges = np.linspace(100, 4000, 31)
    bands = np.array([energy[(hz >= low) & (hz < high)].mean() for low, high in itertools.pairwise(edges)])
    decibel = 10 * np.log10(bands + 1)
    return np.asarray(decibel - decibel.mean())


def timbre_distance_db(one: Samples, other: Samples, rate_hz: int = 22_050) -> float:
    return float(np.sqrt(np.mean((timbre(one, rate_hz) - timbre(other, rate_hz)) ** 2)))


def silences_ms(audio: Samples, rate_hz: int = 22_050, *, least_ms: int = 60) -> list[tuple[int, int]]:
    """Where and for how long nothing is heard, in milliseconds, in steps of 5."""
    step = rate_hz * 5 // 1000
    quiet = np.abs(audio[: len(audio) // step * step].reshape(-1, step)).max(axis=1) < 60
    found, at = [], 0
    for silent, group in itertools.groupby(quiet):
        length = len(list(group))
        if silent and length * 5 >= least_ms:
            found.append((at * 5, length * 5))
        at += length
    return found


def tone_ms(audio: Samples, hz: float, rate_hz: int = 22_050) -> int:
    """How long a pure tone is heard, in steps of 10 ms."""
    size = rate_hz // 50
    turn = np.exp(-2j * np.pi * hz / rate_hz * np.arange(size))
    heard = 0
    for start in range(0, len(audio) - size, size // 2):
        piece = audio[start : start + size]
        power = float(np.dot(piece, piece))
        if power > 1e6 and 2 * abs(np.dot(piece, turn)) ** 2 / (power * size) > 0.9:
            heard += 10
    return heard
