"""The same calls, made again in another process with other hash seeds, leave the same journals, byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CALLS = Path(__file__).with_name("recorded_calls.py")


def _journals(hash_seed: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, str(CALLS)], env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_same_seed_gives_the_same_journals_byte_for_byte() -> None:
    first = _journals("1")
    assert first.count(b"\n") > 300
    for other in ("2", "random"):
        again = _journals(other)
        different = [pair for pair in zip(first.splitlines(), again.splitlines(), strict=True) if pair[0] != pair[1]]
        assert not different, different[0]
