"""The table's voices in espeak-ng's terms: language file, variant, pitch and speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringline.speech import VoiceChoice

_LANGUAGES: Final = {
    "cmn-TW": "cmn",
    "en-GB": "en",
    "en-GB-SCT": "en-gb-scotland",
    "en-US": "en-us",
    "es-CO": "es-419",
    "es-MX": "es-419",
    "es-US": "es-419",
    "fr-FR": "fr",
    "no-NO": "nb",
    "pt-BR": "pt-br",
}
"Where the voice is not simply the primary language."

BORROWED: Final = {
    "de-AT": "de",
    "en-AU": "en",
    "en-GB-WLS": "en",
    "en-IE": "en-gb-scotland",
    "en-IN": "en",
    "en-NZ": "en",
    "en-ZA": "en",
    "fil-PH": "id",
    "fr-CA": "fr",
    "gl-ES": "es",
    "nl-BE": "nl",
}
"""Languages that espeak-ng lacks, and the nearest it has: another country's form, or (Filipino, Galician) another
language that is alike in spelling and sound."""

_FEMALE: Final = ("f2", "f4", "linda", "Annie", "f1")
_MALE: Final = ("m3", "m7", "Michael", "m4", "Alex")
"Variants that are about equally loud, and differ in their spectrum by 3 dB or more."
_PITCHES: Final = (50, 75, 28)
_SPEEDS: Final = (165, 172, 158)


@dataclass(frozen=True, slots=True)
class EspeakVoiceName:
    """What the worker is asked for."""

    voice: str
    "A voice of espeak-ng with a variant, such as `en-us+f2`."
    pitch: int
    "0 to 100; 50 is the variant's own."
    rate: int
    "Words per minute."


def espeak_voice(choice: VoiceChoice) -> EspeakVoiceName:
    """Pick timbre by gender and number, so that no two styles of a language sound alike."""
    variants = _FEMALE if choice.gender == "female" else _MALE
    round_, index = divmod(choice.nth, len(variants))
    turn = round_ % len(_PITCHES)
    return EspeakVoiceName(f"{espeak_language(choice.language)}+{variants[index]}", _PITCHES[turn], _SPEEDS[turn])


def espeak_language(language: str) -> str:
    """The espeak-ng voice for a language of the table."""
    return BORROWED.get(language) or _LANGUAGES.get(language) or language.partition("-")[0]
