"""Stands in for faster-whisper in a worker, as `vosk` beside it does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class WhisperModel:
    def __init__(self, model: str, *, device: str, compute_type: str, cpu_threads: int) -> None:
        assert (device, compute_type, cpu_threads) == ("cpu", "int8", 1)
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        self._said = json.loads((Path(model) / "said.json").read_text())

    def transcribe(
        self,
        audio: Any,
        *,
        language: str,
        hotwords: str | None,
        word_timestamps: bool,
        condition_on_previous_text: bool,
        without_timestamps: bool,
    ) -> tuple[Iterator[SimpleNamespace], SimpleNamespace]:
        assert audio.dtype == "float32"
        assert language == "en"
        samples = (audio * 32_768).astype("<i2").tobytes()
        text = self._said.get(hashlib.sha256(samples).hexdigest(), "")
        if text == "!die":
            os._exit(1)

        def segments() -> Iterator[SimpleNamespace]:
            if not text:  # it makes something up, and does not believe it itself
                yield SimpleNamespace(text=" Thank you.", avg_logprob=-1.2, no_speech_prob=0.9, words=None)
                return
            words = [
                SimpleNamespace(word=f" {word}", start=nth * 0.3, end=nth * 0.3 + 0.25, probability=0.75)
                for nth, word in enumerate(text.split())
            ]
            yield SimpleNamespace(
                text=f" {text}", avg_logprob=-0.3, no_speech_prob=0.1, words=words if word_timestamps else None
            )

        return segments(), SimpleNamespace(language=language)
