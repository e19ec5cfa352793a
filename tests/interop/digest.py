"""HTTP digests as RFC 7616 says, worked out apart from Ringline's own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

_HASHES: Final = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def read(value: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials."""
    return {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', value)}


def response(given: Mapping[str, str], *, method: str, user: str, password: str) -> str:
    """The `response` for these parameters: `algorithm`, `realm`, `nonce`, `nc`, `cnonce`, `qop` and `uri`."""
    hashed = _HASHES[given["algorithm"]]

    def digest(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    ha1, ha2 = digest(f"{user}:{given['realm']}:{password}"), digest(f"{method}:{given['uri']}")
    return digest(":".join((ha1, given["nonce"], given["nc"], given["cnonce"], given["qop"], ha2)))


def credentials(challenge: str, *, method: str, uri: str, user: str, password: str) -> str:
    """What to say to a challenge."""
    asked = read(challenge)
    given = {
        "realm": asked["realm"],
        "nonce": asked["nonce"],
        "algorithm": asked["algorithm"],
        "uri": uri,
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    }
    plain = ("algorithm", "qop", "nc")
    said = [f"{name}={value}" if name in plain else f'{name}="{value}"' for name, value in given.items()]
    answer = response(given, method=method, user=user, password=password)
    return f'Digest username="{user}", ' + ", ".join(said) + f', response="{answer}"'
