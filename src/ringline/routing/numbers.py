"""Phone numbers as Ringline writes them: digits of E.164, without `+`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers

from ringline.base import Random, integer

_SEPARATORS: Final = re.compile(r"[ \t.()/-]")
_DIGITS: Final = re.compile(r"[0-9]+")
_LONGEST: Final = 64


def digits_of(text: str, *, country: str | None = None) -> str | None:
    """Read a number as people and SIP peers write it into bare digits; None when it is none.

    A leading `+` or `00` is taken off, separators and SIP parameters (`;ext=…`) too. With `country` (`GB`) a number
    without either may be a national one and is made international. The length is not checked.
    """
    text = _SEPARATORS.sub("", unquote(text.partition(";")[0]))
    if len(text) > _LONGEST:
        return None
    for prefix in ("+", "00"):
        if text.startswith(prefix):
            return _bare(text[len(prefix) :])
    if country is not None and (number := _international(text, country)) is not None:
        return number
    return _bare(text)


def read_e164(text: str, *, country: str | None = None) -> str | None:
    """As `digits_of`, but only 7 to 15 digits are a number."""
    number = digits_of(text, country=country)
    return number if number is not None and 7 <= len(number) <= 15 else None


@lru_cache(maxsize=4096)
def country_of(number: str) -> str | None:
    """The country of an E.164 number as two capital letters; None when it has none (satellite, freephone, nonsense).

    A number nobody was given (all those of examples) belongs to the main country of its calling code.
    """
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return region if region is not None and region.isalpha() else None


def choose_number(numbers: Sequence[str], destination: str, random: Random) -> str | None:
    """Pick a caller id for `random_from_number`: one of the destination's country if there is any, else any."""
    country = country_of(destination)
    near = [one for one in numbers if country is not None and country_of(one) == country]
    choice = near or numbers
    return choice[integer(random, len(choice))] if choice else None


def national_form(number: str, country: str) -> str | None:
    """An E.164 number as it is dialled inside its country (`02079460000`); None when it belongs to another one."""
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        return None
    if parsed.country_code != phonenumbers.country_code_for_region(country):
        return None
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(char for char in written if char.isascii() and char.isdigit())


def _bare(text: str) -> str | None:
    return text if _DIGITS.fullmatch(text) else None


def _international(text: str, country: str) -> str | None:
    if not _DIGITS.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
