"""`<say-as>` written out in words and plain numbers, for engines that read no markup of that kind.

Dates, times, fractions and units are written out in the languages of the tables below; elsewhere the numbers are put
into their order and read as numbers. What does not look like its kind is read as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ringline.speech.markup import SayAs

_ORDINAL: Final = {"es": "º", "it": "º", "pt": "º", "sv": ":e"}
"What turns digits into an ordinal, in languages where that is one sign."
_ENGLISH_SUFFIX: Final = {"1": "st", "2": "nd", "3": "rd"}
_MONTHS: Final[Mapping[str, str]] = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
}
_OF: Final = {"es": "de", "pt": "de"}
"Between day, month and year."
_TIMES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "en": ("minute", "minutes", "second", "seconds"),
    "de": ("Minute", "Minuten", "Sekunde", "Sekunden"),
    "es": ("minuto", "minutos", "segundo", "segundos"),
    "fr": ("minute", "minutes", "seconde", "secondes"),
    "it": ("minuto", "minuti", "secondo", "secondi"),
    "nl": ("minuut", "minuten", "seconde", "seconden"),
    "pt": ("minuto", "minutos", "segundo", "segundos"),
    "sv": ("minut", "minuter", "sekund", "sekunder"),
}
_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "mm": ("millimeter", "millimeters"), "cm": ("centimeter", "centimeters"), "m": ("meter", "meters"),
    "km": ("kilometer", "kilometers"), "in": ("inch", "inches"), "ft": ("foot", "feet"), "foot": ("foot", "feet"),
    "yd": ("yard", "yards"), "mi": ("mile", "miles"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
    "kg": ("kilogram", "kilograms"), "t": ("ton", "tons"), "oz": ("ounce", "ounces"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "ml": ("milliliter", "milliliters"), "l": ("liter", "liters"),
    "gal": ("gallon", "gallons"), "ms": ("millisecond", "milliseconds"), "s": ("second", "seconds"),
    "sec": ("second", "seconds"), "min": ("minute", "minutes"), "h": ("hour", "hours"), "hr": ("hour", "hours"),
    "mph": ("mile per hour", "miles per hour"), "km/h": ("kilometer per hour", "kilometers per hour"),
    "kb": ("kilobyte", "kilobytes"), "mb": ("megabyte", "megabytes"), "gb": ("gigabyte", "gigabytes"),
    "hz": ("hertz", "hertz"), "khz": ("kilohertz", "kilohertz"),
    "w": ("watt", "watts"), "kw": ("kilowatt", "kilowatts"),
    "v": ("volt", "volts"), "°c": ("degree Celsius", "degrees Celsius"),
    "°f": ("degree Fahrenheit", "degrees Fahrenheit"),
    "%": ("percent", "percent"),
}  # fmt: skip
"English names of units, by their sign in lower case."
_DENOMINATORS: Final = (
    "half", "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
    "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip

_DATE_ORDERS: Final = frozenset({"mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y"})
_COMPACT_DATE: Final = re.compile(r"([0-9?]{4})([0-9?]{2})([0-9?]{2})")
_FRACTION: Final = re.compile(r"(?:(\d{1,12})\s*(?:\s|\+)\s*)?(\d{1,12})\s*/\s*(\d{1,12})")
_QUANTITY: Final = re.compile(r"([+-]?\d{1,12}(?:[.,]\d{1,12})?)\s*(\D{1,16})")
_DURATION: Final = re.compile(r"(?:(\d{1,4})\s*')?\s*(?:(\d{1,4})\s*(?:\"|''))?")


def reading(value: SayAs, language: str) -> str:
    """Give the words for a `<say-as>`; `language` is the table's. Characters and bleeps are for the engine to make."""
    text = value.text.strip()
    primary = language.partition("-")[0]
    match value.interpret_as:
        case "digits":
            return re.sub(r"(?<=\d)(?=\d)", " ", text)
        case "telephone":
            return _telephone(text)
        case "ordinal":
            return _ordinal(text, primary)
        case "date":
            return _date(text, value.format, primary)
        case "time":
            return _time(text, primary)
        case "fraction" if primary == "en":
            return _fraction(text)
        case "unit" if primary == "en":
            return _unit(text)
    return text


def _telephone(text: str) -> str:
    """Digit by digit, with a short pause where the number is written in groups."""
    groups = [re.sub(r"(?<=\w)(?=\w)", " ", group) for group in re.split(r"[\s().\-/]+", text.replace("+", "+ "))]
    return re.sub(r"^\+, ", "+ ", ", ".join(group for group in groups if group))


def _ordinal(text: str, primary: str) -> str:
    if not (text.isascii() and text.isdecimal()):
        return text
    if primary == "en":
        teen = len(text) > 1 and text[-2] == "1"
        return text + ("th" if teen else _ENGLISH_SUFFIX.get(text[-1], "th"))
    return text + _ORDINAL.get(primary, "")


def _date(text: str, order: str, primary: str) -> str:
    if compact := _COMPACT_DATE.fullmatch(text):
        found = dict(zip("ymd", compact.groups(), strict=True))
    else:
        numbers = re.findall(r"[0-9?]+", text)
        order = order if order in _DATE_ORDERS else ""
        if len(order) != len(numbers):
            return text
        found = dict(zip(order, numbers, strict=True))
    known = {part: int(number) for part, number in found.items() if number.isdecimal()}
    day, month, year = known.get("d"), known.get("m"), known.get("y")
    names = _MONTHS[primary].split() if primary in _MONTHS else []
    spoken_month = "" if month is None else names[month - 1] if names and 1 <= month <= 12 else str(month)
    spoken_year = "" if year is None else str(year)
    spoken_day = "" if day is None else _ordinal(str(day), primary) if primary == "en" else str(day)
    parts = [spoken_month, spoken_day, spoken_year] if primary == "en" else [spoken_day, spoken_month, spoken_year]
    between = f" {_OF[primary]} " if primary in _OF else " "
    return between.join(part for part in parts if part) or text


def _time(text: str, primary: str) -> str:
    found = _DURATION.fullmatch(text)
    words = _TIMES.get(primary)
    if found is None or words is None or not any(found.groups()):
        return text
    minutes, seconds = found.groups()
    parts = []
    if minutes:
        parts.append(f"{int(minutes)} {words[0] if int(minutes) == 1 else words[1]}")
    if seconds:
        parts.append(f"{int(seconds)} {words[2] if int(seconds) == 1 else words[3]}")
    return " ".join(parts)


def _fraction(text: str) -> str:
    found = _FRACTION.fullmatch(text)
    if found is None or int(found[3]) == 0:
        return text
    whole, over, under = found[1], int(found[2]), int(found[3])
    if 2 <= under <= 20:
        name = _DENOMINATORS[under - 2]
        words = f"{over} {name if over == 1 else 'halves' if name == 'half' else name + 's'}"
    else:
        words = f"{over} over {under}"
    return f"{int(whole)} and {words}" if whole else words


def _unit(text: str) -> str:
    found = _QUANTITY.fullmatch(text)
    names = _UNITS.get(found[2].strip().lower()) if found else None
    if found is None or names is None:
        return text
    one = found[1].lstrip("+") in ("1", "-1")
    return f"{found[1]} {names[0] if one else names[1]}"
