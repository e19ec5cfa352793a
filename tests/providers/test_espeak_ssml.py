"""Every documented SSML element with the real espeak-ng, measured in what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext
from ringline.providers.espeak import EspeakVoice

from .sound import Samples, level_db, pitch_hz, samples_of, silences_ms, timbre_distance_db, tone_ms

FRIEND = "My good old friend, welcome to our new home in town"


class Speaker:
    """The voice, asked from plain functions."""

    def __init__(self, loop: asyncio.AbstractEventLoop, voice: EspeakVoice) -> None:
        self._loop = loop
        self._voice = voice

    def says(self, inside: str, *, language: str = "en-US", style: int = 0) -> Samples:
        return self.speaks(f"<speak>{inside}</speak>", language=language, style=style)

    def speaks(self, text: str, *, language: str = "en-US", style: int = 0) -> Samples:
        request = SpeechRequest(text=text, language=language, style=style)

        async def whole() -> bytes:
            return b"".join([block.data async for block in self._voice.speak(request)])

        return samples_of(self._loop.run_until_complete(whole()))


@pytest.fixture(scope="module")
def voice() -> Iterator[Speaker]:
    loop = asyncio.new_event_loop()
    engine = EspeakVoice(
        EngineContext(open_workers=lambda wanted: WorkerPool(wanted.command, name=wanted.name, size=1), settings={})
    )
    loop.run_until_complete(engine.start())
    yield Speaker(loop, engine)
    loop.run_until_complete(engine.close())
    loop.close()


def seconds(audio: Samples) -> float:
    return len(audio) / 22_050


@pytest.mark.parametrize("words", ["one", "my friend", "hello there sir", "stop"])
@pytest.mark.parametrize("milliseconds", [250, 600, 1000, 4000])
def test_a_break_is_as_long_as_it_says(voice: Speaker, words: str, milliseconds: int) -> None:
    audio = voice.says(f"{words} <break time='{milliseconds}ms'/> two")
    longest = max(length for start, length in silences_ms(audio)[:-1])
    assert longest == pytest.approx(milliseconds, abs=80)


def test_the_strengths_of_breaks_rise(voice: Speaker) -> None:
    lengths = [
        seconds(voice.says(f"one <break strength='{strength}'/> two"))
        for strength in ("none", "x-weak", "weak", "medium", "strong", "x-strong")
    ]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.05)
    assert lengths[2] == pytest.approx(lengths[3], abs=0.05)
    assert lengths[4] - lengths[2] == pytest.approx(0.35, abs=0.1)
    assert lengths[5] - lengths[4] == pytest.approx(0.4, abs=0.1)
    assert lengths[2] - lengths[0] > 0.1


@pytest.mark.parametrize(("rate", "factor"), [("x-slow", 0.5), ("slow", 0.75), ("fast", 1.25), ("x-fast", 1.5)])
def test_rate_is_speed(voice: Speaker, rate: str, factor: float) -> None:
    plain, changed = seconds(voice.says(FRIEND)), seconds(voice.says(f"<prosody rate='{rate}'>{FRIEND}</prosody>"))
    assert plain / changed == pytest.approx(factor, rel=0.08)


@pytest.mark.parametrize("style", [0, 7])
@pytest.mark.parametrize(
    ("pitch", "factor"), [("x-low", 0.7), ("low", 0.85), ("high", 1.15), ("x-high", 1.3), ("+50%", 1.5), ("-20%", 0.8)]
)
def test_pitch_moves_the_fundamental(voice: Speaker, pitch: str, factor: float, style: int) -> None:
    plain = pitch_hz(voice.says(FRIEND, style=style))
    changed = pitch_hz(voice.says(f"<prosody pitch='{pitch}'>{FRIEND}</prosody>", style=style))
    assert changed / plain == pytest.approx(factor, rel=0.1)


@pytest.mark.parametrize(
    ("volume", "decibel"), [("x-soft", -12), ("soft", -6), ("medium", 0), ("loud", 4), ("x-loud", 6), ("-3dB", -3)]
)
def test_volume_is_energy(voice: Speaker, volume: str, decibel: float) -> None:
    changed = voice.says(f"<prosody volume='{volume}'>{FRIEND}</prosody>")
    assert level_db(changed) - level_db(voice.says(FRIEND)) == pytest.approx(decibel, abs=1)


def test_silent_takes_its_time_without_a_sound(voice: Speaker) -> None:
    audio = voice.says(f"<prosody volume='silent'>{FRIEND}</prosody>")
    assert level_db(audio) < -60
    assert seconds(audio) == pytest.approx(seconds(voice.says(FRIEND)), rel=0.05)


def test_emphasis_is_louder_and_slower_or_softer_and_faster(voice: Speaker) -> None:
    def heard(level: str) -> tuple[float, float]:
        audio = voice.says(f"<emphasis level='{level}'>{FRIEND}</emphasis>")
        return level_db(audio), seconds(audio)

    plain = voice.says(FRIEND)
    strong, moderate, reduced = heard("strong"), heard("moderate"), heard("reduced")
    assert strong[0] > moderate[0] > level_db(plain) > reduced[0]
    assert strong[1] > moderate[1] > seconds(plain) > reduced[1]


def test_characters_are_spelled_and_digits_read_one_by_one(voice: Speaker) -> None:
    spelled = voice.says("<say-as interpret-as='character'>BEAT</say-as>")
    assert seconds(spelled) > 1.3 * seconds(voice.says("BEAT"))
    digits = voice.says("<say-as interpret-as='digits'>7471</say-as>")
    assert same(digits, voice.says("7 4 7 1"))
    assert seconds(digits) < 0.9 * seconds(voice.says("<say-as interpret-as='cardinal'>7471</say-as>"))


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<say-as interpret-as='ordinal'>3</say-as>", "third"),
        ("<say-as interpret-as='fraction'>2 4/10</say-as>", "two and four tenths"),
        ("<say-as interpret-as='unit'>1m</say-as>", "one meter"),
        ("<say-as interpret-as='time'>1'30\"</say-as>", "one minute thirty seconds"),
        ("<say-as interpret-as='date' format='dmy'>10.3.1999</say-as>", "March tenth 1999"),
        ("<sub alias='Mister'>Mr</sub>", "Mister"),
        ("<phoneme alphabet='ipa' ph='həˈloʊ'>goodbye</phoneme>", "hello"),
        ("<phoneme alphabet='x-sampa' ph='h@&quot;loU'>goodbye</phoneme>", "hello"),
        ("<mark name='x'/><voice name='y'>hello</voice>", "hello"),
    ],
)
def test_markup_is_heard_as_the_words_it_means(voice: Speaker, markup: str, words: str) -> None:
    assert same(voice.says(markup), voice.says(words))


def test_an_unknown_alphabet_speaks_the_words(voice: Speaker) -> None:
    assert same(voice.says("<phoneme alphabet='pinyin' ph='ni3'>hello</phoneme>"), voice.says("hello"))


@pytest.mark.parametrize(("tag", "words"), [("fr-FR", "bonjour monsieur"), ("de-DE", "zweiundzwanzig Jahreszeiten")])
def test_foreign_words_follow_the_rules_of_their_language(voice: Speaker, tag: str, words: str) -> None:
    foreign, home = voice.says(f"<lang xml:lang='{tag}'>{words}</lang>"), voice.says(words)
    assert not same(foreign, home)
    assert pitch_hz(foreign) == pytest.approx(pitch_hz(home), rel=0.15)  # the same person
    assert seconds(foreign) > 0.5
    assert same(voice.says(f"<lang xml:lang='tlh'>{words}</lang>"), home)  # nobody knows these rules


def test_sentences_and_paragraphs_are_set_off(voice: Speaker) -> None:
    plain = seconds(voice.says("One more time to go"))
    sentences = seconds(voice.says("<s>One more</s><s>time to go</s>"))
    paragraphs = seconds(voice.says("<p>One more</p><p>time to go</p>"))
    assert paragraphs > sentences > plain + 0.2


def test_an_expletive_is_bleeped_for_as_long_as_the_word(voice: Speaker) -> None:
    audio = voice.says("You are a <say-as interpret-as='expletive'>damned</say-as> fool my friend")
    assert seconds(audio) == pytest.approx(seconds(voice.says("You are a damned fool my friend")), abs=0.05)
    assert tone_ms(audio, 1000) == pytest.approx(350, abs=80)
    assert tone_ms(voice.says("You are a damned fool my friend"), 1000) == 0


def test_phonemes_are_spoken_in_every_script(voice: Speaker) -> None:
    for language in ("ja-JP", "hi-IN", "ar", "ru-RU", "cmn-CN", "cy-GB"):
        audio = voice.says("<phoneme alphabet='ipa' ph='naˈsalo ʃuˈʁiɲ'>x</phoneme>", language=language)
        assert 0.5 < seconds(audio) < 3, language
        assert level_db(audio) > -32, language


def test_users_cannot_write_phonemes_or_holes_of_their_own(voice: Speaker) -> None:
    lang = "<lang xml:lang='fr-FR'>oui</lang>"
    audio = voice.says(f"{lang} [[h@l'oU]] \ue0000\ue001 \ue00099\ue001 {lang}")
    assert seconds(audio) > 1
    assert seconds(voice.speaks("plain \ue0005\ue001 [[h@l'oU]]")) > 0.5


def test_many_pronunciations_in_one_text_are_bounded(voice: Speaker) -> None:
    assert seconds(voice.says("<phoneme ph='a'>b</phoneme> " * 300)) > 10


def test_a_style_without_ssml_speaks_the_words_alone(voice: Speaker) -> None:
    with_tags = voice.says(
        "<prosody rate='x-slow'>Bonjour</prosody> <sub alias='monsieur'>M.</sub>", language="fr-CA", style=5
    )
    assert same(with_tags, voice.speaks("Bonjour monsieur", language="fr-CA", style=5))


def test_broken_markup_is_spoken_without_its_tags(voice: Speaker) -> None:
    assert same(voice.speaks("<speak>Hello <b>there</speak>"), voice.speaks("Hello  there"))


def same(one: Samples, other: Samples) -> bool:
    """Whether they say the same words: equal in length and spectrum, whatever the engine's own dither."""
    return abs(seconds(one) - seconds(other)) < 0.06 and timbre_distance_db(one, other) < 2.5
