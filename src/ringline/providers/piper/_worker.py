"""The Piper worker: a program of its own that turns requests into audio (frames as in `ringline.io.workers`).

Run as `python -I _worker.py MODEL…`; the first model is loaded before it says hello. It is the only place where
piper-tts and espeak-ng (both GPLv3) are loaded. A request is JSON: `model` (one of those named), `speaker` (a number or
null), and `segments` as `_segments.py` makes them. Its blocks are 16-bit mono samples at the model's rate.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import runpy
import signal
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

_FRAMES = runpy.run_path(str(Path(__file__).resolve().parent.parent / "_frames.py"))
Pipe: Any = _FRAMES["Pipe"]
Gone: Any = _FRAMES["Gone"]

BLOCK_SAMPLES = 8000
MAX_AUDIO_S = 600
MOST_LOADED = 4
"Models kept in memory; they take 20 to 120 MB each."
HANG_S = 60
TONE_HZ = 1000
TONE_LEVEL = 5000


class Stopped(Exception):
    """Nobody listens any more, or the text is longer than is made."""


class Piper:
    """The voices, and the synthesis of one request at a time."""

    def __init__(self, models: list[str], pipe: Any) -> None:
        piper = importlib.import_module("piper")  # here and nowhere else
        self._numpy: Any = importlib.import_module("numpy")
        self._config: Any = piper.SynthesisConfig
        self._load: Any = piper.PiperVoice.load
        self._models = models
        self._loaded: OrderedDict[str, Any] = OrderedDict()
        self._pipe = pipe
        self._number = 0
        self._left = 0
        for _ in self._voice(models[0]).synthesize("Hello."):
            pass

    def speak(self, number: int, request: dict[str, Any]) -> None:
        """Speak one request into the pipe, and say how it ended."""
        model = request["model"]
        if model not in self._models:
            raise ValueError("no such model")
        voice = self._voice(model)
        rate_hz = voice.config.sample_rate
        self._number = number
        self._left = rate_hz * MAX_AUDIO_S
        try:
            for segment in request["segments"]:
                self._segment(voice, rate_hz, request.get("speaker"), segment)
        except Stopped:
            pass
        finally:
            signal.alarm(0)
        self._pipe.write(b"E", number)

    def _segment(self, voice: Any, rate_hz: int, speaker: int | None, segment: dict[str, Any]) -> None:
        np = self._numpy
        if "pause_ms" in segment:
            self._give(np.zeros(rate_hz * segment["pause_ms"] // 1000, dtype=np.int16))
            return
        if "bleep_ms" in segment:
            moments = np.arange(rate_hz * segment["bleep_ms"] // 1000) / rate_hz
            self._give((np.sin(2 * math.pi * TONE_HZ * moments) * TONE_LEVEL).astype(np.int16))
            return
        pitch = segment["pitch"]
        # Slower by as much as playing it faster, which raises the pitch, takes away again.
        config = self._config(
            speaker_id=speaker,
            length_scale=voice.config.length_scale * pitch / segment["rate"],
            noise_scale=voice.config.noise_scale,
            noise_w_scale=voice.config.noise_w_scale,
        )
        signal.alarm(HANG_S)
        for chunk in voice.synthesize(segment["text"], syn_config=config):
            signal.alarm(0)
            samples = chunk.audio_float_array * (32767 * segment["gain"])
            if pitch != 1:
                places = np.arange(0, len(samples), pitch)
                samples = np.interp(places, np.arange(len(samples)), samples)
            self._give(np.clip(samples, -32767, 32767).astype(np.int16))
            signal.alarm(HANG_S)
        signal.alarm(0)

    def _give(self, samples: Any) -> None:
        for start in range(0, len(samples), BLOCK_SAMPLES):
            block = samples[start : start + BLOCK_SAMPLES][: self._left]
            self._left -= len(block)
            self._pipe.write(b"B", self._number, block.astype("<i2").tobytes())
            while self._pipe.waiting():
                kind, number, _ = self._pipe.read()
                if kind == b"C" and number == self._number:
                    raise Stopped
            if self._left <= 0:
                raise Stopped

    def _voice(self, model: str) -> Any:
        voice = self._loaded.pop(model, None)
        if voice is None:
            voice = self._load(model)
            if len(self._loaded) >= MOST_LOADED:
                self._loaded.popitem(last=False)
        self._loaded[model] = voice
        return voice


def main() -> None:
    # Whatever the library prints must not land between the frames.
    pipe = Pipe(os.dup(0), os.dup(1))
    os.dup2(2, 1)
    os.nice(5)  # playing audio on time comes first
    try:
        try:
            piper = Piper(sys.argv[1:], pipe)
        except Gone:
            raise
        except Exception as error:  # whatever it is, the server shall be told why there is no voice
            pipe.write(b"X", 0, f"piper cannot be started: {error}".encode())
            return
        pipe.write(b"H", 0, b"{}")
        while True:
            kind, number, payload = pipe.read()
            if kind != b"R":
                continue  # a cancel that came after the end
            try:
                piper.speak(number, json.loads(payload))
            except Gone:
                raise
            except Exception as error:  # the model or its text; the next request may be fine
                pipe.write(b"X", number, f"{type(error).__name__}: {error}".encode())
    except Gone:
        return


if __name__ == "__main__":
    main()
