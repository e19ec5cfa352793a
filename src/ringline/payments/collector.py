"""Collects the digits of one card, key by key. The only place that ever has them, until the charge."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ringline.payments.cards import Brand, Card, FieldVerdict, brand_of, judge_code, judge_expiry, judge_number
from ringline.payments.prompts import CardField

KEY_WAIT_S: Final = 10.0
"So long without a key ends an entry (NCCO reference: pay, Timeout)."
_SHORTEST, _LONGEST = 12, 19
"A card number has so many digits at least and at most (ISO/IEC 7812-1)."
_UNKNOWN_WHOLE: Final = 16
_EXPIRY_DIGITS: Final = 4


class Collector:
    """One card being entered.

    `ask` begins a field, `press` takes its keys. An entry ends by its last digit, by `#`, or by a pause of
    `KEY_WAIT_S`; then there is a verdict, and all further keys are swallowed until the next `ask`. A `#` with nothing
    before it, and all other keys that are no digits, say nothing: many callers end a complete number with `#`.
    """

    def __init__(self) -> None:
        self._entries = {field: bytearray() for field in CardField}
        self._field: CardField | None = None
        self._due: float | None = None

    def __repr__(self) -> str:
        return "<Collector>"

    @property
    def begun(self) -> bool:
        """Whether the present field has a digit."""
        return self._field is not None and bool(self._entries[self._field])

    def ask(self, field: CardField) -> None:
        """Begin a field; what was entered for it before is forgotten."""
        _wipe(self._entries[field])
        self._field = field
        self._due = None

    def press(self, key: str, *, now: float, wallclock: datetime) -> FieldVerdict | None:
        """Take a key; the verdict once the entry is complete."""
        if self._field is None:
            return None
        entry = self._entries[self._field]
        if key == "#" and entry:
            return self._end(wallclock)
        if len(key) == 1 and key in "0123456789":
            entry += key.encode()
            self._due = now + KEY_WAIT_S
            if len(entry) >= self._whole(self._field):
                return self._end(wallclock)
        return None

    def deadline(self) -> float | None:
        """When `tick` is wanted: after a pause. None while nothing has been entered; who asked keeps that time."""
        return self._due

    def tick(self, *, now: float, wallclock: datetime) -> FieldVerdict | None:
        """End the entry by its pause: it is judged if it can be whole, else it has timed out."""
        if self._field is None or self._due is None or now < self._due:
            return None
        if self._field is CardField.NUMBER and self._can_be_whole():
            return self._end(wallclock)
        self._field = self._due = None
        return FieldVerdict.TIMEOUT

    def card(self) -> Card:
        """The whole card; the collector forgets it. Only after all three fields were found right."""
        number, expiry, code = (self._entries[field].decode() for field in CardField)
        brand = brand_of(number)
        made = Card(
            brand=brand.name if brand is not None else "unknown",
            number=number,
            expiry_month=int(expiry[:2]),
            expiry_year=2000 + int(expiry[2:]),
            security_code=code,
        )
        self.forget()
        return made

    def forget(self) -> None:
        """Overwrite everything that was entered."""
        for entry in self._entries.values():
            _wipe(entry)
        self._field = self._due = None

    def _brand(self) -> Brand | None:
        return brand_of(self._entries[CardField.NUMBER].decode())

    def _whole(self, field: CardField) -> int:
        """At how many digits the entry is complete."""
        if field is CardField.EXPIRY:
            return _EXPIRY_DIGITS
        brand = self._brand()
        if field is CardField.CODE:
            return brand.code_digits if brand is not None else 3
        if brand is None:
            return _UNKNOWN_WHOLE
        return brand.whole or _LONGEST

    def _can_be_whole(self) -> bool:
        brand = self._brand()
        size = len(self._entries[CardField.NUMBER])
        return size in brand.lengths if brand is not None else size >= _SHORTEST

    def _end(self, wallclock: datetime) -> FieldVerdict:
        field, self._field, self._due = self._field, None, None
        assert field is not None
        entry = self._entries[field].decode()
        match field:
            case CardField.NUMBER:
                return judge_number(entry)
            case CardField.EXPIRY:
                return judge_expiry(entry, wallclock=wallclock)
            case CardField.CODE:
                return judge_code(entry, self._brand())


def _wipe(entry: bytearray) -> None:
    for place in range(len(entry)):
        entry[place] = 0
    entry.clear()
