"""What the workers of local recognisers have in common, standard library only: programs load it by its path.

A request is four bytes (little-endian) of length, so many of JSON, and audio: 16-bit mono at 16 kHz. The JSON says
`language`, `hints` and whether `words` matter. The answer is JSON: `results`, best first, each with `text`,
`confidence` (0 to 1) and, where they matter and are known, `words` (`text`, `start_ms`, `end_ms`, `confidence`).
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FRAMES = runpy.run_path(str(Path(__file__).resolve().parent.parent / "_frames.py"))
Pipe: Any = _FRAMES["Pipe"]
Gone: Any = _FRAMES["Gone"]
RATE_HZ = 16_000
HANG_S = 30
"""A library that takes longer has lost its way: the process ends itself, and is replaced."""

Understand = Callable[[dict[str, Any], bytes], list[dict[str, Any]]]


def serve(load: Callable[[Path, dict[str, str]], Understand]) -> None:
    """Load the model that the command line names, warm it up, and understand what comes."""
    pipe = Pipe(os.dup(0), os.dup(1))
    os.dup2(2, 1)  # whatever the library prints must not land between the frames
    try:
        try:
            understand = load(Path(sys.argv[1]), json.loads(sys.argv[2]))
            understand({"language": "en-US", "hints": [], "words": False}, bytes(RATE_HZ))
        except Exception as error:  # whatever it is, the server shall be told why nothing is understood
            pipe.write(b"X", 0, f"{type(error).__name__}: {error}"[:500].encode())
            return
        pipe.write(b"H", 0, b"{}")
        os.nice(5)  # playing audio on time comes first
        while True:
            kind, number, payload = pipe.read()
            if kind != b"R":
                continue  # a cancel that came after the end
            signal.alarm(HANG_S)
            try:
                (length,) = struct.unpack_from("<I", payload)
                asked, audio = json.loads(payload[4 : 4 + length]), payload[4 + length :]
                results = understand(asked, audio[: len(audio) // 2 * 2])
                pipe.write(b"B", number, json.dumps({"results": results}).encode())
                pipe.write(b"E", number)
            except Gone:
                raise
            except Exception as error:  # the model or the audio; the next request may be fine
                pipe.write(b"X", number, f"{type(error).__name__}: {error}"[:500].encode())
            signal.alarm(0)
    except Gone:
        return
