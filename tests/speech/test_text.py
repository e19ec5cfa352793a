"""How long a text counts, and what is left of it without tags."""

from __future__ import annotations

import pytest

from ringline.speech import is_ssml, spoken_length, strip_tags


@pytest.mark.parametrize("text", ["<speak>a</speak>", "  \n<speak>a", "<speak"])
def test_ssml_is_told_by_its_first_characters(text: str) -> None:
    assert is_ssml(text)


@pytest.mark.parametrize("text", ["hello", "a <speak>", "<p>hello</p>", ""])
def test_everything_else_is_plain_text(text: str) -> None:
    assert not is_ssml(text)


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


def test_stripping_keeps_lone_angle_brackets() -> None:
    assert strip_tags("<speak>2 < 3 <b>yes</b></speak>") == "2 < 3  yes"


def test_stripping_hostile_text_takes_no_time() -> None:
    assert strip_tags("<a" * 200_000 + '<a "' * 50_000) == ""
