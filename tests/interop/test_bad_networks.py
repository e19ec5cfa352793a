"""A menu over a network that loses, delays and reorders: callers are understood about as well as without."""

from __future__ import annotations

import pytest
from bench.speech.network import Road, has_netem, measure

pytestmark = pytest.mark.interop


def test_a_menu_keeps_nine_tenths_of_its_score_with_loss_and_jitter() -> None:
    # Said with every failure, and by `python -m bench speech network`: whether it was the kernel's netem or our relay.
    found = measure(2, Road(loss=0.05, jitter_ms=60), netem=has_netem())
    assert found["without faults"] > 0.8, found
    assert found["kept"] >= 0.9, found
