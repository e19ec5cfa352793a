"""How the live calls sound, in a few figures for metrics: the mean of all legs, and the worst."""

from __future__ import annotations

from collections.abc import Iterable

from ringline.engine.ports import LegCounters


def quality(legs: Iterable[LegCounters]) -> dict[str, float]:
    """Jitter and delay in milliseconds, loss as a share of the packets, opinion scores from 1 to 4.5.

    Figures without a word before them are about what the far ends send, those with `far_` about what they receive, as
    their reports (RTCP) tell it. Legs about which a figure is not known yet are left out of it.
    """
    found = list(legs)
    known = [leg for leg in found if leg.round_trip_ms is not None]
    sounding = [leg for leg in found if leg.packets_received]
    return {
        **_high("jitter", "_ms", [leg.jitter_ms for leg in found]),
        **_high("far_jitter", "_ms", [leg.far_jitter_ms for leg in known]),
        **_high("round_trip", "_ms", [leg.round_trip_ms for leg in known if leg.round_trip_ms is not None]),
        **_high("buffer_delay", "_ms", [leg.delay_ms for leg in sounding]),
        **_high("loss", "", [leg.packets_lost / (leg.packets_lost + leg.packets_received) for leg in sounding]),
        **_high("far_loss", "", [leg.far_loss for leg in known]),
        **_low("opinion", [leg.opinion for leg in found if leg.opinion is not None]),
        **_low("far_opinion", [leg.far_opinion for leg in found if leg.far_opinion is not None]),
    }


def _high(name: str, unit: str, values: list[float]) -> dict[str, float]:
    """Of what is better when it is small: 0 while there is none."""
    mean = sum(values) / len(values) if values else 0.0
    return {f"{name}_mean{unit}": mean, f"{name}_worst{unit}": max(values, default=0.0)}


def _low(name: str, values: list[float]) -> dict[str, float]:
    """Of what is better when it is large: left out while there is none, for 0 would raise an alarm."""
    return {f"{name}_mean": sum(values) / len(values), f"{name}_worst": min(values)} if values else {}
