"""Whether a JSON value can be handled safely: not too deep, and nothing that cannot be written as JSON again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ringline.ncco.positions import escape

MAX_DEPTH: Final = 64
"How deep a script may be nested; the documented forms need seven levels, the rest is for payloads."

_MAX_INTEGER_BITS: Final = 4096
_CONTAINERS: Final = (dict, list, tuple, Mapping)

_Way = tuple[Any, str | int]
"The way to the container around, and the key or index in it; None instead of a way at the top."


def find_unwritable(value: Any) -> str | None:
    """Give the pointer of the first part that is too deep, no JSON, or cannot be written; None when all is well."""
    if not isinstance(value, _CONTAINERS):
        return None if _is_plain(value) else ""
    # Ways are links, not strings: a long key above many values would else be copied for each of them.
    waiting: list[tuple[Any, int, _Way | None]] = [(value, 1, None)]
    while waiting:
        container, depth, way = waiting.pop()
        inside: Iterable[tuple[Any, Any]]
        if isinstance(container, list | tuple):
            inside = enumerate(container)
        else:
            inside = container.items()
            if not all(isinstance(key, str) and _is_plain(key) for key in container):
                return _pointer(way)
        for key, item in inside:
            if isinstance(item, _CONTAINERS):
                if depth == MAX_DEPTH:
                    return _pointer((way, key))
                waiting.append((item, depth + 1, (way, key)))
            elif not _is_plain(item):
                return _pointer((way, key))
    return None


def _pointer(way: _Way | None) -> str:
    out: list[str] = []
    while way is not None:
        way, key = way
        out.append(f"/{escape(str(key))}")
    return "".join(reversed(out))


def _is_plain(item: Any) -> bool:
    if isinstance(item, str):
        if item.isascii():
            return True
        try:
            item.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return False
        return True
    if isinstance(item, float):
        return math.isfinite(item)
    if isinstance(item, int):
        return item.bit_length() <= _MAX_INTEGER_BITS
    return item is None
