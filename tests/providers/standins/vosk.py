"""Stands in for vosk in a worker: the part of its documented interface that the worker uses.

Its model is a folder with `said.json`: what each utterance says, by the SHA-256 of its samples.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


def SetLogLevel(level: int) -> None:  # noqa: N802
    assert level == -1


class Model:
    def __init__(self, model_path: str) -> None:
        self.said = json.loads((Path(model_path) / "said.json").read_text())


class KaldiRecognizer:
    def __init__(self, model: Model, rate_hz: float) -> None:
        assert rate_hz == 16_000.0
        self._model = model
        self._audio = b""
        self._words = False

    def SetWords(self, wanted: bool) -> None:  # noqa: N802
        self._words = wanted

    def AcceptWaveform(self, data: bytes) -> int:  # noqa: N802
        self._audio += data
        return 0

    def Result(self) -> str:  # noqa: N802
        raise AssertionError("no sentence has ended")

    def FinalResult(self) -> str:  # noqa: N802
        text = self._model.said.get(hashlib.sha256(self._audio).hexdigest(), "")
        if text == "!die":
            os._exit(1)
        told: dict[str, object] = {"text": text}
        if text and self._words:
            told["result"] = [
                {"conf": 0.75, "start": nth * 0.3, "end": nth * 0.3 + 0.25, "word": word}
                for nth, word in enumerate(text.split())
            ]
        return json.dumps(told)
