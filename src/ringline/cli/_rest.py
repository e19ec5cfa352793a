"""A small client of the REST API, for the commands: one request at a time, errors as one sentence."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import jwt

from ringline.base import ConfigError, RinglineError

_TIMEOUT_S: Final = 15.0
_MOST_BYTES: Final = 8 * 1024 * 1024
_TOKEN_S: Final = 300


class RestError(RinglineError):
    """The API refused, or could not be reached."""

    def __init__(self, why: str, *, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class Rest:
    """The REST API at one base URL, for one kind of credential."""

    def __init__(self, base_url: str, authorization: Authorization, *, ca_file: Path | None = None) -> None:
        """`ca_file` is a certificate authority to trust besides the system's.

        Raises:
            ConfigError: the URL is none.
        """
        if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).hostname:
            raise ConfigError(f"{base_url!r} is no http or https URL", where="command line", key="--url")
        self.base_url = base_url.rstrip("/")
        self._authorization = authorization
        handlers: list[urllib.request.BaseHandler] = []
        if _is_near(urlsplit(base_url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        if base_url.startswith("https:"):
            context = ssl.create_default_context()
            if ca_file is not None and ca_file.is_file():
                context.load_verify_locations(ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, **query: str | int) -> Any:
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        return self._send("POST", path, json.dumps(document).encode())

    def put(self, path: str, document: Mapping[str, Any]) -> Any:
        return self._send("PUT", path, json.dumps(document).encode())

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path, None)

    def post_form(self, path: str, fields: Mapping[str, str]) -> Any:
        return self._send("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def _send(self, method: str, path: str, body: bytes | None, content_type: str = "application/json") -> Any:
        headers = {"Authorization": self._authorization.header(), "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self.base_url + path, data=body, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as reply:
                return _document(reply.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise RestError(_refusal(error.code, error.read(_MOST_BYTES)), status=error.code) from None
        except urllib.error.URLError as error:
            why = f"{self.base_url} cannot be reached: {_reason(error.reason)}. Is Ringline running there?"
            raise RestError(why) from None
        except (OSError, ValueError) as error:
            raise RestError(f"{self.base_url} did not answer properly: {_reason(error)}") from None


class Authorization:
    """Makes the `Authorization` header of a request."""

    def header(self) -> str:
        raise NotImplementedError


class Basic(Authorization):
    """The account's key and secret, for applications and numbers."""

    def __init__(self, api_key: str, api_secret: str) -> None:
        self._text = "Basic " + base64.b64encode(f"{api_key}:{api_secret}".encode()).decode()

    def header(self) -> str:
        return self._text


class ApplicationToken(Authorization):
    """An application's JWT, fresh for each request, for calls."""

    def __init__(self, application_id: str, key_file: Path) -> None:
        """Read the private key.

        Raises:
            ConfigError: the file cannot be read, or holds no private RSA key.
        """
        self._application_id = application_id
        try:
            self._key = key_file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is no PEM file"
            raise ConfigError(str(why), where=str(key_file), key="private key") from None
        try:
            self.header()
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigError("holds no private RSA key (PEM)", where=str(key_file), key="private key") from error

    def header(self) -> str:
        now = int(time.time())
        claims = {
            "application_id": self._application_id,
            "iat": now,
            "exp": now + _TOKEN_S,
            "jti": str(uuid.uuid4()),
        }
        return "Bearer " + jwt.encode(claims, self._key, algorithm="RS256")


def _is_near(host: str) -> bool:
    """Loopback is never asked through a proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _document(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError:
        raise RestError("the answer is no JSON: does another program listen there?") from None


def _refusal(status: int, body: bytes) -> str:
    """The sentence in an error body, whichever of the API's shapes it has."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return f"the API answered {status}"
    title = document.get("title") or document.get("error_title") or document.get("error-code-label") or ""
    detail = document.get("detail") or ""
    wrong = [
        f"{each.get('name', '?')}: {each.get('reason', '?')}"
        for each in document.get("invalid_parameters") or ()
        if isinstance(each, dict)
    ]
    words = [str(each) for each in (title, detail) if each]
    return (
        f"the API answered {status}: "
        + " – ".join(words or ["no reason given"])
        + "".join(f"\n  {each}" for each in wrong)
    )


def _reason(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).rstrip(".") or type(error).__name__
