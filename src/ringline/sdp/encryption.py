"""Keys for encrypted audio in SDP: `a=crypto` (RFC 4568), for SRTP (RFC 3711)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SUITES: Final = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"The suites we speak, the preferred first."
KEY_BYTES: Final = 30
"A master key of 16 bytes and its salt of 14, for both suites."
_TAG: Final = re.compile(r"[0-9]{1,9}")
_LIFETIME: Final = re.compile(r"2\^[0-9]{1,2}|[0-9]{1,15}")
_REPLAY_WINDOW: Final = re.compile(r"WSH=[0-9]{1,5}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """What one offer and answer agreed on: one suite, and a key for each direction."""

    suite: str
    "One of `SUITES`."
    send_key: bytes = field(repr=False)
    "Ours: 30 bytes of master key and salt."
    receive_key: bytes = field(repr=False)
    "The far end's."


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoLine:
    """The value of one `a=crypto` line."""

    tag: int
    "An answer repeats that of the line it takes."
    suite: str
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, value: str) -> CryptoLine | None:
        """Read a line; None when it cannot be used here.

        A line with a key identifier, several keys, or a parameter that is not known is none of ours and has to be
        passed over (RFC 4568 section 6.3.7): one that takes encryption or authentication away most of all.
        """
        words = value.split()
        if len(words) < 3 or not _TAG.fullmatch(words[0]) or words[1].upper() not in SUITES:
            return None
        method, colon, rest = words[2].partition(":")
        inline, *more = rest.split("|")
        # After the key comes its lifetime, if anything; an identifier (`1:4`) would stand in every packet.
        if not colon or method.lower() != "inline" or len(more) > 1 or not all(map(_LIFETIME.fullmatch, more)):
            return None
        if not all(map(_REPLAY_WINDOW.fullmatch, words[3:])):
            return None
        try:
            key = base64.b64decode(inline.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        return cls(tag=int(words[0]), suite=words[1].upper(), key=key) if len(key) == KEY_BYTES else None

    def __str__(self) -> str:
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def choose(offered: Iterable[str], ours: Iterable[tuple[str, bytes]]) -> tuple[CryptoLine, Encryption] | None:
    """The first of these lines that we can use, and what is agreed by it.

    One that shows our own key is nobody's: he who says it has nothing but what we told him.
    """
    keys = dict(ours)
    for value in offered:
        line = CryptoLine.parse(value)
        key = keys.get(line.suite) if line is not None else None
        if line is not None and key is not None and line.key not in keys.values():
            return line, Encryption(suite=line.suite, send_key=key, receive_key=line.key)
    return None
