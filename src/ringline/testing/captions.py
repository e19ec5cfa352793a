"""Audio that says what it is: text written into samples, so that it can be read back wherever the audio goes.

A caption is a run of samples: a fixed beginning that no voice makes, the kind of sound, the number of 16-bit units, and
the text in UTF-16. The rest of the sound is silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MARK: Final = np.array([32767, -32768, 32767, -32768, 12345, -12345], dtype="<i2")
_MARK_BYTES: Final = _MARK.tobytes()
_KINDS: Final = ("speech", "file", "person")
_HEAD: Final = len(_MARK) + 2
LONGEST: Final = 16_000
"Units of a caption; what is longer is cut."


@dataclass(frozen=True, slots=True)
class Caption:
    """What a piece of audio is."""

    kind: str
    "`speech` (a voice engine), `file` (an audio file) or `person` (somebody at a phone)."
    text: str


def captioned(caption: Caption, *, seconds: float, rate_hz: int = 8000) -> bytes:
    """Make 16-bit mono samples of that length which carry the caption; longer if it would not fit."""
    units = np.frombuffer(caption.text.encode("utf-16-le", "surrogatepass"), dtype="<i2")[:LONGEST]
    samples = np.zeros(max(round(seconds * rate_hz), _HEAD + len(units)), dtype="<i2")
    samples[: len(_MARK)] = _MARK
    samples[len(_MARK)] = _KINDS.index(caption.kind)
    samples[len(_MARK) + 1] = len(units)
    samples[_HEAD : _HEAD + len(units)] = units
    return samples.tobytes()


def caption_of(pcm: bytes) -> Caption | None:
    """Read the caption at the beginning of some audio; None when there is none."""
    if not pcm.startswith(_MARK_BYTES):
        return None
    return next((caption for at, caption in captions_in(samples_of(pcm[: 2 * (_HEAD + LONGEST)])) if at == 0), None)


def captions_in(samples: NDArray[np.int16]) -> Iterator[tuple[int, Caption]]:
    """Give every caption in one channel with the sample at which it begins."""
    for start in np.flatnonzero(samples[: max(len(samples) - _HEAD + 1, 0)] == _MARK[0]).tolist():
        if not np.array_equal(samples[start : start + len(_MARK)], _MARK):
            continue
        kind, length = int(samples[start + len(_MARK)]), int(samples[start + len(_MARK) + 1])
        units = samples[start + _HEAD : start + _HEAD + length]
        if 0 <= kind < len(_KINDS) and 0 <= length == len(units):
            text = units.astype("<i2").tobytes().decode("utf-16-le", "replace")
            yield start, Caption(_KINDS[kind], text)


def samples_of(pcm: bytes) -> NDArray[np.int16]:
    """16-bit little-endian bytes as numbers."""
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2")
