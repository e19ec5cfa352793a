"""How Google knows who asks: API keys, and tokens of service accounts (OAuth 2.0 server to server; RFC 7523)."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import jwt

from ringline.base import ProviderError
from ringline.providers._cloud import EngineSettings
from ringline.providers._http import HttpApi

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S: Final = 3600
_SPARE_S: Final = 120.0
"A token is renewed so long before it ends."
_MOST_BYTES: Final = 65_536


class ServiceAccount:
    """Asks for a token when there is none that is still good; several callers share one request."""

    def __init__(self, *, email: str, key: str, key_id: str, token_uri: str, http: HttpApi) -> None:
        self._email = email
        self._key = key
        self._key_id = key_id
        self._token_uri = token_uri
        self._http = http
        self._asking = asyncio.Lock()
        self._token = ""
        self._good_until = 0.0

    @classmethod
    def read(cls, path: str, *, http: HttpApi) -> ServiceAccount:
        """Read the JSON file that Google gives out for a service account.

        Raises:
            OSError, ValueError: it cannot be read, or is no such file.
        """
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(found, dict) or found.get("type") != "service_account":
            raise ValueError("it is no key of a service account")
        for name in ("client_email", "private_key", "token_uri"):
            if not isinstance(found.get(name), str):
                raise ValueError(f"it has no {name}")
        return cls(
            email=found["client_email"],
            key=found["private_key"],
            key_id=str(found.get("private_key_id", "")),
            token_uri=found["token_uri"],
            http=http,
        )

    async def token(self) -> str:
        """A token that is good for two minutes at least.

        Raises:
            ProviderError: none is given.
        """
        async with self._asking:
            if time.monotonic() >= self._good_until:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        now = int(time.time())
        claims = {"iss": self._email, "scope": _SCOPE, "aud": self._token_uri, "iat": now, "exp": now + _LIFE_S}
        try:
            # Signing with RSA takes a millisecond or more.
            assertion = await asyncio.to_thread(
                jwt.encode, claims, self._key, algorithm="RS256", headers={"kid": self._key_id}
            )
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ProviderError("google: the private key of the service account cannot be used") from error
        answer = await self._http.json(
            "POST",
            self._token_uri,
            headers=lambda: {"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": _GRANT, "assertion": assertion}).encode(),
            most_bytes=_MOST_BYTES,
        )
        token = answer.get("access_token") if isinstance(answer, dict) else None
        life = answer.get("expires_in", _LIFE_S) if isinstance(answer, dict) else 0
        if not isinstance(token, str) or not isinstance(life, int | float):
            raise ProviderError("google: no access token was given")
        self._token = token
        self._good_until = time.monotonic() + max(0.0, life - _SPARE_S)


class Login:
    """How Google's services know who asks: by an API key, or by the account of a service."""

    def __init__(self, settings: EngineSettings, *, http: HttpApi) -> None:
        """Read `api_key` (or `api_key_file`), else `credentials_file`.

        Raises:
            ConfigError: neither is there, or the file cannot be used.
        """
        self._key = settings.secret("api_key")
        self._account: ServiceAccount | None = None
        if not self._key:
            path = settings.get("credentials_file")
            if not path:
                raise settings.wrong("api_key", "is needed, or credentials_file")
            try:
                self._account = ServiceAccount.read(path, http=http)
            except (OSError, ValueError) as error:
                raise settings.wrong("credentials_file", f"cannot be used: {error}") from error

    async def headers(self) -> dict[str, str]:
        """What goes along with a request.

        Raises:
            ProviderError: no token can be had for the account.
        """
        if self._account is not None:
            return {"Authorization": f"Bearer {await self._account.token()}"}
        return {"X-Goog-Api-Key": self._key}
