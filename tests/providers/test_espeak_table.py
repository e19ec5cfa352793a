"""The whole public table, spoken: every language and style gives audio, and no two styles of a language sound alike."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from ringline.engine.ports import SpeechRequest
from ringline.io.workers import WorkerPool
from ringline.providers import EngineContext
from ringline.providers.espeak import EspeakVoice
from ringline.providers.espeak._voices import BORROWED, espeak_language
from ringline.speech import languages, resolve, styles

from .sound import Samples, level_db, pitch_hz, samples_of, timbre_distance_db

COUNTING = "1 2 3 4 5 6 7"


@pytest.fixture(scope="module")
def spoken() -> dict[tuple[str, int], Samples]:
    """Every pair of the table, counting to seven in its language."""

    async def main() -> dict[tuple[str, int], Samples]:
        voice = EspeakVoice(
            EngineContext(open_workers=lambda wanted: WorkerPool(wanted.command, name=wanted.name, size=2), settings={})
        )
        await voice.start()
        found: dict[tuple[str, int], Samples] = {}
        for language in languages():
            for style in styles(language):
                request = SpeechRequest(text=COUNTING, language=language, style=style)
                found[language, style] = samples_of(b"".join([block.data async for block in voice.speak(request)]))
        await voice.close()
        return found

    return asyncio.run(main())


def test_every_pair_of_the_table_gives_audio(spoken: dict[tuple[str, int], Samples]) -> None:
    assert len(spoken) == 289
    for pair, audio in spoken.items():
        assert 0.8 < len(audio) / 22_050 < 8, pair
        assert -35 < level_db(audio) < -12, pair


def test_women_are_higher_than_men_in_every_language(spoken: dict[tuple[str, int], Samples]) -> None:
    pitches: dict[tuple[str, str], list[float]] = {}
    for (language, style), audio in spoken.items():
        of = resolve(language, style).choice.gender
        pitches.setdefault((language, of), []).append(pitch_hz(audio))
    for (language, gender), found in pitches.items():
        low, high = (145, 330) if gender == "female" else (75, 145)
        assert low < min(found), (language, gender)
        assert max(found) < high, (language, gender)


def test_no_two_styles_of_a_language_sound_alike(spoken: dict[tuple[str, int], Samples]) -> None:
    """They differ by 3 dB in the mean over the spectrum, or by a tenth in pitch."""
    compared = 0
    for language in languages():
        pitches = {style: pitch_hz(spoken[language, style]) for style in styles(language)}
        for one, other in itertools.combinations(styles(language), 2):
            lower, higher = sorted((pitches[one], pitches[other]))
            distance = timbre_distance_db(spoken[language, one], spoken[language, other])
            assert distance > 3 or higher > 1.1 * lower, (language, one, other)
            compared += 1
    assert compared == 880


def test_languages_of_different_tongues_are_really_different(spoken: dict[tuple[str, int], Samples]) -> None:
    for one, other in (("en-US", "de-DE"), ("fr-FR", "es-ES"), ("cmn-CN", "yue-CN"), ("hi-IN", "ta-IN")):
        lengths = len(spoken[one, 0]), len(spoken[other, 0])
        assert lengths[0] != lengths[1]
        assert timbre_distance_db(spoken[one, 0], spoken[other, 0]) > 2


def test_borrowed_languages_are_of_the_table_and_lead_to_another() -> None:
    for language in BORROWED:
        assert language in languages()
        assert espeak_language(language) == BORROWED[language]
