"""Signatures of AWS requests, version 4 (AWS: Create a signed AWS API request)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Who signs, and for what."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    region: str
    service: str


def sign(method: str, url: str, *, headers: dict[str, str], body: bytes, keys: Keys, at: datetime) -> dict[str, str]:
    """Give the headers with `Host`, `X-Amz-Date` and `Authorization` (and the session token) added.

    All given headers are signed. `at` is the time in UTC; the service takes a signature for five minutes.
    """
    parts = urlsplit(url)
    moment = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{keys.region}/{keys.service}/aws4_request"
    signed = headers | {"Host": parts.netloc, "X-Amz-Date": moment}
    if keys.session_token:
        signed["X-Amz-Security-Token"] = keys.session_token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join(name for name, _ in lines)
    query = "&".join(
        f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    request = "\n".join(
        (
            method,
            quote(parts.path or "/", safe="/" + _UNRESERVED),
            query,
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    to_sign = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in (moment[:8], keys.region, keys.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{keys.access_key_id}/{scope}"
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return signed | {"Authorization": authorization}
