"""Two versions of Ringline beside each other: the same calls in turn, so that what disturbs one disturbs the other.

    git worktree add /tmp/before HEAD~5
    python -m bench.calls.compare before=/tmp/before now=. [--rate 40] [--seconds 15] [--rounds 3] [--watch FOLDER]

Each name stands for a folder with `src` in it, its media core built. A line is one run: processor time per call of
everything, of the event loop, of the media threads and of the others (the store's), what failed or came twice, and how
late the event loop was. The last lines are the means. With `--watch` each run also leaves a file in that folder that
says what the event loop did whenever it was late (`watch/sitecustomize.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path
from typing import Final

from bench.calls.calls import cores_apart
from bench.calls.installation import Installation, late
from bench.calls.sipp import call
from bench.calls.webhooks import webhook_server

_WATCH: Final = Path(__file__).parent / "watch"


async def main() -> None:
    arguments = argparse.ArgumentParser(description="Compares two versions.")
    arguments.add_argument("versions", nargs="+", metavar="NAME=FOLDER")
    arguments.add_argument("--rate", type=int, default=40, help="new calls per second")
    arguments.add_argument("--seconds", type=int, default=15, help="how long a run is")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--watch", type=Path, help="where to write what the event loop did when it was late")
    options = arguments.parse_args()
    versions = [_version(each) for each in options.versions]
    found: dict[str, list[dict[str, float]]] = {name: [] for name, _ in versions}
    for number in range(options.rounds):
        for name, folder in versions if number % 2 == 0 else reversed(versions):
            if options.watch is not None:
                options.watch.mkdir(parents=True, exist_ok=True)
                os.environ["WATCH_EVENT_LOOP"] = str(options.watch.resolve() / f"{name}-{number}.txt")
            run = await _run(folder, options.rate, options.seconds)
            found[name].append(run)
            print(_line(name, run), flush=True)
    for name, runs in found.items():
        print(_line(f"{name}, mean", {key: statistics.mean(run[key] for run in runs) for key in runs[0]}))


def _version(argument: str) -> tuple[str, Path]:
    """A name, and where the sources of that version are."""
    name, _, folder = argument.partition("=")
    return name, Path(folder).resolve() / "src"


def _line(name: str, run: dict[str, float]) -> str:
    return f"{name:>20}: " + "  ".join(f"{key} {value:.2f}" for key, value in run.items())


async def _run(source: Path, rate: int, seconds: int) -> dict[str, float]:
    """One version, started anew, warmed and called."""
    os.environ["PYTHONPATH"] = f"{source}:{_WATCH}"
    ours, others = cores_apart(0)
    async with webhook_server(others or os.sched_getaffinity(0)) as (port, _):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            server = Installation(folder, application=port, cores=ours)
            try:
                await server.start()
                await call(server.sip_port, folder / "warm", calls=2 * rate, rate=rate, cores=others)
                cpu, lags = server.cpu_s(), server.lags()
                made = await call(server.sip_port, folder / "run", calls=rate * seconds, rate=rate, cores=others)
                spent = {kind: value - cpu[kind] for kind, value in server.cpu_s().items()}
                lag = late(lags, server.lags(), 0.99)
            finally:
                await server.stop()
    return {
        **{f"{kind} ms": value * 1000 / max(1, made.made) for kind, value in spent.items()},
        "failed": made.failed,
        "repeats": made.repeats,
        "loop lag p99 ms": lag * 1000,
    }


if __name__ == "__main__":
    asyncio.run(main())
