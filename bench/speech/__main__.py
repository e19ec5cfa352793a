"""The measurements of speech, by name.

    python -m bench speech recognition [--speakers 8]
    python -m bench speech detection [--each 12]
    python -m bench speech barge-in [--rounds 50]
    python -m bench speech latency [--sentences 50]
    python -m bench speech lengths [--rounds 20] [--piper VOICE]
    python -m bench speech rejection [--utterances 600]
    python -m bench speech network [--voices 4] [--loss 0.05] [--jitter-ms 60]

Each prints the conditions, then its figures as JSON; what exactly is measured stands at the head of its module.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from typing import Final

from bench.conditions import conditions

NAMES: Final = {
    "recognition": "bench.speech.recognition",
    "detection": "bench.speech.answers",
    "barge-in": "bench.speech.barge_in",
    "latency": "bench.speech.latency",
    "lengths": "bench.speech.lengths",
    "rejection": "bench.speech.fit_rejection",
    "network": "bench.speech.network",
}


def main() -> None:
    """Run the one that the command line names, with its own options."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in NAMES:
        raise SystemExit(f"which one? {', '.join(NAMES)}")
    sys.argv[:2] = [f"{sys.argv[0]} {name}"]
    measure = importlib.import_module(NAMES[name]).main  # only now: some need extras
    print(conditions(measurement=name), file=sys.stderr)
    if inspect.iscoroutinefunction(measure):
        asyncio.run(measure())
    else:
        measure()


if __name__ == "__main__":
    main()
