"""WebSockets as the engine sees them: `ringline.engine.ports.Sockets` over the Rust module `ringline._media`.

Names are looked up and addresses judged here, on the event loop; handshake, frames and audio are the core's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, cast

from aiohttp.abc import AbstractResolver
from yarl import URL

from ringline._media import SocketEvent as _Event
from ringline._media import Sockets as _Core
from ringline.base import ConfigError, LegId, MediaError, get_log
from ringline.engine.ports import (
    SocketClosed,
    SocketCounters,
    SocketEvent,
    SocketFailed,
    SocketOpened,
    SocketOverflowed,
    SocketPlan,
    SocketRemarked,
)
from ringline.io.addresses import CheckedResolver
from ringline.io.media import MediaCore

HANDSHAKE_S: Final = 6.0
_BATCH: Final = 256
_MOST_ADDRESSES: Final = 8
"A name with more addresses is tried at the first ones."
_log = get_log("ringline.sockets")


class CoreSockets:
    """Implements `Sockets`. Make it, `start` it on a running loop after the media core, `shut_down` before that."""

    def __init__(
        self,
        media: MediaCore,
        *,
        allow_private: bool = False,
        authorities: Path | None = None,
        threads: int = 0,
        handshake_s: float = HANDSHAKE_S,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Take the settings; nothing runs yet.

        `allow_private` lets sockets be dialled at loopback and private addresses (never at metadata services),
        `authorities` is a PEM file of those who may sign `wss` certificates besides the system's, and `threads` 0 is
        one per core.
        """
        self._media = media
        self._resolver = CheckedResolver(allow_private=allow_private, inner=resolver)
        self._authorities = authorities
        self._threads = threads
        self._handshake_s = handshake_s
        self._core: _Core | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receive: Callable[[SocketEvent], None] | None = None
        self._dialling: dict[LegId, asyncio.Task[None]] = {}
        self._numbers: dict[LegId, int] = {}
        self._legs: dict[int, LegId] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads and take their events on `loop`.

        Raises:
            ConfigError: the file of authorities cannot be read or used, or no descriptors are left.
        """
        try:
            pem = self._authorities.read_bytes() if self._authorities is not None else None
            core = _Core(threads=self._threads, handshake_ms=round(self._handshake_s * 1000), authorities_pem=pem)
        except (OSError, ValueError) as error:
            raise ConfigError(str(error), where="settings", key="websockets.ca_file") from error
        self._core, self._loop = core, loop
        loop.add_reader(core.fileno(), self._poll)

    def shut_down(self) -> None:
        """Close all sockets and end the threads. A second call does nothing."""
        if self._core is None or self._loop is None:
            return
        for task in self._dialling.values():
            task.cancel()
        self._loop.remove_reader(self._core.fileno())
        self._core.shutdown()
        self._core = self._loop = None
        for table in (self._dialling, self._numbers, self._legs):
            table.clear()

    def listen(self, receive: Callable[[SocketEvent], None]) -> None:
        """Name who takes the events."""
        self._receive = receive

    # ── sockets ──

    def open(self, leg: LegId, plan: SocketPlan) -> None:
        """Look the host up and dial; ends with `SocketOpened` or `SocketFailed`."""
        task = self._dialling[leg] = asyncio.get_running_loop().create_task(self._dial(leg, plan), name=f"dial:{leg}")
        task.add_done_callback(lambda _: self._dialling.pop(leg, None))

    async def _dial(self, leg: LegId, plan: SocketPlan) -> None:
        try:
            url = URL(plan.url)
            addresses = await self._look_up(url)
        except TimeoutError:
            self._tell(SocketFailed(leg=leg, cause="timeout", why="its name was not found in time"))
            return
        except (OSError, ValueError) as error:
            self._tell(SocketFailed(leg=leg, cause="unreachable", why=str(error)))
            return
        if self._core is None:
            return
        try:
            number, line = self._core.dial(
                addresses=addresses,
                host=url.raw_host or "",
                port=url.port or 0,
                secure=url.scheme == "wss",
                path=url.raw_path_qs,
                headers=list(plan.headers),
                rate_hz=plan.rate_hz,
                hello=plan.hello,
            )
        except ValueError as error:
            self._tell(SocketFailed(leg=leg, cause="refused", why=str(error)))
            return
        self._numbers[leg], self._legs[number] = number, leg
        try:
            self._media.adopt(leg, line)
        except MediaError as error:
            self.close(leg, 1011)
            self._tell(SocketFailed(leg=leg, cause="refused", why=str(error)))

    async def _look_up(self, url: URL) -> list[str]:
        """The addresses to dial, all of them allowed.

        Raises:
            AddressRefused: none of them is.
            OSError: the name is not known.
            ValueError: the URL cannot be used.
        """
        if url.scheme not in ("ws", "wss") or not url.raw_host or not url.port:
            raise ValueError("a ws or wss URL is needed")
        async with asyncio.timeout(self._handshake_s):
            found = await self._resolver.resolve(url.raw_host, url.port)
        addresses = list(dict.fromkeys(result["host"].partition("%")[0] for result in found))[:_MOST_ADDRESSES]
        if not addresses:
            raise OSError(f"{url.raw_host} has no address")
        return addresses

    def say(self, leg: LegId, text: str) -> None:
        """Send a text message in its turn."""
        if leg in self._numbers and self._core is not None:
            self._core.say(self._numbers[leg], text)

    def counters(self, leg: LegId) -> SocketCounters | None:
        """The socket's counters now."""
        counters = self._core.counters(self._numbers[leg]) if leg in self._numbers and self._core is not None else None
        if counters is None:
            return None
        return SocketCounters(
            sent=counters.sent,
            received=counters.received,
            unread=counters.unread,
            skipped=counters.skipped,
            overflowed=counters.overflowed,
            cleared=counters.cleared,
            ignored=counters.ignored,
            buffered=counters.buffered,
            most_buffered=counters.most_buffered,
        )

    def close(self, leg: LegId, code: int) -> None:
        """Close the socket, or give up dialling; nothing is told of it any more."""
        task = self._dialling.pop(leg, None)
        if task is not None:
            task.cancel()
        number = self._numbers.pop(leg, None)
        if number is not None and self._core is not None:
            self._legs.pop(number, None)
            self._core.close(number, code)

    def gauges(self) -> Mapping[str, float]:
        """Figures for `/metrics`, by name; empty when it does not run."""
        return {} if self._core is None else self._core.gauges()

    # ── events ──

    def _poll(self) -> None:
        if self._core is None:
            return
        for event in self._core.poll(_BATCH):
            leg = self._legs.get(event.id)
            if leg is not None:
                self._tell(_translated(leg, event))

    def _tell(self, event: SocketEvent) -> None:
        if self._receive is None:
            return
        try:
            self._receive(event)
        except Exception as error:  # one listener's bug must not cost the others their events
            _log.error("socket event was not taken", exc=error, kind=type(event).__name__)


def _translated(leg: LegId, event: _Event) -> SocketEvent:
    match event.kind:
        case "opened":
            return SocketOpened(leg=leg)
        case "failed":
            cause = cast('Literal["unreachable", "timeout", "refused"]', event.cause)
            return SocketFailed(leg=leg, cause=cause, why=event.why)
        case "closed":
            return SocketClosed(leg=leg, why=event.why)
        case "overflowed":
            return SocketOverflowed(leg=leg)
        case "remarked":
            return SocketRemarked(leg=leg, what=event.why)
