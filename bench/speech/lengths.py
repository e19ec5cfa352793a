"""How long the first audio takes, by the length of the text: it should not depend on it.

    python -m bench.speech.lengths [--rounds 20] [--piper VOICE.onnx]

Each text is new, so no cache helps. The clock runs from the request to the engine's first block, in a warm worker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time

from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import SpeechEngine, WorkerProgram, load

LENGTHS = (40, 400, 1500)
_SENTENCE = "We are sorry that all our people are busy, please hold the line. "


async def main() -> None:
    arguments = argparse.ArgumentParser(description="The first audio, by the length of the text.")
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--piper", help="a voice file to measure Piper with, too")
    options = arguments.parse_args()
    found = {"espeak": await measure(options.rounds)}
    if options.piper:
        found["piper"] = await measure(options.rounds, "piper", {"voices": options.piper})
    print(json.dumps(found, indent=2))


async def measure(rounds: int, engine: str = "espeak", settings: dict[str, str] | None = None) -> dict[str, float]:
    """Give the median milliseconds to the first block, by characters."""
    voice = load([engine], open_workers=_workers, settings={engine: settings or {}})
    await voice.start()
    try:
        return {
            f"first_audio_{length}_characters_ms": round(
                statistics.median([await _first_ms(voice, _text(length, number)) for number in range(rounds)]), 1
            )
            for length in LENGTHS
        }
    finally:
        await voice.close()


async def _first_ms(voice: SpeechEngine, text: str) -> float:
    began = time.perf_counter()
    first = 0.0
    async for _ in voice.speak(SpeechRequest(text=text)):
        first = first or time.perf_counter() - began
    return first * 1000


def _text(length: int, number: int) -> str:
    return f"Number {number}. {_SENTENCE * (length // len(_SENTENCE) + 1)}"[:length]


def _workers(program: WorkerProgram) -> WorkerPool:
    return WorkerPool(
        program.command,
        name=program.name,
        size=1,
        start_timeout_s=program.start_timeout_s,
        silence_timeout_s=program.silence_timeout_s,
    )


if __name__ == "__main__":
    asyncio.run(main())
