"""Hints as words that can be pronounced."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST_WORDS: Final = 12
"A longer phrase is no item of a menu."
DIGIT_CLASSES: Final = frozenset({"$OOV_CLASS_DIGIT_SEQUENCE", "$OOV_CLASS_FULLPHONENUM", "$FULLPHONENUM"})
"Hints that mean digits in any number, as cloud recognisers write them."
_ONES: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIGNS: Final[dict[str, str | int | None]] = {"&": " and ", "%": " percent ", "+": " plus ", "@": " at "}


def ways(phrase: str) -> tuple[tuple[str, ...], ...]:
    """How a hint may be spoken, each as words in lower case; empty when it cannot be.

    A number is spoken as one, and digit by digit.
    """
    text = phrase.translate(str.maketrans(_SIGNS)).replace("’", "'")
    text = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)).lower()
    tokens: list[str] = re.findall(r"[a-z]+(?:'[a-z]+)*|\d+", text)
    if not tokens or re.search(r"[^\W\d_a-z]", text):  # letters of another script
        return ()
    found = {tuple(word for token in tokens for word in say(token)) for say in (_as_number, _as_digits)}
    return tuple(sorted(way for way in found if len(way) <= MOST_WORDS))


def _as_number(token: str) -> tuple[str, ...]:
    if not token.isdecimal() or len(token) > 2 or token.startswith("0"):
        return _as_digits(token)
    number = int(token)
    if number < 20:
        return (_ONES[number],)
    tens, ones = divmod(number, 10)
    return (_TENS[tens - 2], _ONES[ones]) if ones else (_TENS[tens - 2],)


def _as_digits(token: str) -> tuple[str, ...]:
    return tuple(_ONES[int(digit)] for digit in token) if token.isdecimal() else (token,)
