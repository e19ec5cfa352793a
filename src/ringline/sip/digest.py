"""Digest authentication: the sums and words both sides share (RFC 7616, RFC 2617, RFC 8760)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip.params import split_outside_quotes, unquote

_MAX_VALUE: Final = 4096


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


HASHES: Final[dict[str, Callable[[bytes], str]]] = {"SHA-256": _sha256, "MD5": _md5}
"What we can compute, best first; `-sess` variants use the same sums."


@dataclass(frozen=True, slots=True)
class KeptSums:
    """Stands for passwords that nobody keeps: H(username:realm:password) by algorithm; any of them may be right."""

    by_algorithm: Mapping[str, Sequence[str]]
    "`MD5` and `SHA-256`, hexadecimal."

    def for_algorithm(self, algorithm: str) -> Sequence[str]:
        return self.by_algorithm.get(algorithm.removesuffix("-SESS"), ())


@dataclass(frozen=True, slots=True)
class DigestWords:
    """The parameters of a challenge or of credentials."""

    params: dict[str, str]
    "Names in lower case, values without quotes."

    @classmethod
    def parse(cls, value: str) -> DigestWords:
        """Read `Digest a=b, c="d, e"`.

        Raises:
            RemoteProtocolError: another scheme, or too long.
        """
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() != "digest" or len(value) > _MAX_VALUE:
            raise RemoteProtocolError("not a Digest header that can be read")
        params: dict[str, str] = {}
        for piece in split_outside_quotes(rest, ","):
            name, equals, text = piece.partition("=")
            if equals and name.strip():
                params.setdefault(name.strip().lower(), unquote(text))
        return cls(params)

    def get(self, name: str) -> str:
        return self.params.get(name, "")

    @property
    def algorithm(self) -> str:
        """Upper case; MD5 when not said."""
        return (self.params.get("algorithm") or "MD5").upper()

    @property
    def qops(self) -> list[str]:
        return [word.strip().lower() for word in self.get("qop").split(",") if word.strip()]


def digest_response(
    *,
    algorithm: str,
    username: str,
    realm: str,
    password: str = "",
    kept: str | None = None,
    method: str,
    uri: str,
    nonce: str,
    nc: str = "",
    cnonce: str = "",
    qop: str = "",
    body: bytes = b"",
) -> str:
    """Compute `response` (RFC 7616 section 3.4.1); without `qop` as RFC 2069 did.

    `kept` is H(username:realm:password), for those who keep that instead of the password.

    Raises:
        RemoteProtocolError: an algorithm we do not know.
    """
    base = algorithm.removesuffix("-SESS")
    if base not in HASHES:
        raise RemoteProtocolError("an unknown digest algorithm")
    hash_ = HASHES[base]

    def sum_(*parts: str) -> str:
        return hash_(":".join(parts).encode())

    a1 = kept if kept is not None else sum_(username, realm, password)
    if base != algorithm:
        a1 = sum_(a1, nonce, cnonce)
    a2 = sum_(method, uri, hash_(body)) if qop == "auth-int" else sum_(method, uri)
    return sum_(a1, nonce, nc, cnonce, qop, a2) if qop else sum_(a1, nonce, a2)
