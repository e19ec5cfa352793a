"""Stands in for sherpa-onnx in a worker, as `vosk` beside it does. The files of its model are empty."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class _Stream:
    def __init__(self) -> None:
        self.audio = b""
        self.finished = False
        self.result = SimpleNamespace(text="", tokens=[], timestamps=[], ys_log_probs=[])

    def accept_waveform(self, rate_hz: int, samples: Any) -> None:
        assert rate_hz == 16_000
        assert samples.dtype == "float32"
        self.audio += (samples * 32_768).astype("<i2").tobytes()

    def input_finished(self) -> None:
        self.finished = True


class _Recogniser:
    def __init__(self, folder: Path) -> None:
        self._said = json.loads((folder / "said.json").read_text())

    def create_stream(self) -> _Stream:
        return _Stream()

    def _text(self, audio: bytes) -> str:
        text = str(self._said.get(hashlib.sha256(audio).hexdigest(), ""))
        if text == "!die":
            os._exit(1)
        return text


def _pieces(text: str) -> tuple[list[str], list[float]]:
    """Each word in two pieces."""
    tokens = [piece for word in text.split() for piece in (f"▁{word[:2]}", word[2:]) if piece]
    return tokens, [0.2 + 0.1 * nth for nth in range(len(tokens))]


class OfflineRecognizer(_Recogniser):
    @classmethod
    def from_transducer(
        cls, *, encoder: str, decoder: str, joiner: str, tokens: str, num_threads: int
    ) -> OfflineRecognizer:
        assert [Path(one).name for one in (encoder, decoder, joiner, tokens)] == [
            *("encoder-epoch-99.int8.onnx", "decoder-epoch-99.onnx", "joiner-epoch-99.onnx", "tokens.txt")
        ]
        assert num_threads == 1
        return cls(Path(encoder).parent)

    def decode_stream(self, stream: _Stream) -> None:
        text = self._text(stream.audio)
        pieces, times = _pieces(text)
        stream.result = SimpleNamespace(
            text=f" {text}", tokens=pieces, timestamps=times, ys_log_probs=[-0.2] * len(pieces)
        )


class OnlineRecognizer(_Recogniser):
    @classmethod
    def from_transducer(
        cls, *, encoder: str, decoder: str, joiner: str, tokens: str, num_threads: int
    ) -> OnlineRecognizer:
        return cls(Path(encoder).parent)

    def is_ready(self, stream: _Stream) -> bool:
        return stream.finished and not stream.result.text

    def decode_stream(self, stream: _Stream) -> None:
        stream.result.text = " "

    def get_result_all(self, stream: _Stream) -> SimpleNamespace:
        tail = bytes(16_000)
        assert stream.audio.endswith(tail)
        text = self._text(stream.audio[: -len(tail)])
        pieces, times = _pieces(text)
        return SimpleNamespace(text=text, tokens=pieces, timestamps=times, ys_probs=[-0.2] * len(pieces))
