"""Audio to play and to look into."""

from __future__ import annotations

import io
import wave

import numpy as np


def wav(pcm: bytes, rate_hz: int = 8000) -> bytes:
    """A wav file of 16-bit mono samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return out.getvalue()


def mixed(one: bytes, other: bytes) -> bytes:
    """Two sounds of the same length at once."""
    both = np.frombuffer(one, dtype="<i2").astype(np.int32) + np.frombuffer(other, dtype="<i2")
    return bytes(np.clip(both, -32_768, 32_767).astype("<i2").tobytes())


def channels(recording: bytes) -> tuple[list[bytes], int]:
    """The channels of a wav file as 16-bit samples, and their rate."""
    with wave.open(io.BytesIO(recording)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
        return [bytes(samples[:, index].tobytes()) for index in range(file.getnchannels())], file.getframerate()
