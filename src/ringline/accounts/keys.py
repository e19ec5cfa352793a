"""RSA keys of applications: made, checked, and parsed once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ringline.base import RinglineError

KEY_BITS: Final = 2048
_MOST_PEM_BYTES: Final = 16_384
_MOST_BITS: Final = 8192


class PublicKeyError(RinglineError):
    """A public key cannot be used; the text says why and holds no part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A fresh pair; the private half is handed to its owner once and never stored."""

    private_key: str = field(repr=False)
    "PEM, PKCS#8 (`-----BEGIN PRIVATE KEY-----`), without a passphrase."
    public_key: str
    "PEM, SubjectPublicKeyInfo (`-----BEGIN PUBLIC KEY-----`)."


def make_key_pair() -> KeyPair:
    """Make an RSA-2048 pair. Takes tens to hundreds of milliseconds: call it off the event loop."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return KeyPair(
        private_key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        public_key=_public_pem(private.public_key()),
    )


def read_public_key(pem: str) -> str:
    """Check a public key people sent and write it in the usual form.

    Raises:
        PublicKeyError: it is a private key, no PEM, no RSA key, or shorter than 2048 bit.
    """
    return _public_pem(_parse(pem))


class KeyCache:
    """Parsed public keys by their PEM text, the most recently used ones only."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._keys: OrderedDict[str, rsa.RSAPublicKey] = OrderedDict()

    def get(self, pem: str) -> rsa.RSAPublicKey:
        """Return the key, parsed at its first use.

        Raises:
            PublicKeyError: the text is no key we accept.
        """
        key = self._keys.get(pem)
        if key is None:
            key = self._keys[pem] = _parse(pem)
            if len(self._keys) > self._size:
                self._keys.popitem(last=False)
        self._keys.move_to_end(pem)
        return key

    def __len__(self) -> int:
        return len(self._keys)


def decoy_key() -> rsa.RSAPublicKey:
    """A key nobody has the private half of, nobody at all: its modulus is a string of hashes.

    Verifying with it fails after the time any wrong signature takes, so an unknown application cannot be told from one
    whose signature is wrong.
    """
    digits = b"".join(hashlib.sha256(bytes([block])).digest() for block in range(KEY_BITS // 256))
    modulus = int.from_bytes(digits, "big") | 1 << KEY_BITS - 1 | 1
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def _parse(pem: str) -> rsa.RSAPublicKey:
    if len(pem) > _MOST_PEM_BYTES:
        raise PublicKeyError("is too long for a public key")
    if "PRIVATE KEY" in pem:
        raise PublicKeyError("is a private key: give the public one, and keep the private one to yourself")
    try:
        key = serialization.load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PublicKeyError("is not a public key in PEM form (-----BEGIN PUBLIC KEY-----)") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise PublicKeyError("is not an RSA key")
    if not KEY_BITS <= key.key_size <= _MOST_BITS:
        raise PublicKeyError(f"must have {KEY_BITS} to {_MOST_BITS} bit, but has {key.key_size}")
    return key


def _public_pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
