"""Which of the known names somebody may have meant by one that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Final

_TYPO: Final = 0.75
"From here on two names are one with a slip of the finger."
_KIN: Final = 0.4
"From here on two names share enough words to be worth a question."
_STEM: Final = 4
"Letters that must be there of a word that is cut short: `user` for `username`."
_MOST: Final = 3
_ALIKE: Final = (
    ("max", "maximum", "high", "highest", "upper", "last", "to"),
    ("min", "minimum", "low", "lowest", "lower", "first", "from"),
    ("bind", "listen", "address", "ip"),
    ("secret", "password", "pass"),
    ("file", "path"),
)
"Words that people use for each other."
_MEANING: Final = {word: words[0] for words in _ALIKE for word in words}


def nearest(given: str, known: Sequence[str]) -> list[str]:
    """The names that may have been meant, at most three; empty when none is near.

    A name that differs by a letter or two counts before one that shares words: `port_mxa` is `port_max`, and so is
    `port_high`, by its words.
    """
    typo = get_close_matches(given, known, n=1, cutoff=_TYPO)
    if typo:
        return typo
    scores = {name: _kinship(_words(given), _words(name)) for name in known}
    best = max(scores.values(), default=0.0)
    return [name for name in known if scores[name] == best][:_MOST] if best >= _KIN else []


def _words(name: str) -> list[str]:
    return [_MEANING.get(word, word) for word in name.lower().replace("-", "_").split("_") if word]


def _kinship(given: list[str], known: list[str]) -> float:
    """From 0 to 1: which part of both names is in the other, too."""
    if not given or not known:
        return 0.0
    shared = sum(max(_likeness(word, other) for other in known) for word in given)
    return 2 * shared / (len(given) + len(known))


def _likeness(word: str, other: str) -> float:
    if min(len(word), len(other)) >= _STEM and (word.startswith(other) or other.startswith(word)):
        return 1.0
    likeness = SequenceMatcher(None, word, other).ratio()
    return likeness if likeness >= _TYPO else 0.0
