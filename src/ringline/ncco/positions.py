"""Where things stand in a JSON text. Run only when something has to be shown, on text that has been parsed before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

MAX_REPEATED: Final = 100
"More repeated keys are not listed."

_TOKEN: Final = re.compile(r'[ \t\r\n]*(?:([{}\[\]:,])|("[^"\\]*(?:\\.[^"\\]*)*")|([^\s{}\[\]:,"]+))')


def escape(key: str) -> str:
    """Write a key as a part of a JSON pointer (RFC 6901 section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def parts_of(pointer: str) -> list[str]:
    """Take a JSON pointer apart."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


class Positions:
    """Places in one text: of what was asked for, and of keys that stand in their object more than once."""

    def __init__(self, text: str, root: _Spot, repeated: Sequence[tuple[str, int]]) -> None:
        self._text = text
        self._root = root
        self.repeated = repeated
        "Pointer and offset of each key that was there before."

    def line_and_column(self, pointer: str, *, of_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of what `pointer` names; of the nearest object around it when it is not there."""
        spot, offset = self._root, self._root.value or 0
        parts = parts_of(pointer)
        for depth, part in enumerate(parts, 1):
            below = spot.inner.get(part)
            if below is None or below.value is None:
                break
            spot = below
            last = depth == len(parts)
            offset = spot.key if of_key and last and spot.key is not None else below.value
        return self.place(offset)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of an offset into the text."""
        begins = self._text.rfind("\n", 0, offset) + 1
        return self._text.count("\n", 0, begins) + 1, offset - begins + 1


class _Spot:
    """A place that was asked for, or that is on the way to one."""

    __slots__ = ("inner", "key", "value")

    def __init__(self) -> None:
        self.inner: dict[str, _Spot] = {}
        self.key: int | None = None
        self.value: int | None = None

    def forget(self) -> None:
        """The value here does not count: a later one of the same name does."""
        self.value = None
        for spot in self.inner.values():
            spot.forget()


class _Around:
    """An object or array we are in."""

    __slots__ = ("index", "key", "seen", "spot")

    def __init__(self, spot: _Spot | None, *, is_object: bool) -> None:
        self.spot = spot
        self.index = -1 if is_object else 0
        self.key: str | None = None
        self.seen: set[str] = set()

    @property
    def way(self) -> str:
        return str(self.index) if self.key is None else self.key


def scan(text: str, pointers: Iterable[str] = ()) -> Positions:
    """Find where the values at these pointers stand in a well-formed JSON text, and every repeated key.

    The work grows with the text, and the memory with the pointers and the depth, whatever the keys are.
    """
    root = _Spot()
    for pointer in pointers:
        spot = root
        for part in parts_of(pointer):
            spot = spot.inner.setdefault(part, _Spot())
    return Positions(text, root, _walk(text, root))


def _walk(text: str, root: _Spot) -> list[tuple[str, int]]:
    repeated: list[tuple[str, int]] = []
    around: list[_Around] = []
    here: _Around | None = None
    expect_key = False
    at = 0
    while (token := _TOKEN.match(text, at)) is not None:
        at = token.end()
        mark = token[1]
        if mark == ",":
            if here is not None and here.index < 0:
                expect_key = True
            elif here is not None:
                here.index += 1
        elif mark == ":":
            expect_key = False
        elif mark == "}" or mark == "]":
            around.pop()
            here = around[-1] if around else None
            expect_key = False
        elif expect_key and here is not None and (written := token[2]) is not None:
            start = token.start(2)
            key = here.key = json.loads(written) if "\\" in written else written[1:-1]
            spot = here.spot.inner.get(key) if here.spot is not None else None
            if key in here.seen:
                if len(repeated) < MAX_REPEATED:
                    repeated.append(("".join(f"/{escape(one.way)}" for one in around), start))
                if spot is not None:
                    spot.forget()
            here.seen.add(key)
            if spot is not None:
                spot.key = start
        else:
            spot = root if here is None else here.spot and here.spot.inner.get(here.way)
            if spot is not None:
                spot.value = token.start(token.lastindex or 0)
            if mark is not None:
                here = _Around(spot, is_object=mark == "{")
                around.append(here)
                expect_key = mark == "{"
    return repeated
