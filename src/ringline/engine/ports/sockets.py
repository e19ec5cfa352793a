"""WebSocket far ends as the engine sees them: dial plans in, events out; the audio flows elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ringline.base import LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlan:
    """A WebSocket to be opened."""

    url: str
    "`ws://` or `wss://`, with path and query."
    rate_hz: int
    "Samples per second, both ways: 8000, 16 000 or 24 000."
    hello: str
    "The first text message."
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    "More headers of the request: they may hold secrets."


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOpened:
    """The handshake is done: audio flows both ways."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFailed:
    """The socket will never be open."""

    leg: LegId
    cause: Literal["unreachable", "timeout", "refused"]
    "No address or nobody there; no answer in time; an answer that is no 101, or a certificate nobody knows."
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketClosed:
    """It was open; the application has closed it, or the connection died. Not: we closed it."""

    leg: LegId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOverflowed:
    """More audio was sent ahead than is kept; told once until half of it was played."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRemarked:
    """The application did something odd; each oddity is told once per socket."""

    leg: LegId
    what: str


SocketEvent = SocketOpened | SocketFailed | SocketClosed | SocketOverflowed | SocketRemarked


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketCounters:
    """What one socket's audio amounted to, in frames of 20 ms."""

    sent: int
    received: int
    unread: int
    "Ours that the application did not read in time."
    skipped: int
    "Ours left out because this machine was too busy."
    overflowed: int
    "Its audio for which there was no room."
    cleared: int
    "Its audio dropped by `clear`."
    ignored: int
    "Messages that mean nothing."
    buffered: int
    "What waits to be played now."
    most_buffered: int


class Sockets(Protocol):
    """Opens WebSockets as legs of the media core. Every method returns at once; results are events."""

    def listen(self, receive: Callable[[SocketEvent], None]) -> None:
        """Name who takes the events, on the event loop."""
        ...

    def open(self, leg: LegId, plan: SocketPlan) -> None:
        """Dial; ends with `SocketOpened` or `SocketFailed`. From now on the media core has the leg."""
        ...

    def say(self, leg: LegId, text: str) -> None:
        """Send a text message in its turn; a socket that is not open takes none."""
        ...

    def counters(self, leg: LegId) -> SocketCounters | None:
        """The socket's counters now; None when it was never dialled."""
        ...

    def close(self, leg: LegId, code: int) -> None:
        """Close it with this code (RFC 6455 section 7.4), or give up dialling. Nothing is told of it any more."""
        ...
