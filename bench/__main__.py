"""All measurements in one run, as a table; the numbers are kept in `bench/results/`.

    python -m bench websocket [--calls 1 50]
    python -m bench media [--rounds 5] [--legs 100 400] [--seconds 3]
    python -m bench concealment
    python -m bench pacing [--legs 1600] [--seconds 30] [--webhooks 50]
    python -m bench webrtc [--legs 100]
    python -m bench [--rounds 5] [--legs 100 400] [--seconds 3] [--rates 20,50,100] [--kit-calls 300]
    python -m bench rest [--seconds 5] [--connections 8] [--rounds 3] [--database URL]
    python -m bench speech recognition|detection|barge-in|latency|lengths|rejection
    python -m bench lists [--legs 1000000] [--days 2] [--rounds 40] [--database sqlite postgresql]

The media core is measured by `ringline-media-bench` (in `crates/`): every round runs the floor, a bare loop that only
receives and sends, and all shapes one after the other, so that a busy machine disturbs all of them alike; the table has
the medians. Time is processor time of the media threads, not wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.calls.calls import measure as measure_calls
from bench.calls.calls import table
from bench.conditions import conditions
from bench.kit.calls import measure as measure_kit
from bench.lists.__main__ import main as measure_lists
from bench.media import concealment
from bench.media.pacing import main as pace
from bench.media.pacing import measure as measure_pace
from bench.rest.__main__ import main as measure_rest
from bench.speech.__main__ import main as measure_one_of_speech
from bench.speech.latency import measure as measure_speech
from bench.speech.lengths import measure as measure_lengths
from bench.webrtc import main as webrtc
from bench.websocket import main as websocket

_ROOT: Final = Path(__file__).parent.parent
_SHAPES: Final = {
    "floor": "floor: one receive, one send",
    "playback": "(a) playback to single legs",
    "bridge": "(b) bridges of two, mixed",
    "bridge-passed": "    bridges of two, passed through",
    "rooms-of-3": "(c) rooms of three",
    "room-of-50": "(d) rooms of 50",
    "rooms-of-3-recorded": "(e) rooms of three, recorded",
}


def measure_media(*options: str) -> list[dict[str, Any]]:
    """Run the core's own bench; give its lines."""
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo/bin/cargo")
    command = [cargo, "run", "--quiet", "--release", "-p", "ringline-media-bench", "--", *options]
    output = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def show_media(lines: list[dict[str, Any]], legs: int, rounds: int) -> None:
    """Print the medians beside the floor."""

    def median(shape: str, figure: str) -> float:
        return statistics.median(float(line[figure]) for line in lines if line["shape"] == shape)

    floor_us = median("floor", "us_per_leg_second")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"\nMedia, {legs} legs, one pacing thread, G.711, {rounds} interleaved rounds; load of the machine {load}")
    print(
        "Every leg talks; jitter buffer, reports and the search for keys in the audio are on (passed bridges: events)."
    )
    print("The floor wakes every 5 ms, receives into one buffer and sends one ready packet; it reads nothing of it,")
    print("takes no times of arrival, and holds nothing per leg but the connected socket.")
    print("In a broken second a phone heard a frame that was made up or left out; a fault is a wrong voice or level.")
    print(
        f"{'':34}{'µs per leg-second':>18}{'ratio':>8}{'packets/s':>11}{'lag p99 ms':>12}{'broken s':>9}{'faults':>7}"
    )
    for shape, name in _SHAPES.items():
        figure = median(shape, "us_per_leg_second")
        print(f"{name:34}{figure:>18.0f}{figure / floor_us:>8.2f}", end="")
        if shape != "floor":
            faults = sum(line["faults"] for line in lines if line["shape"] == shape)
            packets, lag_ms = median(shape, "packets_per_leg_second"), median(shape, "lag_p99_ms")
            broken = sum(line["broken_seconds"] for line in lines if line["shape"] == shape)
            print(f"{packets:>11.2f}{lag_ms:>12.2f}{broken:>9}{faults:>7}", end="")
        print()


def measure_all_media(legs: Sequence[int], rounds: int, seconds: float) -> dict[str, Any]:
    """Everything about the media core: costs, memory, pace, delay, a large room. Printed, and given by name."""
    media: dict[str, Any] = {}
    for count in legs:
        amount = ("--legs", str(count), "--rounds", str(rounds), "--seconds", str(seconds))
        media[str(count)] = measure_media(*amount)
        show_media(media[str(count)], count, rounds)
        print(f"Memory: at most {max(line['kib_per_leg'] for line in media[str(count)]):.0f} KiB per leg")
    media["pace"] = asyncio.run(measure_pace(legs=1600, observed=20, seconds=20, webhooks=50))
    print("\nPace while Python computes and 50 webhooks a second are answered, 1600 legs: " + json.dumps(media["pace"]))
    media["delay"] = measure_media("--delay", "--legs", "40", "--seconds", "20")
    delay = media["delay"][0]
    print(f"\nDelay added by a room (ms): p50 {delay['delay_p50_ms']}, p95 {delay['delay_p95_ms']}")
    media["large"] = measure_media("--room", "250", "--talkers", "10", "--seconds", str(seconds))
    large = media["large"][0]
    print(f"A room of 250 with 10 talkers: {large['us_per_leg_second'] * 250 / 1e4:.0f} % of a core")
    media["concealment"] = concealment.measure()
    concealment.show(media["concealment"])
    return media


def media_alone() -> None:
    """Measure the media core, print, keep."""
    arguments = argparse.ArgumentParser(prog="python -m bench media", description="The media core.")
    _take_media(arguments)
    options = arguments.parse_args()
    print(conditions(**vars(options)))
    _keep({"conditions": vars(options), "media": measure_all_media(options.legs, options.rounds, options.seconds)})


def _take_media(arguments: argparse.ArgumentParser) -> None:
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--legs", type=int, nargs="+", default=[100, 400])
    arguments.add_argument("--seconds", type=float, default=3)


def _keep(results: dict[str, Any]) -> None:
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps({"machine": machine} | results, indent=2))
    print(f"\nkept in {file}")


_ALONE: Final = {
    "concealment": concealment.main,
    "media": media_alone,
    "rest": measure_rest,
    "lists": measure_lists,
    "pacing": pace,
    "speech": measure_one_of_speech,
}
"Measurements that are asked for by name."


def main() -> None:
    """Measure, print, keep."""
    if sys.argv[1:2] and (alone := _ALONE.get(sys.argv[1])) is not None:
        sys.argv[:2] = [f"{sys.argv[0]} {sys.argv[1]}"]
        alone()
        return
    arguments = argparse.ArgumentParser(description="All measurements of Ringline.")
    _take_media(arguments)
    arguments.add_argument("--rates", default="20,50,100", help="new calls per second, one run each")
    arguments.add_argument("--kit-calls", type=int, default=300)
    arguments.add_argument("--sentences", type=int, default=40)
    options = arguments.parse_args()
    media = measure_all_media(options.legs, options.rounds, options.seconds)
    speech = asyncio.run(measure_speech(options.sentences)) | asyncio.run(measure_lengths(20))
    print("\nSpeech, from the command to the first packet with sound (ms): " + json.dumps(speech))
    calls = asyncio.run(measure_calls(rates=[int(rate) for rate in options.rates.split(",")], seconds=20))
    print("\nWhole calls (answer webhook, one cached sentence, four events), Ringline on one core")
    print(table(calls))
    kit = measure_kit(calls=options.kit_calls)
    print("\nTest kit, calls per second and core (answer, talk, one digit, talk, hang-up): " + json.dumps(kit))
    _keep({"conditions": vars(options), "media": media, "speech": speech, "calls": calls, "kit": kit})


if __name__ == "__main__":
    if sys.argv[1:2] == ["websocket"]:
        websocket(sys.argv[2:], measure_media)
    elif sys.argv[1:2] == ["webrtc"]:
        webrtc(sys.argv[2:])
    else:
        main()
