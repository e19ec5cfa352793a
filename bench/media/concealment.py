"""What a bad network leaves of a voice: loss and jitter up to packets that overtake each other, in virtual time.

    python -m bench concealment

The core's own test of it (`loss_and_jitter_are_concealed`) is run and its table is printed: a tone of 400 Hz in G.711,
30 s long, each packet lost with this chance and late by anything up to this many milliseconds, each for itself, so that
beyond 20 ms they overtake each other. Counted after 4 s: frames of 20 ms that are as loud as they were (within 3 dB),
the share of the energy at the right pitch in each 50 ms, and what the jitter buffer holds back at the end. The same
every time: no clock and no real chance is in it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parent.parent.parent
_COLUMNS: Final = ("loss_percent", "jitter_ms", "as_loud_percent", "right_pitch_percent", "delay_ms")
Row = dict[str, float]


def measure() -> list[Row]:
    """Run the test; give its table."""
    cargo = shutil.which("cargo") or str(Path.home() / ".cargo/bin/cargo")
    command = [cargo, "test", "--quiet", "-p", "ringline-media", "--lib", "loss_and_jitter", "--", "--nocapture"]
    output = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [line.split() for line in output.splitlines()]
    return [
        dict(zip(_COLUMNS, map(float, row), strict=True))
        for row in rows
        if len(row) == len(_COLUMNS) and all(word.replace(".", "", 1).isdigit() for word in row)
    ]


def show(rows: list[Row]) -> None:
    """Print the table."""
    print("\nA voice after a bad network (400 Hz, G.711, 30 s; virtual time)")
    print(f"{'lost %':>8}{'jitter ms':>11}{'as loud %':>11}{'right pitch %':>15}{'delay ms':>10}")
    for row in rows:
        lost, jitter, loud, pitch, delay = row.values()
        print(f"{lost:>8.0f}{jitter:>11.0f}{loud:>11.1f}{pitch:>15.2f}{delay:>10.0f}")


def main() -> None:
    """Measure and print."""
    show(measure())
