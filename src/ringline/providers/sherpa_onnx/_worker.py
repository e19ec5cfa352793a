"""The sherpa-onnx worker: `python -I _worker.py MODEL OPTIONS`; requests as in `recognition/_serving.py`."""

from __future__ import annotations

import importlib
import math
import runpy
from pathlib import Path
from typing import Any

_SERVING = runpy.run_path(str(Path(__file__).resolve().parent.parent / "recognition" / "_serving.py"))
RATE_HZ = 16_000
TAIL_S = 0.5
"""Of silence behind it: a model for streams looks ahead."""
UNSURE = 0.5
"""The confidence of a model that does not say how sure it is."""
BUILT: dict[str, tuple[str, str, dict[str, str]]] = {
    "transducer": (
        *("OfflineRecognizer", "from_transducer"),
        {"encoder": "encoder*.onnx", "decoder": "decoder*.onnx", "joiner": "joiner*.onnx"},
    ),
    "streaming": (
        *("OnlineRecognizer", "from_transducer"),
        {"encoder": "encoder*.onnx", "decoder": "decoder*.onnx", "joiner": "joiner*.onnx"},
    ),
    "whisper": ("OfflineRecognizer", "from_whisper", {"encoder": "*encoder*.onnx", "decoder": "*decoder*.onnx"}),
    "ctc": ("OfflineRecognizer", "from_nemo_ctc", {"model": "model*.onnx"}),
    "paraformer": ("OfflineRecognizer", "from_paraformer", {"paraformer": "model*.onnx"}),
    "sense-voice": ("OfflineRecognizer", "from_sense_voice", {"model": "model*.onnx"}),
}
"""Kinds of models: class and method that make a recogniser of it, and the names of its files."""


def load(folder: Path, options: dict[str, str]) -> Any:
    """Read a model; give what understands with it."""
    numpy = importlib.import_module("numpy")
    sherpa = importlib.import_module("sherpa_onnx")  # here and nowhere else
    kind, method, names = BUILT[options["kind"]]
    files = {key: _file(folder, pattern) for key, pattern in names.items()}
    tokens = _file(folder, "*tokens.txt")
    make = getattr(getattr(sherpa, kind), method)
    recogniser = make(tokens=tokens, num_threads=int(options["threads"]), **files)
    streaming = options["kind"] == "streaming"

    def understand(asked: dict[str, Any], audio: bytes) -> list[dict[str, Any]]:
        samples = numpy.frombuffer(audio, dtype="<i2").astype(numpy.float32) / 32_768
        stream = recogniser.create_stream()
        stream.accept_waveform(RATE_HZ, samples)
        if streaming:
            stream.accept_waveform(RATE_HZ, numpy.zeros(round(TAIL_S * RATE_HZ), dtype=numpy.float32))
            stream.input_finished()
            while recogniser.is_ready(stream):
                recogniser.decode_stream(stream)
            found = recogniser.get_result_all(stream)
            sure = list(found.ys_probs)
        else:
            recogniser.decode_stream(stream)
            found = stream.result
            sure = list(getattr(found, "ys_log_probs", ()))
        text = found.text.strip()
        if not text:
            return []
        shares = [math.exp(min(0.0, one)) for one in sure]
        result: dict[str, Any] = {"text": text, "confidence": sum(shares) / len(shares) if shares else UNSURE}
        if asked["words"]:
            result["words"] = words(list(found.tokens), list(found.timestamps), shares, len(audio) // 32)
        return [result]

    return understand


def words(tokens: list[str], times: list[float], shares: list[float], length_ms: int) -> list[dict[str, Any]]:
    """Pieces of words, each with its beginning, as words: a new one begins with a blank or `▁`.

    How long a piece lasts is not told: a word ends with the next one. Models that tell no times have no words.
    """
    if len(times) != len(tokens):
        return []
    found: list[dict[str, Any]] = []
    for nth, (token, at) in enumerate(zip(tokens, times, strict=True)):
        text = token.replace("▁", " ")
        share = shares[nth] if nth < len(shares) else UNSURE
        if not found or text.startswith(" "):
            if found:
                found[-1]["end_ms"] = round(at * 1000)
            found.append({"text": text.strip(), "start_ms": round(at * 1000), "confidence": share})
        else:
            found[-1]["text"] += text
            found[-1]["confidence"] = min(found[-1]["confidence"], share)
    if found:
        found[-1]["end_ms"] = max(length_ms, found[-1]["start_ms"])
    return [one for one in found if one["text"]]


def _file(folder: Path, pattern: str) -> str:
    found = sorted(folder.glob(pattern), key=lambda path: ("int8" not in path.name, path.name))
    if not found:
        raise FileNotFoundError(f"there is no {pattern} in the folder of the model")
    return str(found[0])


if __name__ == "__main__":
    _SERVING["serve"](load)
