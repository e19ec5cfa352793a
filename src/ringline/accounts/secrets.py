"""API secrets: what is kept of them, and what they must look like. The secret itself is kept nowhere.

A secret is compared in two ways: as a whole at the REST API, and as the password of a SIP digest login with the API key
as user name. For the first a salted hash is enough. For the second the sums H(key:realm:secret) of RFC 7616 are kept,
one for each algorithm; a slow hash for the first would protect nothing while these are beside it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

MOST_SECRETS: Final = 2
"How many secrets of an account are good at a time, so that they can be changed one after the other."
SALT_BYTES: Final = 16
_LENGTHS: Final = range(8, 26)
_NEEDED: Final = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]")))
_SUMS: Final = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What is kept of one API secret."""

    id: str
    "A UUID."
    salt: str = field(repr=False)
    "Hexadecimal."
    hash: str = field(repr=False)
    "SHA-256 over salt and secret, hexadecimal."
    realm: str
    "The SIP realm the sums are for: they are of no use in another."
    sums: Mapping[str, str] = field(repr=False)
    "`MD5` and `SHA-256`: H(key:realm:secret), hexadecimal (RFC 7616 section 3.4.2)."
    created_at: datetime

    def matches(self, given: str) -> bool:
        """Whether this is the secret; takes the same time wherever they differ."""
        return hmac.compare_digest(self.hash, _hash(self.salt, given))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSecret:
    """A secret as a store keeps it."""

    api_key: str
    secret: Secret
    configured: bool = False
    "It stands in the settings; one made through the API does not."
    revoked: bool = False
    "No longer good. Only a configured one is kept then, so that it does not come back with the next start."


def make_secret(
    value: str, *, api_key: str, realm: str, id: str, salt: bytes, created_at: datetime = _LONG_AGO
) -> Secret:
    """What is kept of a secret. `salt` is `SALT_BYTES` of chance."""
    return Secret(
        id=id,
        salt=salt.hex(),
        hash=_hash(salt.hex(), value),
        realm=realm,
        sums=sip_sums(api_key, realm, value),
        created_at=created_at,
    )


def sip_sums(username: str, realm: str, password: str) -> dict[str, str]:
    """What a SIP digest login is checked against in place of the password (RFC 7616 section 3.4.2), by algorithm."""
    words = f"{username}:{realm}:{password}".encode("utf-8", "surrogatepass")
    return {name: make(words, usedforsecurity=name != "MD5").hexdigest() for name, make in _SUMS.items()}


def is_strong(value: str) -> bool:
    """Whether a new secret is as it must be: 8 to 25 characters, a lower and an upper case letter and a digit."""
    return (
        len(value) in _LENGTHS and value.isprintable() and all(needed.search(value) is not None for needed in _NEEDED)
    )


def _hash(salt: str, value: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + value.encode("utf-8", "surrogatepass")).hexdigest()
