"""Requests to applications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to an application's server, complete with headers."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    connect_timeout_s: float
    read_timeout_s: float
    max_body_bytes: int = 1_048_576
    "A longer answer is cut there, and marked."


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What came back, whatever its status."""

    status: int
    content_type: str
    body: bytes
    too_long: bool = False
    "There was more of it than `max_body_bytes`; what is here is the beginning."


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFailure:
    """No reply: why, in the words of the fallback request's `reason`."""

    reason: str
    "`Connection closed.`, `Connection reset.` or `Socket timeout.`"
    detail: str
    "For people: what exactly happened."


class HttpClient(Protocol):
    """Sends webhooks. Checks the address really dialled, on every redirect (at most 3, method kept)."""

    async def send(self, request: HttpRequest) -> HttpReply | HttpFailure:
        """Send one request; never raises for what the other side does."""
        ...
