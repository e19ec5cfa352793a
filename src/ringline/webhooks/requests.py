"""From a payload and a hook to a request: method, URL, headers and exact body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from ringline import __version__
from ringline.webhooks.writing import to_json

USER_AGENT: Final = f"ringline/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A URL of the application, and how it is called."""

    url: str
    method: str = "POST"
    "`GET` or `POST`."
    connect_timeout_s: float = 1.0
    read_timeout_s: float = 10.0
    "Until the answer is complete; 5 s for answer, onAnswer, transfer and fallback URLs, 10 s for events."


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One request, complete but for its signature."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    "None for GET."

    @property
    def signed_bytes(self) -> bytes:
        """What `sign` takes as the body: of GET, nothing."""
        return self.body or b""

    def authorized(self, token: str) -> WebhookRequest:
        """The same request with its token."""
        return WebhookRequest(
            method=self.method,
            url=self.url,
            headers=(*self.headers, ("Authorization", f"Bearer {token}")),
            body=self.body,
        )


def build_request(hook: Hook, payload: Mapping[str, Any]) -> WebhookRequest:
    """Write a payload for a hook: as JSON for POST, as query parameters for GET.

    In a query, objects and lists are JSON, booleans `true` and `false`, nulls left out; the URL's own query is kept.
    """
    common = (("User-Agent", USER_AGENT), ("Accept", "application/json"))
    if hook.method == "GET":
        return WebhookRequest(method="GET", url=_with_parameters(hook.url, payload), headers=common, body=None)
    return WebhookRequest(
        method=hook.method,
        url=hook.url,
        headers=(("Content-Type", "application/json"), *common),
        body=to_json(payload),
    )


def _with_parameters(url: str, payload: Mapping[str, Any]) -> str:
    query = "&".join(
        f"{quote(name, safe='', errors='replace')}={quote(_parameter(value), safe='', errors='replace')}"
        for name, value in payload.items()
        if value is not None
    )
    base, hash_, fragment = url.partition("#")
    if not query:
        return url
    if "?" not in base:
        base += "?"
    elif not base.endswith(("?", "&")):
        base += "&"
    return f"{base}{query}{hash_}{fragment}"


def _parameter(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else to_json(value).decode()
