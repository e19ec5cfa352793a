"""What a payment card looks like: brand by prefix (ISO/IEC 7812), check digit (Luhn), expiry, security code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

_ANYWHERE: Final = timedelta(hours=12)
"A month is over when it is over everywhere on earth (UTC-12)."
_KNOWN_BY: Final = 6
"So many first digits always tell the brand."


class FieldVerdict(StrEnum):
    """What became of one entry; the names of errors are those of the NCCO's prompts."""

    OK = "ok"
    INVALID_CARD_TYPE = "InvalidCardType"
    INVALID_CARD_NUMBER = "InvalidCardNumber"
    INVALID_EXPIRATION_DATE = "InvalidExpirationDate"
    INVALID_SECURITY_CODE = "InvalidSecurityCode"
    TIMEOUT = "Timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose cards begin with certain digits."""

    name: str
    prefixes: tuple[tuple[int, int], ...]
    "First and last prefix of each range, both with the same number of digits."
    lengths: tuple[int, ...]
    "How many digits a card number may have."
    whole: int | None
    "An entry is complete at so many digits; None: only at the longest length, at `#` or after a pause."
    code_digits: int = 3


_16_TO_19: Final = (16, 17, 18, 19)
BRANDS: Final = (
    Brand(name="visa", prefixes=((4, 4),), lengths=(13, 16, 19), whole=16),
    Brand(name="mastercard", prefixes=((51, 55), (2221, 2720)), lengths=(16,), whole=16),
    Brand(name="amex", prefixes=((34, 34), (37, 37)), lengths=(15,), whole=15, code_digits=4),
    Brand(name="diners", prefixes=((36, 36),), lengths=(14,), whole=14),
    Brand(name="diners", prefixes=((300, 305), (3095, 3095), (38, 39)), lengths=(14, *_16_TO_19), whole=None),
    Brand(name="jcb", prefixes=((3528, 3589),), lengths=_16_TO_19, whole=16),
    Brand(name="discover", prefixes=((6011, 6011), (644, 649), (65, 65)), lengths=_16_TO_19, whole=16),
    Brand(name="unionpay", prefixes=((62, 62), (81, 81)), lengths=_16_TO_19, whole=None),
    Brand(
        name="maestro",
        prefixes=((50, 50), (56, 58), (6304, 6304), (6759, 6759), (676, 676)),
        lengths=tuple(range(12, 20)),
        whole=None,
    ),
)
"Visa numbers of 13 and 19 digits are rare: the first is ended by `#` or a pause, the second cannot be keyed in."


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A whole card, as the payment gateway needs it. Never logged: its `repr` shows the brand only."""

    brand: str
    number: str = field(repr=False)
    expiry_month: int = field(repr=False)
    "1 to 12."
    expiry_year: int = field(repr=False)
    "Four digits."
    security_code: str = field(repr=False)


def brand_of(number: str) -> Brand | None:
    """The brand that a card number, or its first digits, belongs to; None when (so far) to none."""
    for brand in BRANDS:
        for low, high in brand.prefixes:
            size = len(str(low))
            if len(number) >= size and low <= int(number[:size]) <= high:
                return brand
    return None


def luhn(number: str) -> bool:
    """Whether the last digit is the right check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return bool(number) and total % 10 == 0


def judge_number(number: str) -> FieldVerdict:
    """Judge a card number whose entry has ended."""
    brand = brand_of(number)
    if brand is None:
        return FieldVerdict.INVALID_CARD_TYPE if len(number) >= _KNOWN_BY else FieldVerdict.INVALID_CARD_NUMBER
    return FieldVerdict.OK if len(number) in brand.lengths and luhn(number) else FieldVerdict.INVALID_CARD_NUMBER


def judge_expiry(entry: str, *, wallclock: datetime) -> FieldVerdict:
    """Judge an expiry date MMYY: a card is good until the end of that month."""
    if len(entry) != 4 or not 1 <= int(entry[:2]) <= 12:
        return FieldVerdict.INVALID_EXPIRATION_DATE
    latest = wallclock - _ANYWHERE
    if (2000 + int(entry[2:]), int(entry[:2])) < (latest.year, latest.month):
        return FieldVerdict.INVALID_EXPIRATION_DATE
    return FieldVerdict.OK


def judge_code(entry: str, brand: Brand | None) -> FieldVerdict:
    """Judge a security code: four digits on American Express cards, three on all others."""
    wanted = brand.code_digits if brand is not None else 3
    return FieldVerdict.OK if len(entry) == wanted else FieldVerdict.INVALID_SECURITY_CODE
