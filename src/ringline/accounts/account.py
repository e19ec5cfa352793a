"""The account: API key, secrets, and the secret that signs webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One of at most two API secrets that are valid at a time."""

    id: str
    value: str = field(repr=False)
    "Plain, because SIP digest needs it; never shown, logged or returned."
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who owns the applications and numbers of this installation."""

    api_key: str
    secrets: tuple[Secret, ...]
    signature_secret: str = field(repr=False)
    "The HS256 key of signed webhooks."

    def accepts(self, secret: str) -> bool:
        """Whether this is one of the account's secrets; all are compared, so the time tells not which one it was."""
        return sum(same_text(one.value, secret) for one in self.secrets) > 0


def same_text(expected: str, given: str) -> bool:
    """Compare two texts in a time that does not tell where they differ."""
    return hmac.compare_digest(expected.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass"))


def read_basic(authorization: str | None) -> tuple[str, str] | None:
    """Read an `Authorization: Basic` header (RFC 7617) into name and password; None when it is none or is broken."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() != "basic" or len(value) > 4096:
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None
