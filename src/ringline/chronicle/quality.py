"""The figures of a leg's audio, in the words of conversation events (conversation reference, 5.1)."""

from __future__ import annotations

from typing import Any, Final

from ringline.base import LegId
from ringline.calls.figures import MediaFigures

_BEST: Final = 4.5
_WORST: Final = 1.0
_BEST_RATING: Final = 93.2
_MOST_LOSS: Final = 95.0
_ROBUSTNESS: Final = 25.1
"ITU-T G.107, in its usual short form, and G.113 appendix I for G.711 with concealment."


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
    """The estimated mean opinion score; 0 where no audio came.

    The core estimates it with its reports, every few seconds. Of a call that was shorter only the loss is known.
    """
    if figures is None or not figures.packets_received:
        return 0.0
    if figures.opinion is not None:
        return round(figures.opinion, 2)
    lost = 100 * figures.packets_lost / (figures.packets_received + figures.packets_lost)
    rating = _BEST_RATING - _MOST_LOSS * lost / (lost + _ROBUSTNESS)
    return round(max(_WORST, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6), 2)


_NOTHING: Final = MediaFigures(leg=LegId(""))
