"""The account: API key, secrets, and the secret that signs webhooks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from ringline.accounts.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who owns the applications and numbers of this installation."""

    api_key: str
    secrets: tuple[Secret, ...]
    signature_secret: str = field(repr=False)
    "The HS256 key of signed webhooks."

    def accepts(self, secret: str) -> bool:
        """Whether this is one of the account's secrets; all are compared, so the time tells not which one it was."""
        return sum(one.matches(secret) for one in self.secrets) > 0

    def sip_sums(self, realm: str) -> Mapping[str, tuple[str, ...]]:
        """What a SIP digest login with the API key is checked against, by algorithm: one sum for each secret."""
        usable = [one for one in self.secrets if one.realm == realm]
        return {name: tuple(one.sums[name] for one in usable) for name in ("MD5", "SHA-256")}


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
