"""What a call between a phone and a WebSocket bot costs, how even its pace is, and what delay it adds.

    python -m bench websocket [--calls 50] [--rounds 3] [--seconds 10]

`ringline-media-bench --bots` (in `crates/`) puts up the calls: phones that beep over RTP (PCMA), the core with one
pacing thread and one thread of sockets, and one server with a 16 kHz socket per call that sends every message back. The
far ends run on threads of their own; each number of calls is measured over `ws` and over `wss`. Time is processor time
of the core's two threads. Delays run from the sample that was sent to the sample that was heard: jitter buffer, waiting
for the next frame and resampling are in them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ringline.server.certificates import ensure_certificates

AIM_PERCENT: Final = 0.5
_FIGURES: Final = {
    "media_us_per_call_second": "pacing thread, µs of CPU per call-second",
    "sockets_us_per_call_second": "sockets' thread, µs of CPU per call-second",
    "core_percent_per_call": f"share of a core per call, % (aim: at most {AIM_PERCENT})",
    "one_way_p50_ms": "phone to bot, ms, p50",
    "one_way_p99_ms": "phone to bot, ms, p99",
    "both_ways_p50_ms": "phone to bot and back, ms, p50",
    "both_ways_p99_ms": "phone to bot and back, ms, p99",
    "late_p50_ms": "messages late against an even 20 ms grid, ms, p50",
    "late_p99_ms": "messages late against an even 20 ms grid, ms, p99",
}


def main(words: Sequence[str], measure: Callable[..., list[dict[str, Any]]]) -> None:
    """Measure with the core's own bench, and print the medians of the rounds."""
    arguments = argparse.ArgumentParser(prog="python -m bench websocket", description="Calls with WebSocket bots.")
    arguments.add_argument("--calls", type=int, nargs="+", default=[1, 50])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=10)
    options = arguments.parse_args(words)
    print(f"{os.cpu_count()} cores, kernel {platform.release()}, load {os.getloadavg()[0]:.1f}")
    with TemporaryDirectory() as folder:
        ensure_certificates(Path(folder), names=("127.0.0.1",), now=datetime.now(UTC))
        for calls in options.calls:
            how = ("--bots", str(calls), "--rounds", str(options.rounds), "--seconds", str(options.seconds))
            told = f"{calls} calls, {options.rounds} rounds of {options.seconds:g} s, 16 kHz"
            _show(measure(*how), f"{told}, ws")
            _show(measure(*how, "--secure", folder), f"{told}, wss")


def _show(lines: list[dict[str, Any]], told: str) -> None:
    print(f"\n{told}")
    for name, what in _FIGURES.items():
        values = [float(line[name]) for line in lines if line[name] is not None]
        print(f"{what:60}{statistics.median(values) if values else float('nan'):>10.2f}")
    print(f"{'frames lost by us':60}{sum(line['lost'] for line in lines):>10.0f}")
