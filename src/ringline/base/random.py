"""Chance, handed in: a `Random` makes ids, tags, branches and SSRCs, so that a test or a replay can repeat it."""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Protocol

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_STOCK = 4096


class Random(Protocol):
    """A source of random bytes."""

    def bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class SystemRandom:
    """The operating system's random bytes, fetched by the kilobyte: each fetch lets go of the interpreter's lock, and
    has to wait for it again. No byte is given out twice, to whatever thread; a process that forks must not share one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stock = b""
        self._used = 0

    def bytes(self, count: int) -> bytes:
        with self._lock:
            end = self._used + count
            if end > len(self._stock):
                self._stock, self._used, end = secrets.token_bytes(max(_STOCK, count)), 0, count
            given = self._stock[self._used : end]
            self._used = end
            return given


class SeededRandom:
    """Bytes that follow from a seed: SHA-256 in counter mode, so ids made from it cannot be guessed without the seed.

    `used` is the number of blocks taken so far; with the seed it is the whole state.
    """

    def __init__(self, seed: bytes, used: int = 0) -> None:
        self._seed = seed
        self.used = used

    def bytes(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            out += hashlib.sha256(self._seed + self.used.to_bytes(8, "big")).digest()
            self.used += 1
        return out[:count]


def token(random: Random, length: int) -> str:
    """Return `length` characters of [0-9a-z]; good for SIP tags and branches."""
    return "".join(_ALPHABET[byte % 36] for byte in random.bytes(length))


def integer(random: Random, below: int) -> int:
    """Return a number in [0, below). The bias is below 2**-32 for `below` up to 2**32."""
    return int.from_bytes(random.bytes(8), "big") % below


def uuid4(random: Random) -> str:
    """Return a version 4 UUID in its usual lower-case form with dashes (RFC 9562)."""
    given = random.bytes(16)
    digits = given.hex()
    variant = "89ab"[given[8] >> 4 & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
