"""The faster-whisper worker: `python -I _worker.py MODEL OPTIONS`; requests as in `recognition/_serving.py`."""

from __future__ import annotations

import importlib
import math
import os
import runpy
from pathlib import Path
from typing import Any

_SERVING = runpy.run_path(str(Path(__file__).resolve().parent.parent / "recognition" / "_serving.py"))
HINT_CHARACTERS = 400
"""Of hot words: the model has room for a few hundred signs."""
QUIET = 0.6
"""Where the model itself thinks so much that nobody spoke, and is not sure of its words, it has made them up."""
UNSURE = -0.8


def load(folder: Path, options: dict[str, str]) -> Any:
    """Read a model; give what understands with it."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is fetched, whatever is missing in the folder
    numpy = importlib.import_module("numpy")
    whisper = importlib.import_module("faster_whisper")  # here and nowhere else
    model = whisper.WhisperModel(
        str(folder), device="cpu", compute_type=options["compute"], cpu_threads=int(options["threads"])
    )

    def understand(asked: dict[str, Any], audio: bytes) -> list[dict[str, Any]]:
        samples = numpy.frombuffer(audio, dtype="<i2").astype(numpy.float32) / 32_768
        if not samples.size or float(numpy.abs(samples).max()) < 0.001:
            return []  # of silence it makes up words
        hints = ", ".join(hint for hint in asked["hints"] if not hint.startswith("$"))[:HINT_CHARACTERS]
        segments, _ = model.transcribe(
            samples,
            language=asked["language"].partition("-")[0],
            hotwords=hints or None,
            word_timestamps=bool(asked["words"]),
            condition_on_previous_text=False,
            without_timestamps=not asked["words"],
        )
        kept = [one for one in segments if not (one.no_speech_prob > QUIET and one.avg_logprob < UNSURE)]
        text = " ".join(one.text.strip() for one in kept).strip()
        if not text:
            return []
        lengths = [max(1, len(one.text)) for one in kept]
        sure = sum(math.exp(min(0.0, one.avg_logprob)) * size for one, size in zip(kept, lengths, strict=True))
        found: dict[str, Any] = {"text": text, "confidence": sure / sum(lengths)}
        if asked["words"]:
            found["words"] = [
                {
                    "text": word.word.strip(),
                    "start_ms": round(word.start * 1000),
                    "end_ms": round(word.end * 1000),
                    "confidence": word.probability,
                }
                for one in kept
                for word in one.words or ()
            ]
        return [found]

    return understand


if __name__ == "__main__":
    _SERVING["serve"](load)
