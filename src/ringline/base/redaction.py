"""People's data is wrapped before it may come near a log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Private:
    """A value that logs show as `***` (numbers, names, spoken text); `reveal` it only where it is used."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "***"
