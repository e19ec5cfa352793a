"""Which headers of an INVITE the answer webhook shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_BYTES: Final = 8192
"Of names and values together; what comes after is dropped."

_WITHHELD: Final = ("x-nexmo", "x-vonage", "x-ringline")
_USER_TO_USER = re.compile(r"[\x20-\x7e]{1,256}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")


def sip_fields(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Pick the custom headers out of an INVITE: `X-…` and `User-to-User`, each as `SipHeader_<name as received>`.

    The platform's own prefixes are withheld. A header that comes several times is joined with `,` under its first
    spelling. A `User-to-User` longer than 256 characters, or with others than printable ASCII, is dropped.
    """
    joined: dict[str, tuple[str, str]] = {}
    size = 0
    for name, value in headers:
        plain = name.lower()
        if not _NAME.fullmatch(name):
            continue
        if plain == "user-to-user":
            if not _USER_TO_USER.fullmatch(value):
                continue
        elif not plain.startswith("x-") or plain.startswith(_WITHHELD):
            continue
        size += len(name) + len(value.encode("utf-8", "replace"))
        if size > MAX_BYTES:
            break
        first, so_far = joined.get(plain, (name, ""))
        joined[plain] = (first, f"{so_far},{value}" if plain in joined else value)
    return {f"SipHeader_{name}": value for name, value in joined.values()}
