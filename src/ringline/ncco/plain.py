"""Whether a JSON value can be handled safely: not too deep, and nothing that cannot be written as JSON again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ringline.ncco.positions import escape

MAX_DEPTH: Final = 64
"How deep a script may be nested; the documented forms need seven levels, the rest is for payloads."

_MAX_INTEGER_BITS: Final = 4096


def find_unwritable(value: Any) -> str | None:
    """Give the pointer of the first part that is too deep, no JSON, or cannot be written; None when all is well."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, item = waiting.pop()
        if not _is_plain(item) or depth > MAX_DEPTH:
            return pointer
        if isinstance(item, Mapping):
            for key, content in item.items():
                if not isinstance(key, str) or not _is_plain(key):
                    return pointer
                waiting.append((f"{pointer}/{escape(key)}", depth + 1, content))
        elif isinstance(item, list | tuple):
            waiting.extend((f"{pointer}/{index}", depth + 1, content) for index, content in enumerate(item))
    return None


def _is_plain(item: Any) -> bool:
    if isinstance(item, str):
        try:
            item.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return False
        return True
    if isinstance(item, float):
        return math.isfinite(item)
    if isinstance(item, int):
        return item.bit_length() <= _MAX_INTEGER_BITS
    return item is None or isinstance(item, Mapping | list | tuple)
