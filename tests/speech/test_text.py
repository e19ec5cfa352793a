"""Telling SSML from plain text, and what is left of it without tags."""

from __future__ import annotations

import pytest

from ringline.speech import is_ssml, strip_tags


@pytest.mark.parametrize("text", ["<speak>a</speak>", "  \n<speak>a", "<speak"])
def test_ssml_is_told_by_its_first_characters(text: str) -> None:
    assert is_ssml(text)


@pytest.mark.parametrize("text", ["hello", "a <speak>", "<p>hello</p>", ""])
def test_everything_else_is_plain_text(text: str) -> None:
    assert not is_ssml(text)


def test_stripping_keeps_lone_angle_brackets() -> None:
    assert strip_tags("<speak>2 < 3 <b>yes</b></speak>") == "2 < 3  yes"


def test_stripping_hostile_text_takes_no_time() -> None:
    assert strip_tags("<a" * 200_000 + '<a "' * 50_000) == ""
