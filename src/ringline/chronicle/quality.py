"""The figures of a leg's audio, in the words of conversation events (conversation reference, 5.1)."""

from __future__ import annotations

from typing import Any, Final

from ringline.base import LegId
from ringline.calls.figures import MediaFigures

_BEST: Final = 4.5
_WORST: Final = 1.0


def quality_body(figures: MediaFigures | None) -> dict[str, Any]:
    """The `quality` of `sip:hangup` and `rtc:hangup`. All is 0 where no audio came.

    The core smooths the jitter as RFC 3550 says, so that its least and its greatest are the same here. Bursts of jitter
    are not counted: packets that came too late to be played are.
    """
    one = figures or _NOTHING
    expected = one.packets_received + one.packets_lost
    lost = one.packets_lost / expected if expected else 0.0
    late = one.packets_late / expected if expected else 0.0
    jitter = round(one.jitter_ms, 2)
    mos = mos_of(figures)
    return {
        "mos_score": mos,
        "quality_percentage": round(100 * (mos - _WORST) / (_BEST - _WORST), 1) if mos else 0.0,
        "jitter_min_var": jitter,
        "jitter_max_var": jitter,
        "jitter_loss_rate": round(late, 4),
        "jitter_burst_rate": 0.0,
        "flaw_total": one.packets_lost + one.packets_late,
        "packet_cnt": one.packets_received,
        "packet_loss_perc": round(100 * lost, 2),
    }


def bandwidth_body(figures: MediaFigures | None) -> dict[str, int]:
    """The `bandwidth` of the same: bytes of audio, as seen from here."""
    one = figures or _NOTHING
    return {"byte_in": one.bytes_in, "byte_out": one.bytes_out}


def mos_of(figures: MediaFigures | None) -> float:
    """The estimated mean opinion score; 0 while nobody knows."""
    return round(figures.opinion, 2) if figures is not None and figures.opinion is not None else 0.0


_NOTHING: Final = MediaFigures(leg=LegId(""))
