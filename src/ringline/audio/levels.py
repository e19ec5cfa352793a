"""The loudness scale of `talk` and `stream`."""

from __future__ import annotations

from typing import Final

DB_PER_LEVEL: Final = 12.0


def level_to_db(level: float) -> float:
    """Turn a `level` (-1 to 1, in steps of 0.1) into a gain in dB: 12 times the level, so -1 is quiet, not silent.

    Other values are rounded to one decimal and moved to the nearest bound.
    """
    return DB_PER_LEVEL * max(-1.0, min(1.0, round(level, 1)))
