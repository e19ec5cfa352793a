"""SSML becomes a small tree with settled numbers; broken SSML becomes its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.speech import (
    Break,
    Emphasis,
    Lang,
    Node,
    Paragraph,
    Phoneme,
    Prosody,
    SayAs,
    Sentence,
    Speech,
    Text,
    parse,
)


def nodes(inside: str) -> tuple[Node, ...]:
    speech = parse(f"<speak>{inside}</speak>")
    assert speech.well_formed
    return speech.nodes


def test_plain_text_is_never_parsed() -> None:
    assert parse("1 < 2 &amp; <b>so</b>") == Speech((Text("1 < 2 &amp; <b>so</b>"),))


def test_both_kinds_of_quotes_and_blanks_around_are_fine() -> None:
    speech = parse("\n <speak>a<break time='1s'/>b<break time=\"20ms\"/></speak> ")
    assert speech.nodes == (Text("a"), Break(1000), Text("b"), Break(20))


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ("", 250),
        ("strength='none'", 0),
        ("strength='x-weak'", 0),
        ("strength='weak'", 250),
        ("strength='medium'", 250),
        ("strength='strong'", 600),
        ("strength='x-strong'", 1000),
        ("strength='enormous'", 250),
        ("time='2s'", 2000),
        ("time='2.5s'", 2500),
        ("time='.5s'", 500),
        ("time='300ms' strength='x-strong'", 300),
        ("time='1h'", 250),
        ("time='11s'", 10_000),
        ("time='999999999s'", 10_000),
    ],
)
def test_pauses_are_settled_in_milliseconds(attributes: str, milliseconds: int) -> None:
    assert nodes(f"<break {attributes}/>") == (Break(milliseconds),)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("rate='x-slow'", Prosody(rate=0.5, children=(Text("a"),))),
        ("rate='x-fast'", Prosody(rate=1.5, children=(Text("a"),))),
        ("rate='warp'", Prosody(children=(Text("a"),))),
        ("pitch='x-high'", Prosody(pitch_percent=30.0, children=(Text("a"),))),
        ("pitch='-15%'", Prosody(pitch_percent=-15.0, children=(Text("a"),))),
        ("volume='silent'", Prosody(volume_db=None, children=(Text("a"),))),
        ("volume='x-soft'", Prosody(volume_db=-12.0, children=(Text("a"),))),
        ("volume='loud'", Prosody(volume_db=4.0, children=(Text("a"),))),
        ("volume='+3.5dB'", Prosody(volume_db=3.5, children=(Text("a"),))),
        ("volume='-99dB'", Prosody(volume_db=-12.0, children=(Text("a"),))),
    ],
)
def test_prosody_is_settled_in_numbers(attributes: str, expected: Prosody) -> None:
    assert nodes(f"<prosody {attributes}>a</prosody>") == (expected,)


def test_the_other_elements() -> None:
    assert nodes("<emphasis>a</emphasis>") == (Emphasis("moderate", (Text("a"),)),)
    assert nodes("<emphasis level='strong'>a</emphasis>") == (Emphasis("strong", (Text("a"),)),)
    assert nodes("<lang xml:lang='fr-FR'>oui</lang>") == (Lang("fr-FR", (Text("oui"),)),)
    assert nodes("<p><s>a</s><s>b</s></p>") == (Paragraph((Sentence((Text("a"),)), Sentence((Text("b"),)))),)
    assert nodes("<sub alias='World Wide Web Consortium'>W3C</sub>") == (Text("World Wide Web Consortium"),)
    assert nodes("<phoneme alphabet='ipa' ph='təˈmeɪtoʊ'>tomato</phoneme>") == (Phoneme("ipa", "təˈmeɪtoʊ", "tomato"),)
    assert nodes("<say-as interpret-as='spell-out'>IATA</say-as>") == (SayAs(interpret_as="character", text="IATA"),)
    assert nodes("<say-as interpret-as='date' format='dmy'>1 2 2030</say-as>") == (
        SayAs(interpret_as="date", format="dmy", text="1 2 2030"),
    )


def test_unknown_elements_keep_their_text() -> None:
    assert nodes("<voice name='x'>a</voice><audio src='http://h/'>b</audio><mark name='m'/>") == (Text("a"), Text("b"))


def test_entities_are_one_text() -> None:
    assert nodes("a &amp; b &lt; &#65;") == (Text("a & b < A"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<speak>a <b>c</speak>", "a c"),
        ("<speak>a & b</speak>", "a & b"),
        ("<speak>a</speak> after", "a after"),
        ("<speaker>a</speaker>", "a"),
        ("<speak>a", "a"),
        ("<speak>&undefined; a</speak>", "&undefined; a"),
        ("<speak>a\x00b</speak>", "a\x00b"),
    ],
)
def test_broken_ssml_is_spoken_without_its_tags(text: str, words: str) -> None:
    speech = parse(text)
    assert not speech.well_formed
    assert speech.plain() == words


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<speak>a <b>c</speak>", "mismatched tag (line 1, column 16)"),
        ("<speak>a\n  & b</speak>", "not well-formed (invalid token) (line 2, column 4)"),
        ("<speaker>a</speaker>", "the outermost element must be speak (line 1, column 1)"),
        ("<speak>a", "no element found (line 1, column 9)"),
        ("<speak><!DOCTYPE x><p/></speak>", "not well-formed"),
        ("<speak>" + "<p>" * 60, "elements nested more than 50 deep (line 1, column 155)"),
        ("<speak>" + "a" * 100_001, "longer than 100000 characters"),
    ],
)
def test_what_is_broken_is_told_with_its_place(text: str, why: str) -> None:
    assert parse(text).trouble.startswith(why)
    assert parse("<speak>fine</speak>").trouble == ""


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE speak [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><speak>&b;</speak>',
        '<speak xmlns:x="http://h/"><!DOCTYPE speak SYSTEM "file:///etc/passwd">a</speak>',
        "<speak>&#x110000;</speak>",
        '<speak><![CDATA[<break time="9s"/>]]></speak>',
        "<speak><?include file:///etc/passwd?>a</speak>",
        '<speak><xi:include href="file:///etc/passwd"/>a</speak>',
    ],
)
def test_tricks_with_entities_and_inclusions_read_nothing(bomb: str) -> None:
    speech = parse(bomb)
    assert "root:" not in speech.plain()
    assert not any(isinstance(node, Break) for node in speech.nodes)
    assert len(speech.plain()) < 300


def test_a_text_of_nothing_but_tags_is_read_in_no_time() -> None:
    inside = "<sub alias='b'>a</sub>" * 4000
    assert len(nodes(inside)) == 4000
    assert nodes("<p><s>" * 20 + "<phoneme ph='a'>" * 5 + "x" + "</phoneme>" * 5 + "</s></p>" * 20)


def test_document_types_and_entities_are_never_processed() -> None:
    bomb = '<speak><!DOCTYPE x [<!ENTITY a "b">]>&a;</speak>'
    assert not parse(bomb).well_formed


def test_endless_nesting_is_refused() -> None:
    assert parse("<speak>" + "<p>" * 40 + "a" + "</p>" * 40 + "</speak>").well_formed
    deep = parse("<speak>" + "<p>" * 5000 + "a" + "</p>" * 5000 + "</speak>")
    assert not deep.well_formed
    assert deep.plain() == "a"


def test_plain_gives_the_words_with_aliases_and_without_tags() -> None:
    speech = parse("<speak><p>Call</p><sub alias='the desk'>x</sub> <say-as interpret-as='digits'>12</say-as></speak>")
    assert speech.plain() == "Call the desk 12"


@given(st.text(max_size=300))
def test_noise_is_never_an_error(noise: str) -> None:
    parse(noise)
    parse(f"<speak>{noise}</speak>").plain()


@given(st.text(alphabet="<>/&;'\" =speakbrptim0123s-", max_size=200))
def test_noise_that_looks_like_markup_is_never_an_error(noise: str) -> None:
    parse(f"<speak>{noise}").plain()
    parse(f"<speak>{noise}</speak>").plain()
