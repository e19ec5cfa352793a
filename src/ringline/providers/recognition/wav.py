"""An utterance as a file that services take."""

from __future__ import annotations

import io
import wave

from ringline.providers.recognition.contract import RATE_HZ


def wav(audio: bytes) -> bytes:
    """16-bit mono samples at the rate of all engines, with a header before them."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(audio)
    return file.getvalue()
