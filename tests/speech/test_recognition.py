"""Languages, hints and results of speech recognition."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.speech import MOST_RESULTS, find_recognition_language, recognition_languages, tidy, wanted


def test_every_listed_language_is_found_in_any_case() -> None:
    listed = recognition_languages()
    assert len(listed) == 116
    for tag in listed:
        assert find_recognition_language(tag) == tag
        assert find_recognition_language(f" {tag.upper().replace('-', '_')} ") == tag


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("cmn-hans-cn", "zh"),
        ("zh-cmn-Hans-CN", "zh"),
        ("cmn-TW", "zh"),
        ("en-XX", "en-US"),
        ("en", "en-US"),
        ("es", "es-ES"),
        ("pt-AO", "pt-PT"),
        ("de-AT", "de-DE"),
        ("no-NO", "nb-NO"),
        ("sw", "sw-KE"),
        ("tlh", None),
        ("", None),
    ],
)
def test_an_unlisted_one_goes_to_its_relatives(asked: str, found: str | None) -> None:
    assert find_recognition_language(asked) == found


def test_without_a_language_it_is_american_english() -> None:
    assert wanted(None, ()).language == "en-US"


def test_hints_are_trimmed_and_said_once() -> None:
    assert wanted("en-GB", [" sales ", "support", "", "sales"]).hints == ("sales", "support")


@pytest.mark.parametrize(
    "options",
    [
        {"language_code": 7, "speech_contexts": "sales"},
        {"language_code": "", "speech_contexts": [{"phrases": "sales"}, None, {"phrases": [1, None]}]},
        {"speech_contexts": {"phrases": ["sales"]}},
    ],
)
def test_options_of_another_shape_are_left_aside(options: dict[str, Any]) -> None:
    found = wanted("en-GB", ["support"], options)
    assert (found.language, found.hints) == ("en-GB", ("support",))


def test_results_come_best_first_once_and_written_as_strings() -> None:
    found = tidy([("sails", 0.70543784123), ("sales", 0.9405097), (" Sales ", 0.2), ("", 1.0), ("x", 0.0000123456)])
    assert found == (("sales", "0.9405097"), ("sails", "0.70543784"), ("x", "0.00001235"))


@given(st.lists(st.tuples(st.text(max_size=5), st.floats())))
def test_results_always_have_the_webhooks_shape(results: list[tuple[str, float]]) -> None:
    found = tidy(results)
    assert len(found) <= MOST_RESULTS
    texts = [text.casefold() for text, _ in found]
    assert len(set(texts)) == len(texts)
    confidences = [float(confidence) for _, confidence in found]
    assert confidences == sorted(confidences, reverse=True)
    for text, confidence in found:
        assert text.strip()
        assert 0 <= float(confidence) <= 1
        assert len(confidence.replace("0.", "", 1).lstrip("0")) <= 8
        assert "e" not in confidence
