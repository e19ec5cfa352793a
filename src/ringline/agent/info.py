"""Keys that come by INFO: `application/dtmf-relay` and `application/dtmf`, as PBXs send them."""

from __future__ import annotations

from typing import Final

_KEYS: Final = frozenset("0123456789*#ABCD")
_NUMBERED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_DEFAULT_MS: Final = 250
_LONGEST_MS: Final = 10_000


def read_key(content_type: str, body: bytes) -> tuple[str, int] | None:
    """The key and how long it was held; None when the body tells none."""
    text = body[:256].decode("ascii", "replace").strip()
    if content_type == "application/dtmf":
        digit = _key(text.splitlines()[0] if text else "")
        return (digit, _DEFAULT_MS) if digit else None
    if content_type != "application/dtmf-relay":
        return None
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields[name.strip().lower()] = value.strip()
    digit = _key(fields.get("signal", ""))
    duration = fields.get("duration", "")
    held = int(duration) if duration.isascii() and duration.isdigit() and len(duration) <= 6 else _DEFAULT_MS
    return (digit, min(held, _LONGEST_MS)) if digit else None


def _key(text: str) -> str | None:
    """One key; event numbers 10 to 15 stand for `*`, `#` and the letters."""
    text = text.strip().upper()
    text = _NUMBERED.get(text, text)
    return text if text in _KEYS else None
