"""All measurements in one run, as a table; the numbers are kept in `bench/results/`.

    python -m bench [--rounds 5] [--legs 100] [--seconds 3] [--calls 100] [--kit-calls 300]

Every round measures playback, bridge, rooms of three and the kernel's floor one after the other, so that a busy machine
disturbs all of them alike; the table has the medians. Time is processor time, not wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any, Final

from bench.calls.calls import measure as measure_calls
from bench.kit.calls import measure as measure_kit
from bench.media.legs import floor
from bench.media.legs import measure as measure_legs
from bench.speech.latency import measure as measure_speech

SHAPES: Final = (("playback to single legs", 1), ("bridges of two", 2), ("rooms of three", 3))


def main() -> None:
    """Measure, print, keep."""
    arguments = argparse.ArgumentParser(description="All measurements of Ringline.")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--legs", type=int, default=100)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--calls", type=int, default=100)
    arguments.add_argument("--kit-calls", type=int, default=300)
    arguments.add_argument("--sentences", type=int, default=40)
    options = arguments.parse_args()
    rounds: dict[str, list[float]] = {name: [] for name, _ in SHAPES}
    floors: list[float] = []
    for _ in range(options.rounds):
        for name, room in SHAPES:
            legs = options.legs - options.legs % (2 * room)
            figures = asyncio.run(measure_legs(legs=legs, room=room, threads=1, seconds=options.seconds, record=False))
            rounds[name].append(figures["us_per_leg_tick"])
        floors.append(floor(20_000))
    floor_us = statistics.median(floors)
    print(f"Media, {options.legs} legs, one pacing thread, G.711, {options.rounds} interleaved rounds")
    print(f"{'':28}{'µs per leg and 20 ms':>22}{'ratio to the floor':>20}{'ms per leg-second':>20}")
    for name, values in rounds.items():
        figure = statistics.median(values)
        print(f"{name:28}{figure:>22.2f}{figure / floor_us:>20.1f}{figure * 50 / 1000:>20.3f}")
    print(f"{'floor: one send, one receive':28}{floor_us:>22.2f}{1:>20.1f}{floor_us * 50 / 1000:>20.3f}")
    speech = asyncio.run(measure_speech(options.sentences))
    print("\nSpeech, from the command to the first packet with sound (ms): " + json.dumps(speech))
    calls = asyncio.run(measure_calls(calls=options.calls, rate=20))
    print("\nWhole calls (answer webhook, one cached sentence, four events): " + json.dumps(calls))
    kit = measure_kit(calls=options.kit_calls)
    print("\nTest kit, calls per second and core (answer, talk, one digit, talk, hang-up): " + json.dumps(kit))
    results: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
        "conditions": vars(options),
        "media_us_per_leg_tick": rounds,
        "floor_us": floors,
        "speech": speech,
        "calls": calls,
        "kit": kit,
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(results, indent=2))
    print(f"\nkept in {file}")


if __name__ == "__main__":
    main()
