"""What metrics say of how calls sound."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringline.engine.ports import LegCounters
from ringline.server.quality import quality

LEG = LegCounters(
    packets_received=100,
    packets_sent=100,
    packets_lost=0,
    packets_late=0,
    packets_malformed=0,
    packets_foreign=0,
    jitter_ms=0.0,
    keys_received=0,
)


def test_each_direction_has_its_mean_and_its_worst() -> None:
    found = quality(
        [
            replace(
                LEG, jitter_ms=2, packets_lost=100, opinion=4.0, far_opinion=3.0, round_trip_ms=80.0, far_loss=0.04
            ),
            replace(LEG, jitter_ms=4, opinion=4.4, far_opinion=4.2, round_trip_ms=20, far_jitter_ms=6),
        ]
    )
    assert (found["jitter_mean_ms"], found["jitter_worst_ms"]) == (3, 4)
    assert (found["loss_mean"], found["loss_worst"]) == (0.25, 0.5)
    assert (found["far_loss_mean"], found["far_loss_worst"]) == (0.02, 0.04)
    assert (found["round_trip_mean_ms"], found["round_trip_worst_ms"]) == (50, 80)
    assert (found["far_jitter_mean_ms"], found["far_jitter_worst_ms"]) == (3, 6)
    assert found["opinion_mean"] == pytest.approx(4.2)
    assert (found["opinion_worst"], found["far_opinion_worst"]) == (4.0, 3.0)


def test_nothing_known_is_nothing_bad() -> None:
    idle = quality([])
    assert set(idle.values()) == {0.0}
    assert "opinion_worst" not in idle
    waiting = quality([replace(LEG, packets_received=0)])
    assert waiting["loss_worst"] == 0
    assert "far_opinion_mean" not in waiting
