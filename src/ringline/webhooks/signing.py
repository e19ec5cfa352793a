"""The token that proves to an application that a webhook is ours (webhook reference: signed webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from ringline.base import Random, uuid4
from ringline.webhooks.writing import to_json

ISSUER: Final = "Vonage"
"What the verifying helpers of the official client libraries expect."
STRONG_SECRET_BYTES: Final = 32
"Shorter secrets work; whoever configures one should be told (RFC 7518 section 3.2)."


def sign(*, secret: str, api_key: str, application_id: str, body: bytes, wallclock: datetime, random: Random) -> str:
    """Make the token for one request: HS256 with the account's signature secret; every retry gets its own.

    `body` is exactly what is sent, empty for GET and for the `vonage` authorization of a WebSocket. The token has no
    `exp` and no `aud`, and `iat` is rounded down: verifiers refuse a token from the future.

    Raises:
        ValueError: the secret is empty.
    """
    if not secret:
        raise ValueError("the signature secret is empty")
    claims: dict[str, Any] = {
        "iat": int(wallclock.timestamp()),
        "jti": uuid4(random),
        "iss": ISSUER,
        "payload_hash": payload_hash(body),
        "api_key": api_key,
        "application_id": application_id,
    }
    head = _HEADER + _base64url(to_json(claims))
    # By hand: jwt.encode would warn about a short secret with every webhook, and refuse one that looks like a key file.
    signing = _keyed(secret).copy()
    signing.update(head)
    signature = signing.digest()
    return (head + b"." + _base64url(signature)).decode("ascii")


@lru_cache(maxsize=64)
def _keyed(secret: str) -> hmac.HMAC:
    """The beginning of every signature with a secret.

    A copy of it costs half of what a new one does, and does not let go of the interpreter's lock as `hmac.digest` does:
    on a busy machine the event loop waited longer for it to come back than the signature takes.
    """
    return hmac.new(secret.encode("utf-8", "surrogateescape"), digestmod="sha256")


def payload_hash(body: bytes) -> str:
    """SHA-256 of the exact bytes sent, in lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


_HEADER: Final = _base64url(to_json({"alg": "HS256", "typ": "JWT"})) + b"."
