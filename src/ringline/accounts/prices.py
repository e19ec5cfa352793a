"""What a minute costs: the operator's table of rates by prefix. Pure; what follows from it is in `ringline.calls`.

The table is CSV with a heading: `prefix,rate,network` and, if wanted, `direction` (`out`, or `in` for calls to numbers
of the installation). The longest prefix of the number called counts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from ringline.base import ConfigError

_DIGITS: Final = Decimal("0.00000001")
_COLUMNS: Final = ("prefix", "rate", "network")
_LONGEST: Final = 15
_MOST_FAULTS: Final = 20
_HIGHEST: Final = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One row of the table."""

    rate: Decimal
    "Per minute, in the operator's currency."
    network: str | None
    "MCC and MNC (`23410`), or a kind such as `GB-FIXED`; None: not known."


class RateTableError(ConfigError):
    """A rate table cannot be used; every wrong line is named."""

    def __init__(self, name: str, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults), where=name, key="rates")


class RateTable:
    """Rates by direction and prefix."""

    def __init__(self, rows: Iterable[tuple[str, str, Tariff]] = ()) -> None:
        """`rows` are direction (`out` or `in`), prefix and tariff."""
        self._rows = {(direction, prefix): tariff for direction, prefix, tariff in rows}
        self._longest = max((len(prefix) for _, prefix in self._rows), default=0)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, direction: str, number: str) -> Tariff | None:
        """The tariff of a call to these E.164 digits; None when no row takes them: it is free."""
        for length in range(min(self._longest, len(number)), -1, -1):
            tariff = self._rows.get((direction, number[:length]))
            if tariff is not None:
                return tariff
        return None


def read_rates(text: str, *, name: str) -> RateTable:
    """Read a table. `name` is its file, for what is wrong in it.

    Raises:
        RateTableError: lines are wrong; up to twenty are named.
    """
    faults: list[str] = []
    rows: dict[tuple[str, str], Tariff] = {}
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    heading: list[str] | None = None
    try:
        for cells in lines:
            cells = [cell.strip() for cell in cells]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if heading is None:
                heading = [cell.lower() for cell in cells]
                missing = [column for column in _COLUMNS if column not in heading]
                unknown = [column for column in heading if column not in (*_COLUMNS, "direction")]
                if missing or unknown or len(set(heading)) < len(heading):
                    wanted = "prefix,rate,network, and direction if wanted"
                    raise RateTableError(name, [f"line {lines.line_num}: the heading must be {wanted}"])
                continue
            try:
                direction, prefix, tariff = _row(heading, cells)
                if (direction, prefix) in rows:
                    raise ValueError(f"prefix {prefix!r} is there twice")
            except ValueError as error:
                faults.append(f"line {lines.line_num}: {error}")
            else:
                rows[direction, prefix] = tariff
    except csv.Error as error:
        faults.append(f"line {lines.line_num}: {error}")
    if heading is None and not faults:
        faults.append("line 1: the heading prefix,rate,network is missing")
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more lines"] if len(faults) > _MOST_FAULTS else []
        raise RateTableError(name, [*faults[:_MOST_FAULTS], *more])
    return RateTable((direction, prefix, tariff) for (direction, prefix), tariff in rows.items())


def _row(heading: list[str], cells: list[str]) -> tuple[str, str, Tariff]:
    if len(cells) != len(heading):
        raise ValueError(f"has {len(cells)} columns, the heading {len(heading)}")
    given = dict(zip(heading, cells, strict=True))
    prefix = given["prefix"].removeprefix("+")
    if prefix and not (prefix.isascii() and prefix.isdecimal() and len(prefix) <= _LONGEST):
        raise ValueError(f"prefix {given['prefix']!r} must be the first digits of international numbers")
    direction = given.get("direction", "").lower() or "out"
    if direction not in ("in", "out"):
        raise ValueError(f"direction {given['direction']!r} must be in or out")
    network = given["network"] or None
    if network is not None and (len(network) > 32 or not network.isprintable()):
        raise ValueError("network must be at most 32 printable characters")
    return direction, prefix, Tariff(rate=_amount(given["rate"]), network=network)


def _amount(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"rate {text!r} must be a decimal number") from None
    if not rate.is_finite() or not 0 <= rate <= _HIGHEST:
        raise ValueError(f"rate {text!r} must be between 0 and {_HIGHEST}")
    if rate != rate.quantize(_DIGITS):
        raise ValueError(f"rate {text!r} has more than eight decimals")
    return rate
