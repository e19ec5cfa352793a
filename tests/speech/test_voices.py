"""Languages, styles and old names lead to the voices of the public table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringline.speech
from ringline.speech import find_language, is_listed, languages, legacy_voice, resolve, styles


def pick(
    language: str | None = None, style: int | None = None, *, premium: bool = False, voice_name: str | None = None
) -> tuple[str, int, str, bool]:
    choice = resolve(language, style, premium=premium, voice_name=voice_name).choice
    return choice.language, choice.style, choice.gender, choice.premium


def test_the_table_holds_every_published_style_and_the_two_newer_languages() -> None:
    assert len(languages()) == 67
    assert sum(len(styles(language)) for language in languages()) == 289
    assert styles("en-US") == (*range(15), 20, 21, 22, 24)
    assert styles("lt-LT") == styles("mr-IN") == (0,)
    assert styles("xx-XX") == ()


def test_without_anything_the_voice_is_us_english_style_0() -> None:
    assert pick() == ("en-US", 0, "female", False)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("en-gb", "en-GB"),
        ("EN_gb-sct", "en-GB-SCT"),
        ("en", "en-US"),
        ("en-XX", "en-US"),
        ("pt", "pt-PT"),
        ("pt-AO", "pt-PT"),
        ("zh", "cmn-CN"),
        ("zh-TW", "cmn-CN"),
        ("cmn", "cmn-CN"),
        ("no", "nb-NO"),
        ("no-NO", "no-NO"),
        ("ar-EG", "ar"),
        ("es", "es-ES"),
        ("de-CH", "de-DE"),
        ("yue-HK", "yue-CN"),
        ("ja", "ja-JP"),
        ("tlh", None),
        ("", None),
    ],
)
def test_languages_match_in_any_case_and_fall_back_to_the_same_language(asked: str, found: str | None) -> None:
    assert find_language(asked) == found
    assert is_listed(asked) == (found is not None)


def test_an_unknown_language_speaks_us_english_and_says_so() -> None:
    resolution = resolve("tlh", 3)
    assert (resolution.choice.language, resolution.choice.style) == ("en-US", 3)
    assert resolution.notes == ("unknown language, using en-US",)


def test_an_unknown_style_is_style_0_and_is_noted() -> None:
    resolution = resolve("fi-FI", 99)
    assert (resolution.choice.language, resolution.choice.style) == ("fi-FI", 0)
    assert len(resolution.notes) == 1


def test_premium_is_used_where_it_exists_and_standard_elsewhere() -> None:
    assert pick("ar", 1, premium=True) == ("ar", 1, "female", True)
    assert pick("ar", 0, premium=True) == ("ar", 0, "female", False)
    assert pick("ar", 1) == ("ar", 1, "female", False)


def test_a_style_with_only_a_premium_voice_uses_it_unasked() -> None:
    assert pick("de-AT", 0) == ("de-AT", 0, "female", True)


def test_the_russian_style_whose_premium_voice_has_the_other_gender() -> None:
    assert pick("ru-RU", 3)[2] == "female"
    assert pick("ru-RU", 3, premium=True)[2] == "male"


def test_old_voice_names_work_in_any_case_and_never_choose_premium() -> None:
    assert pick(voice_name="kimberly") == ("en-US", 0, "female", False)
    assert pick(voice_name="Nora", premium=True) == ("nb-NO", 6, "female", False)
    assert legacy_voice("HENRIK") == ("nb-NO", 7)
    assert legacy_voice("Chipmunk") == ("en-US", 8)
    assert legacy_voice("Nobody") is None


def test_language_or_style_win_over_an_old_name() -> None:
    assert pick("de-DE", voice_name="Amy")[:2] == ("de-DE", 0)
    assert pick(style=4, voice_name="Amy")[:2] == ("en-US", 4)


def test_an_unknown_old_name_falls_back_and_is_noted() -> None:
    resolution = resolve(voice_name="Zaphod")
    assert (resolution.choice.language, resolution.choice.style) == ("en-US", 0)
    assert resolution.notes


def test_styles_of_one_gender_are_numbered_so_that_engines_can_tell_them_apart() -> None:
    for language in languages():
        choices = [resolve(language, style).choice for style in styles(language)]
        assert len({(choice.gender, choice.nth) for choice in choices}) == len(choices)


def test_plain_text_styles_are_marked() -> None:
    assert not resolve("ar", 2).choice.ssml
    assert resolve("en-US", 2).choice.ssml


@given(st.none() | st.text(max_size=20), st.none() | st.integers(), st.booleans(), st.none() | st.text(max_size=20))
def test_every_request_gets_a_voice(language: str | None, style: int | None, premium: bool, name: str | None) -> None:
    choice = resolve(language, style, premium=premium, voice_name=name).choice
    assert choice.style in styles(choice.language)


def test_the_front_door_is_sorted() -> None:
    assert sorted(ringline.speech.__all__, key=str) == sorted(set(ringline.speech.__all__))
    assert all(hasattr(ringline.speech, name) for name in ringline.speech.__all__)
