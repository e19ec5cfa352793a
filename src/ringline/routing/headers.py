"""Headers an application may put into an INVITE: nothing in them can break the message or speak in our name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"`_` is in the tokens of RFC 3261 (section 25.1), and in the names that programmers give their keys."
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,256}")
_RESERVED: Final = ("x-nexmo", "x-vonage", "x-ringline")
_MOST_BYTES: Final = 4096
_USER_TO_USER: Final = ("user-to-user", "usertouser")


def custom_headers(headers: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Turn a `headers` object into `X-` headers; return them and the keys that had to be left out.

    Left out are keys other than letters, digits, `-` and `_`, the prefixes we use ourselves, and what goes beyond 4096
    bytes in all. Values lose control characters; values that are no text are written as JSON.
    """
    sent: list[tuple[str, str]] = []
    dropped: list[str] = []
    room = _MOST_BYTES
    for key, value in headers.items():
        name = key if key.lower().startswith("x-") else f"X-{key}"
        text = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
        size = len(name) + len(text.encode()) + len(": \r\n")
        if not _KEY.fullmatch(key) or name.lower().startswith(_RESERVED) or size > room:
            dropped.append(key)
            continue
        room -= size
        sent.append((name, text))
    return tuple(sent), tuple(dropped)


def user_to_user(headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The `User-to-User` header (RFC 7433) of a `standardHeaders` object, if it holds a valid one."""
    for key, value in headers.items():
        if key.lower() in _USER_TO_USER and isinstance(value, str) and _PRINTABLE.fullmatch(value):
            return (("User-to-User", value.strip()),)
    return ()


def clean(text: str) -> str:
    """Take control characters, line ends first of all, and halves of characters out of a header value."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode().strip()
