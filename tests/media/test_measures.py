"""The test kit's own ears must be right before anything heard with them counts."""

from __future__ import annotations

import math

import pytest

from ringline.testing import g711
from ringline.testing.audio import goertzel, has_tone, level_dbfs, silence, tone


def test_a_tone_is_found_at_its_pitch_and_nowhere_else() -> None:
    pcm = tone(1000, 0.5)
    assert goertzel(pcm, 1000) == pytest.approx(1, abs=0.01)
    assert goertzel(pcm, 1100) < 0.01
    assert has_tone(silence(0.3) + pcm, 1000, share=0.9)
    assert not has_tone(pcm, 500)


def test_levels_are_measured_against_full_scale() -> None:
    assert level_dbfs(tone(500, 0.2, level_db=-12)) == pytest.approx(-15.01, abs=0.05)
    assert level_dbfs(silence(0.1)) == -math.inf
    assert not has_tone(tone(500, 0.2, level_db=-60), 500)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_every_code_survives_decoding_and_encoding(codec: str) -> None:
    codes = bytes(range(256))
    again = g711.encode(codec, g711.decode(codec, codes))
    # µ-law has two zeros; both mean the same.
    assert g711.decode(codec, again) == g711.decode(codec, codes)
