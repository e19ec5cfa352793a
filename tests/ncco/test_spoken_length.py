"""How long the text of a talk counts."""

from __future__ import annotations

import pytest

from ringline.ncco import spoken_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        ("  hello ", 5),
        ("", 0),
        (" \n", 0),
        ("a < b & c", 9),
        ("\N{GRINNING FACE}", 1),
        ("<speak>hello</speak>", 5),
        ("<speak>a &amp; b</speak>", 5),
        ("<speak>a<break time='10s'/>b</speak>", 2),
        ("<speak/>", 0),
        ("<speak> <break/> </speak>", 0),
        ("<speak>" + "x" * 1500 + "</speak>", 1500),
        ("<speak><p>broken</speak>", 6),
    ],
)
def test_the_length_counts_what_is_spoken(text: str, length: int) -> None:
    assert spoken_length(text) == length
