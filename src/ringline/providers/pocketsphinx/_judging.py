"""What tells a phrase of the grammar from anything else that was said. Standard library only: loaded by its path.

A grammar always finds something. How likely it is that this was said is told by a logistic model of what is measured
here: how well the phrase fits, sound by sound; how well other things do; and whether the sounds have sensible lengths.
`bench/speech/fit_rejection.py` fits it, on voices and phrases that `bench/speech/recognition.py` does not measure with.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final

__all__ = ["NAMES", "Evidence", "Sound", "confidence", "measure"]

_KINDS: Final = tuple(
    frozenset(kind.split())
    for kind in (
        "AA AH AO AE", "OW AO UH UW", "IH IY EY EH", "EH AE AH", "AY OY", "ER R", "AW AO AA", "M N NG", "P T K",
        "B D G", "P B", "T D", "K G", "F TH S HH", "V DH Z B", "S Z SH ZH", "CH JH SH", "L W", "Y IY",
    )
)  # fmt: skip
"Phonemes that are taken for each other on a telephone."
_SHORT_FRAMES: Final = 3
"A sound has three states: a shorter one than this is none, it was squeezed in."
_LONG_FRAMES: Final = 20
_SCALE: Final = 100.0
_MOST_BETTER: Final = 0.5
"Against a grammar of such unlike things more means nothing."


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound of the phrase where it fits best: its length in frames of 10 ms, and how well it fits, as a logarithm."""

    phoneme: str
    frames: int
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the decoders say of an utterance."""

    way: Sequence[str]
    "The phrase's own phonemes."
    heard: Sequence[str]
    "Phonemes that were heard without a grammar."
    grammar: float
    "How well the phrase fits, as a logarithm, and then phonemes without a grammar, and what is said otherwise."
    loop: float
    other: float | None
    speech: int
    "Frames with speech."
    outside: int
    "Frames in which phonemes were heard without a grammar."
    sounds: Sequence[Sound]
    "Of the phrase; none if it could not be laid along the audio."
    digits: bool
    "Digits in any number were asked for: who reads them aloud takes his time between them."


NAMES: Final = (
    *("worse", "unlike", "hurry", "hurry²", "better", "unaligned", "fit", "fit of sounds", "worst quarter", "worst"),
    *("spread", "vowels", "consonants", "short", "long", "uneven", "sounds", "outside"),
)
"What `measure` gives, in this order."


def measure(evidence: Evidence) -> list[float]:
    """What speaks for the phrase and against it, one number for each of `NAMES`."""
    way, heard = evidence.way, evidence.heard
    frames = max(1, evidence.speech)
    worse = (evidence.loop - evidence.grammar) / frames / _SCALE
    unlike = distance(way, heard) / max(len(way), len(heard), 1)
    hurry = 0.0 if evidence.digits else math.log(frames / (8.0 * max(1, len(way))))
    better = _MOST_BETTER
    if evidence.other is not None:
        better = (evidence.grammar - evidence.other) / frames / _SCALE
    better = max(-_MOST_BETTER, min(_MOST_BETTER, better))
    found = [worse, unlike, hurry, hurry * hurry, better]
    found += [0.0, *_aligned(evidence)] if evidence.sounds else [1.0, *USUAL]
    return [round(one, 4) for one in found]


def _aligned(evidence: Evidence) -> list[float]:
    """What the sounds of the phrase tell, each where it fits best."""
    sounds = evidence.sounds
    fits = sorted(sound.score / sound.frames / _SCALE for sound in sounds)
    length = sum(sound.frames for sound in sounds)
    whole = sum(sound.score for sound in sounds) / length / _SCALE
    vowels = [sound.score / sound.frames / _SCALE for sound in sounds if _is_vowel(sound.phoneme)]
    consonants = [sound.score / sound.frames / _SCALE for sound in sounds if not _is_vowel(sound.phoneme)]
    return [
        whole,
        fmean(fits),
        fits[len(fits) // 4],
        fits[0],
        pstdev(fits),
        fmean(vowels or fits),
        fmean(consonants or fits),
        fmean(sound.frames <= _SHORT_FRAMES for sound in sounds),
        fmean(sound.frames >= _LONG_FRAMES for sound in sounds),
        0.0 if evidence.digits else pstdev([math.log(sound.frames) for sound in sounds]),
        math.log(len(sounds)),
        min(3.0, evidence.outside / length),
    ]


def confidence(measures: Sequence[float]) -> float:
    """How likely it is that the phrase was said, from 0 to 1."""
    odds = WEIGHTS[0] + sum(weight * one for weight, one in zip(WEIGHTS[1:], measures, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The edits between two rows of phonemes; one taken for a near one costs less."""
    row = [float(place) for place in range(len(other) + 1)]
    for nth, phoneme in enumerate(one, 1):
        before, row = row, [float(nth)]
        for place, near in enumerate(other, 1):
            row.append(min(before[place] + 1, row[place - 1] + 0.8, before[place - 1] + _difference(phoneme, near)))
    return row[-1]


def _difference(one: str, other: str) -> float:
    """0 for the same phoneme, 0.4 for near ones."""
    if one == other:
        return 0.0
    if any(one in kind and other in kind for kind in _KINDS):
        return 0.4
    return 0.8 if _is_vowel(one) == _is_vowel(other) else 1.0


def _is_vowel(phoneme: str) -> bool:
    return phoneme[0] in "AEIOU"


USUAL: Final = (-0.334, -0.412, -0.556, -0.907, 0.263, -0.339, -0.452, 0.22, 0.078, 0.58, 2.007, 1.156)
"What stands for the sounds where they are not known."
WEIGHTS: Final = (
    17.527,
    -4.165,
    -6.132,
    -0.802,
    -0.05,
    -0.91,
    -0.35,
    10.557,
    0.549,
    1.645,
    -0.197,
    0.781,
    3.397,
    -0.186,
    -3.334,
    -2.536,
    -3.352,
    -0.527,
    -2.956,
)
"The first stands alone, the others belong to `NAMES`."
