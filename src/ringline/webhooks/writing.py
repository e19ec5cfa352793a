"""JSON as applications get it: UTF-8, no spaces."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

_slowly: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_json(value: Any) -> bytes:
    """Write JSON types; what cannot be UTF-8 (half of a surrogate pair from a careless peer) becomes `?`."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _slowly(value).encode("utf-8", "replace")
