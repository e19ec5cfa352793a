"""Challenging strangers, and checking their answers.

A nonce carries its own time and a seal (HMAC) that binds it to the address it was given to: nothing is stored for those
who only ask. Only nonces that were used with the right password are remembered, in a table of bounded size, to refuse
the same answer twice.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ringline.base import Random, RemoteProtocolError
from ringline.sip.digest import DigestWords, KeptSums, digest_response
from ringline.sip.params import quote

_SEAL_BYTES: Final = 16
_NONCE_BYTES: Final = 8 + 8 + _SEAL_BYTES
_LAST_COUNT: Final = 2**32


@dataclass(frozen=True, slots=True)
class Verified:
    """The answer is right."""

    username: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The nonce is too old, not ours, or this answer was used before: ask again with `stale=true`."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fresh nonce of ours, answered with the wrong name or password."""


@dataclass(frozen=True, slots=True)
class Missing:
    """No answer that we can read."""


Verdict = Verified | Stale | Wrong | Missing


class DigestServer:
    """Digest on the server's side."""

    def __init__(
        self,
        realm: str,
        random: Random,
        *,
        algorithms: tuple[str, ...] = ("MD5", "SHA-256"),
        lifetime_s: float = 300.0,
        remembered: int = 10_000,
    ) -> None:
        """`algorithms` in the order they are offered.

        RFC 8760 puts the best on top, but there are phones and test tools that read the first challenge only and give
        up over SHA-256; those that can do better choose it from the second place too.
        """
        self._realm = realm
        self._random = random
        self._algorithms = algorithms
        self._key = random.bytes(32)
        self._lifetime_ms = int(lifetime_s * 1000)
        self._remembered = remembered
        self._used: OrderedDict[str, tuple[int, int]] = OrderedDict()
        # Nonces made up to this moment that are not in the table may have been dropped from it.
        self._forgotten_until_ms = -1

    def challenges(self, source: str, *, now: float, stale: bool = False) -> list[str]:
        """The values of WWW-Authenticate, one for each algorithm; all carry one nonce."""
        nonce = self._make_nonce(source, now)
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm={quote(self._realm)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}'
            for algorithm in self._algorithms
        ]

    def verify(
        self,
        headers: list[str],
        *,
        method: str,
        source: str,
        secrets: Callable[[str], str | KeptSums | None],
        now: float,
    ) -> Verdict:
        """Check the Authorization headers of a request.

        The `uri` they name is part of the sum but need not equal the Request-URI, which proxies rewrite.
        """
        words = self._mine(headers)
        if words is None:
            return Missing()
        nonce, nc_text = words.get("nonce"), words.get("nc")
        made_ms = self._nonce_time(nonce, source)
        if made_ms is None or not 0 <= int(now * 1000) - made_ms <= self._lifetime_ms:
            return Stale()
        if words.algorithm not in self._algorithms:
            return Missing()
        # Old phones and some libraries leave qop out (RFC 2617 section 3.2.2 lets them). Such an answer cannot be
        # counted, so it uses its nonce up.
        if not words.get("qop"):
            nc = _LAST_COUNT
        elif words.qops == ["auth"] and len(nc_text) == 8 and _is_hex(nc_text) and words.get("cnonce"):
            nc = int(nc_text, 16)
        else:
            return Missing()
        username = words.get("username")
        secret = secrets(username)
        try:
            right = self._is_right(words, secret, method)
        except RemoteProtocolError:
            return Missing()
        if not right:
            return Wrong()
        return Verified(username) if self._fresh(nonce, nc, made_ms) else Stale()

    def _is_right(self, words: DigestWords, secret: str | KeptSums | None, method: str) -> bool:
        """Whether the response is right.

        An unknown name costs the same time and gives the same answer as a wrong password.
        """
        given = words.get("response").lower().encode()
        sums: Sequence[str | None] = [None]
        if isinstance(secret, KeptSums):
            sums = secret.for_algorithm(words.algorithm)
        found = False
        for kept in sums:
            expected = digest_response(
                algorithm=words.algorithm,
                username=words.get("username"),
                realm=self._realm,
                password=secret if isinstance(secret, str) else "\0",
                kept=kept,
                method=method,
                uri=words.get("uri"),
                nonce=words.get("nonce"),
                nc=words.get("nc"),
                cnonce=words.get("cnonce"),
                qop="auth" if words.get("qop") else "",
            )
            found |= hmac.compare_digest(given, expected.encode())
        return found and secret is not None

    def _mine(self, headers: list[str]) -> DigestWords | None:
        for value in headers:
            try:
                words = DigestWords.parse(value)
            except RemoteProtocolError:
                continue
            if words.get("realm") == self._realm:
                return words
        return None

    def _fresh(self, nonce: str, nc: int, made_ms: int) -> bool:
        """Whether this use of a nonce is a new one; takes note of it."""
        if nonce in self._used:
            if nc <= self._used[nonce][0]:
                return False
        elif made_ms <= self._forgotten_until_ms:
            return False
        self._used[nonce] = (nc, made_ms)
        self._used.move_to_end(nonce)
        while len(self._used) > self._remembered:
            _, (_, old_ms) = self._used.popitem(last=False)
            self._forgotten_until_ms = max(self._forgotten_until_ms, old_ms)
        return True

    def _make_nonce(self, source: str, now: float) -> str:
        plain = int(now * 1000).to_bytes(8, "big") + self._random.bytes(8)
        return (plain + self._seal(plain, source)).hex()

    def _nonce_time(self, nonce: str, source: str) -> int | None:
        """When a nonce was made, in milliseconds; None when we did not make it for this address."""
        if len(nonce) != 2 * _NONCE_BYTES or not _is_hex(nonce):
            return None
        raw = bytes.fromhex(nonce)
        plain, seal = raw[:16], raw[16:]
        if not hmac.compare_digest(seal, self._seal(plain, source)):
            return None
        return int.from_bytes(plain[:8], "big")

    def _seal(self, plain: bytes, source: str) -> bytes:
        return hmac.digest(self._key, plain + source.encode(), "sha256")[:_SEAL_BYTES]


def _is_hex(text: str) -> bool:
    return bool(text) and all(char in "0123456789abcdefABCDEF" for char in text)
