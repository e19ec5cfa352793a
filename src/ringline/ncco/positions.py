"""Where things stand in a JSON text. Run only when something has to be shown, on text that has been parsed before."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r'[ \t\r\n]*(?:([{}\[\]:,])|("(?:[^"\\]|\\.)*")|([^\s{}\[\]:,"]+))')


def escape(key: str) -> str:
    """Write a key as a part of a JSON pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class Positions:
    """Offsets of the values and keys of one text."""

    values: Mapping[str, int]
    "Where a value begins, by its pointer."
    keys: Mapping[str, int]
    "Where the key before a value begins, by the value's pointer; the last one if there are several."
    repeated: Sequence[str]
    "Pointers of keys that stand in their object more than once; once for each time too many."
    _lines: Sequence[int]

    def line_and_column(self, pointer: str, *, of_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of what `pointer` names; of the nearest object around it when it is not there."""
        table = self.keys if of_key and pointer in self.keys else self.values
        while pointer and pointer not in table:
            pointer = pointer.rpartition("/")[0]
        return self.place(table.get(pointer, 0))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of an offset into the text."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1


def scan(text: str) -> Positions:
    """Find where every value and key of a well-formed JSON text stands."""
    values: dict[str, int] = {}
    keys: dict[str, int] = {}
    repeated: list[str] = []
    around: list[tuple[str, int]] = []  # pointer and next index (-1: an object) of the containers we are in
    pointer, index = "", -1
    key: str | None = None
    expect_key = False

    at = 0
    while (token := _TOKEN.match(text, at)) is not None:
        at = token.end()
        mark = token[1]
        start = token.start(token.lastindex or 0)
        if mark == ",":
            expect_key = index < 0
        elif mark in ("}", "]"):
            pointer, index = around.pop() if around else ("", -1)
            expect_key = False
        elif mark == ":":
            expect_key = False
        elif expect_key and token[2] is not None:
            key = f"{pointer}/{escape(json.loads(token[2]))}"
            if key in keys:
                repeated.append(key)
            keys[key] = start
        else:
            if key is not None:
                here, key = key, None
            elif around:
                here, index = f"{pointer}/{index}", index + 1
            else:
                here = ""
            values[here] = start
            if mark is not None:
                around.append((pointer, index))
                pointer, index = here, (-1 if mark == "{" else 0)
                expect_key = mark == "{"
    lines = [0, *(found.end() for found in re.finditer(r"\n", text))]
    return Positions(values, keys, tuple(repeated), lines)
