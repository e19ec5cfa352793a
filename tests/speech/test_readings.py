"""What `say-as`, `phoneme` and long texts come to, for engines that know no such markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.speech import SayAs, Speech, Text, ipa, parse, pieces, reading


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("digits", "747", "7 4 7"),
        ("telephone", "+44 20 7946-0000", "+ 4 4, 2 0, 7 9 4 6, 0 0 0 0"),
        ("ordinal", "33", "33rd"),
        ("ordinal", "11", "11th"),
        ("ordinal", "21", "21st"),
        ("ordinal", "many", "many"),
        ("cardinal", "974", "974"),
        ("fraction", "2 4/10", "2 and 4 tenths"),
        ("fraction", "1/2", "1 half"),
        ("fraction", "3/100", "3 over 100"),
        ("fraction", "1/0", "1/0"),
        ("unit", "1m", "1 meter"),
        ("unit", "2.5kg", "2.5 kilograms"),
        ("unit", "5 parsecs", "5 parsecs"),
        ("time", "1'30\"", "1 minute 30 seconds"),
        ("time", "2'", "2 minutes"),
        ("time", "soon", "soon"),
        ("address", "10 Downing St", "10 Downing St"),
        ("nonsense", "as it is", "as it is"),
    ],
)
def test_values_are_read_in_english(kind: str, text: str, words: str) -> None:
    assert reading(SayAs(interpret_as=kind, text=text), "en-GB") == words


@pytest.mark.parametrize(
    ("order", "text", "language", "words"),
    [
        ("mdy", "3/10/2030", "en-US", "March 10th 2030"),
        ("dmy", "10.3.2030", "en-GB", "March 10th 2030"),
        ("ymd", "2030-03-10", "en-US", "March 10th 2030"),
        ("dm", "1-2", "en-US", "February 1st"),
        ("my", "12 2030", "en-US", "December 2030"),
        ("y", "2030", "en-US", "2030"),
        ("", "20300310", "en-US", "March 10th 2030"),
        ("yyyymmdd", "????0310", "en-US", "March 10th"),
        ("dmy", "10.3.2030", "de-DE", "10 März 2030"),
        ("dmy", "10.3.2030", "es-ES", "10 de marzo de 2030"),
        ("dmy", "10.3.2030", "fi-FI", "10 3 2030"),
        ("dmy", "10.13.2030", "en-US", "13 10th 2030"),
        ("dmy", "tomorrow", "en-US", "tomorrow"),
        ("", "1 2 3", "en-US", "1 2 3"),
    ],
)
def test_dates_are_read_in_the_order_of_their_format(order: str, text: str, language: str, words: str) -> None:
    assert reading(SayAs(interpret_as="date", format=order, text=text), language) == words


@given(st.sampled_from(["date", "time", "fraction", "unit", "telephone", "ordinal", "digits"]), st.text(max_size=40))
def test_no_value_is_an_error(kind: str, text: str) -> None:
    reading(SayAs(interpret_as=kind, format="dmy", text=text), "en-US")


@pytest.mark.parametrize(
    ("alphabet", "symbols", "expected"),
    [
        ("ipa", "təˈmeɪtoʊ", "təˈmeɪtoʊ"),
        ("x-sampa", 't@"meItoU', "təˈmeɪtoʊ"),
        ("x-sampa", "bO~ZuR", "bɔ̃ʒuʁ"),
        ("x-sampa", "S2:n@s", "ʃøːnəs"),
        ("x-sampa", "r\\ait", "ɹait"),
        ("pinyin", "ni3", None),
    ],
)
def test_x_sampa_is_written_in_ipa(alphabet: str, symbols: str, expected: str | None) -> None:
    assert ipa(alphabet, symbols) == expected


def words(text: str, most: int = 400) -> list[str]:
    return [piece.plain() for piece in pieces(parse(text), most=most)]


def test_the_first_sentence_stands_alone_and_the_others_together() -> None:
    assert words("One. Two! Three? Four.") == ["One.", "Two! Three? Four."]
    assert words("One. Two! Three? Four.", most=8) == ["One.", "Two!", "Three?", "Four."]


@pytest.mark.parametrize(
    "text", ["Dr. Who is here", "It is 3.5 percent", "on the 3. of May", "by J. Smith", "no end at all", "..."]
)
def test_a_full_stop_that_ends_no_sentence_cuts_nothing(text: str) -> None:
    assert words(text) == [text]


def test_sentences_end_in_other_scripts_too() -> None:
    assert words("こんにちは。元気ですか？はい。")[0] == "こんにちは。"
    assert words("नमस्ते। आप कैसे हैं।")[0] == "नमस्ते।"


def test_markup_is_never_cut_through() -> None:
    text = "<speak><break time='1s'/>Hello. <emphasis>One. Two.</emphasis> Three. <p>Four. Five.</p><s>Six</s></speak>"
    assert words(text, most=1) == ["Hello.", "One. Two. Three.", "Four. Five.", "Six"]
    assert pieces(parse(text))[0].nodes[0] == parse(text).nodes[0]


@given(st.text(alphabet="ab .!?。\n", max_size=200), st.integers(1, 50))
def test_nothing_is_lost_between_the_pieces(text: str, most: int) -> None:
    assert "".join(words(text, most)).replace(" ", "") == Speech((Text(text),)).plain().replace(" ", "")
