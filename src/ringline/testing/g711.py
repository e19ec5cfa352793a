"""G.711 for test phones, by the textbook formulas: independent of the codec in the media core."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray


def _mu_law(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


def _a_law(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 264 << exponent - 1
    return magnitude if code & 0x80 else -magnitude


_EXPANDED: Final[dict[str, NDArray[np.int16]]] = {
    "PCMU": np.array([_mu_law(code) for code in range(256)], dtype=np.int16),
    "PCMA": np.array([_a_law(code) for code in range(256)], dtype=np.int16),
}


def _compressed(codec: str) -> NDArray[np.uint8]:
    """For each of the 65536 samples the code whose value is nearest."""
    order = np.argsort(_EXPANDED[codec], kind="stable")
    values = _EXPANDED[codec][order].astype(np.int32)
    samples = np.arange(-32768, 32768)
    above = np.clip(np.searchsorted(values, samples, side="right"), 1, 255)
    nearer_below = samples - values[above - 1] < values[above] - samples
    codes: NDArray[np.uint8] = order[np.where(nearer_below, above - 1, above)].astype(np.uint8)
    return codes


_COMPRESSED: Final = {codec: _compressed(codec) for codec in _EXPANDED}


def decode(codec: str, payload: bytes) -> bytes:
    """Give the 16-bit little-endian samples of a `PCMU` or `PCMA` payload."""
    return bytes(_EXPANDED[codec][np.frombuffer(payload, dtype=np.uint8)].astype("<i2").tobytes())


def encode(codec: str, pcm: bytes) -> bytes:
    """Give the payload of 16-bit little-endian samples, rounded to the nearest code."""
    return bytes(_COMPRESSED[codec][np.frombuffer(pcm, dtype="<i2").astype(np.int32) + 32768].tobytes())
