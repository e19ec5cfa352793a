"""Speech for the benches: synthesised in several voices, then made a telephone's: noise, G.711, lost packets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice
from ringline.testing import g711

Samples = NDArray[np.float64]
RATE_HZ = 8000
VOICES = (
    *(("en-us+f2", 165), ("en-us+m3", 165), ("en-us+f4", 172)),
    *(("en-us+m7", 158), ("en-us+f1", 150), ("en-us+m4", 160)),
)
"Voices of espeak-ng and their words per minute."


async def speak(texts: Iterable[tuple[str, str, int]]) -> list[Samples]:
    """Speak each text in its voice (name, words per minute); samples at 8 kHz."""
    pools: list[WorkerPool] = []

    def open_workers(program: WorkerProgram) -> WorkerPool:
        pools.append(WorkerPool(program.command, name=program.name, size=1))
        return pools[-1]

    voice = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
    await voice.start()
    spoken = []
    for text, name, rate in texts:
        request = {"voice": name, "pitch": 50, "rate": rate, "text": text, "ssml": False}
        pcm = b"".join([block async for block in pools[0].request(json.dumps(request).encode())])
        spoken.append(soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float64), 22_050, RATE_HZ))
    await voice.close()
    return spoken


def narrowed(samples: Samples) -> Samples:
    """Speech at 16 kHz as a telephone has it: at 8 kHz."""
    return np.asarray(soxr.resample(samples, 2 * RATE_HZ, RATE_HZ), dtype=np.float64)


def at_level(samples: Samples, dbfs: float) -> Samples:
    """Bring speech to a level (root mean square)."""
    gain = 32_768 * 10 ** (dbfs / 20) / float(np.sqrt(np.mean(samples**2) + 1e-9))
    return samples * gain


def noise(random: np.random.Generator, seconds: float, dbfs: float) -> Samples:
    """Even noise."""
    return random.normal(0, 32_768 * 10 ** (dbfs / 20), round(seconds * RATE_HZ))


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ))


def over_the_phone(
    samples: Samples, random: np.random.Generator, *, noise_dbfs: float = -50.0, loss: float = 0.0
) -> NDArray[np.int16]:
    """What comes through G.711 A-law with noise behind it; of lost packets comes nothing."""
    mixed = samples + noise(random, len(samples) / RATE_HZ, noise_dbfs)[: len(samples)]
    pcm = np.clip(mixed, -32_768, 32_767).astype("<i2").tobytes()
    heard = np.frombuffer(g711.decode("PCMA", g711.encode("PCMA", pcm)), dtype="<i2").copy()
    for start in range(0, len(heard), 160):
        if random.random() < loss:
            heard[start : start + 160] = 0
    return heard


def upsampled(samples: NDArray[np.int16]) -> bytes:
    """At 16 kHz, as recognition engines take it."""
    wide = soxr.resample(samples.astype(np.float64), RATE_HZ, 2 * RATE_HZ)
    return bytes(np.clip(wide, -32_768, 32_767).astype("<i2").tobytes())


def joined(*parts: Samples | Sequence[Samples]) -> Samples:
    """One after the other."""
    return np.concatenate([np.asarray(part) for part in parts])
