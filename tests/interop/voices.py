"""What callers say, spoken by the offline voice."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import soxr

from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext, WorkerProgram
from ringline.providers.espeak import EspeakVoice


def spoken(text: str, *, voice: str = "en-us+m3", words_per_minute: int = 165, then_silent_s: float = 30.0) -> bytes:
    """Speech at 8 kHz, 16 bits, and the silence after it: a phone that repeats it has hung up by then."""

    async def speak() -> bytes:
        pools: list[WorkerPool] = []

        def open_workers(program: WorkerProgram) -> WorkerPool:
            pools.append(WorkerPool(program.command, name=program.name, size=1))
            return pools[-1]

        engine = EspeakVoice(EngineContext(open_workers=open_workers, settings={}))
        await engine.start()
        request = {"voice": voice, "pitch": 50, "rate": words_per_minute, "text": text, "ssml": False}
        pcm = b"".join([block async for block in pools[0].request(json.dumps(request).encode())])
        await engine.close()
        return pcm

    samples = np.frombuffer(asyncio.run(speak()), dtype="<i2").astype(np.float64)
    narrow = np.clip(soxr.resample(samples, 22_050, 8000) * 0.7, -32_768, 32_767).astype("<i2")
    return bytes(narrow.tobytes()) + bytes(round(then_silent_s * 16_000))
