"""Many rows in one step of SQLite.

`sqlite3` lets go of the interpreter twice for every row of an `executemany`, and a busy event loop gives it back only
after the switch interval, 5 ms: row by row, the writing thread would write some hundred rows a second just when most
are to be written. A block of rows is one step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

Block = tuple[str, Sequence[Any] | Mapping[str, Any]]
"A statement, and the values of all its rows one after the other; those of a single row by name."

_SIZES: Final = (64, 8, 4, 2)
"Rows in a block. Few sizes: each is a statement of its own, which SQLite prepares and keeps."
_INSERT: Final = re.compile(r"(?P<head>INSERT INTO .* VALUES )(?P<row>\([^()]*\))(?P<tail>.*)", re.DOTALL)
_DELETE: Final = re.compile(r"(?P<head>DELETE FROM \w+ WHERE [\w.]+) = (?P<row>:\w+)(?P<tail>)")
_NAME: Final = re.compile(r":(\w+)")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """How a statement is written for several rows."""

    names: tuple[str, ...]
    sizes: Mapping[int, str]


def blocks(sql: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Cut rows of one statement into as few blocks as its kind allows, in their order."""
    pattern = _pattern(sql)
    place = 0
    if pattern is not None:
        for size, text in pattern.sizes.items():
            while len(rows) - place >= size:
                yield text, [row[name] for row in rows[place : place + size] for name in pattern.names]
                place += size
    for row in rows[place:]:
        yield sql, row


@cache
def _pattern(sql: str) -> _Pattern | None:
    """None: it is of another kind, and each row is a step."""
    found = _INSERT.fullmatch(sql) or _DELETE.fullmatch(sql)
    if found is None or _NAME.search(found["tail"]):
        return None
    row = _NAME.sub("?", found["row"])
    head, tail = found["head"], found["tail"]
    if found.re is _DELETE:
        head, tail = f"{head} IN (", ")"
    texts = {size: head + ", ".join([row] * size) + tail for size in _SIZES}
    return _Pattern(tuple(_NAME.findall(found["row"])), texts)
