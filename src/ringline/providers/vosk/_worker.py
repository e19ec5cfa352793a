"""The Vosk worker: `python -I _worker.py MODEL {}`; its requests are those of `recognition/_serving.py`."""

from __future__ import annotations

import importlib
import json
import runpy
from pathlib import Path
from typing import Any

_SERVING = runpy.run_path(str(Path(__file__).resolve().parent.parent / "recognition" / "_serving.py"))
_BLOCK_BYTES = 8000


def load(folder: Path, options: dict[str, str]) -> Any:
    """Read a model; give what understands with it."""
    vosk = importlib.import_module("vosk")  # here and nowhere else
    vosk.SetLogLevel(-1)
    model = vosk.Model(str(folder))

    def understand(asked: dict[str, Any], audio: bytes) -> list[dict[str, Any]]:
        recogniser = vosk.KaldiRecognizer(model, float(_SERVING["RATE_HZ"]))
        recogniser.SetWords(True)
        parts = [
            json.loads(recogniser.Result())
            for start in range(0, len(audio), _BLOCK_BYTES)
            if recogniser.AcceptWaveform(audio[start : start + _BLOCK_BYTES])  # it has found the end of a sentence
        ]
        parts.append(json.loads(recogniser.FinalResult()))
        words = [word for part in parts for word in part.get("result", ())]
        text = " ".join(part["text"] for part in parts if part.get("text"))
        if not text:
            return []
        sure = sum(float(word["conf"]) for word in words) / len(words) if words else 0.5
        found: dict[str, Any] = {"text": text, "confidence": sure}
        if asked["words"]:
            found["words"] = [
                {
                    "text": word["word"],
                    "start_ms": round(word["start"] * 1000),
                    "end_ms": round(word["end"] * 1000),
                    "confidence": word["conf"],
                }
                for word in words
            ]
        return [found]

    return understand


if __name__ == "__main__":
    _SERVING["serve"](load)
