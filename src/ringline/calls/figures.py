"""What a leg's audio amounted to: measured outside, and written down with the leg's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringline.base import LegId
from ringline.calls.codec import load


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFigures:
    """Counted until the leg ended. No rule asks for it: conversation events tell it."""

    leg: LegId
    packets_received: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    "Too late to be played."
    jitter_ms: float = 0.0
    "RFC 3550, section 6.4.1."
    opinion: float | None = None
    "Estimated mean opinion score of what came from the leg (ITU-T G.107), 1 to 4.5; None: nothing was heard."
    bytes_in: int = 0
    "Of audio, without headers."
    bytes_out: int = 0
    barge_ins: int = 0
    "How often the leg interrupted a prompt."
    barge_in_ms: int = 0
    "The longest time it took until the prompt was silent, from the first sound of speech or the key."


def figures_in(line: Mapping[str, Any]) -> tuple[MediaFigures, ...]:
    """The figures that a journal's line has, of the legs that ended with it."""
    found: tuple[MediaFigures, ...] = load(line.get("figures", []))
    return found
