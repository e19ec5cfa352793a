"""SIP over TCP: a listener, connections in use, and connections made when they are needed."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from ringline.base import RemoteProtocolError, get_log
from ringline.sip import PING, PONG, Destination, Flow, StreamParser

log = get_log(__name__)
_SWEEP_S: Final = 5.0
_MOST_WAITING: Final = 64

MessageHandler = Callable[[bytes, Flow], None]
LossHandler = Callable[[Flow | Destination], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpLimits:
    """What one stranger, and all together, may hold open."""

    connections: int = 2000
    per_source: int = 200
    first_message_s: float = 15.0
    "How long a new connection may say nothing whole."
    partial_s: float = 30.0
    "How long a message may take to arrive."
    idle_s: float = 3600.0
    "How long a connection may be silent both ways."
    buffered_bytes: int = 262_144
    "Output a slow reader may leave lying; more ends the connection."
    connect_s: float = 5.0


class _Connection(asyncio.Protocol):
    """One connection: bytes to frames, and back."""

    def __init__(self, owner: TcpConnections, *, ours: bool) -> None:
        self._owner = owner
        self._ours = ours
        self._parser = StreamParser()
        self._transport: asyncio.Transport | None = None
        self.flow: Flow | None = None
        self.made_at = self.used_at = owner.now()
        self.partial_since: float | None = None
        self.proved = ours
        "It has sent a whole message, or we made it."

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        remote, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not remote or not local:
            self._transport.abort()
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.flow = self._owner.name_flow((local[0], local[1]), (remote[0], remote[1]))
        if not self._owner.admit(self, ours=self._ours):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        flow = self.flow
        if flow is None or self._transport is None or self._transport.is_closing():
            return
        now = self._owner.now()
        self.used_at = now
        try:
            frames = self._parser.feed(data)
        except RemoteProtocolError as error:
            log.info("a SIP connection was closed", host=flow.remote[0], why=str(error))
            self._transport.abort()
            return
        self.partial_since = (self.partial_since or now) if self._parser.waiting else None
        if frames:
            self.partial_since = now if self._parser.waiting else None
        for frame in frames:
            if frame == PING:
                self.write(PONG)
            else:
                self.proved = True
                self._owner.deliver(frame, flow)

    def write(self, data: bytes) -> None:
        """Send; a peer that does not read is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self.used_at = self._owner.now()
        transport.write(data)
        if transport.get_write_buffer_size() > self._owner.limits.buffered_bytes:
            log.info("a SIP connection was closed", why="the peer does not read")
            transport.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.lost(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def overdue(self, now: float) -> str | None:
        """Why it should be closed, if it should."""
        limits = self._owner.limits
        if not self.proved and now - self.made_at > limits.first_message_s:
            return "no message came"
        if self.partial_since is not None and now - self.partial_since > limits.partial_s:
            return "a message did not end"
        return "it was idle" if now - self.used_at > limits.idle_s else None


@dataclass(slots=True)
class _Connecting:
    """A connection being made, and what waits for it."""

    task: asyncio.Task[None]
    waiting: list[bytes] = field(default_factory=list)


class TcpConnections:
    """All SIP connections of one listener, over TCP or over TLS."""

    def __init__(
        self,
        on_message: MessageHandler,
        on_lost: LossHandler,
        limits: TcpLimits,
        *,
        name: str = "tcp",
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        """With TLS contexts, for those who connect to us and for those we connect to, `name` is `tls`."""
        self.name = name
        self.limits = limits
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._on_message = on_message
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._flows: dict[Flow, _Connection] = {}
        self._peers: dict[tuple[str, int], _Connection] = {}
        self._per_source: dict[str, int] = {}
        self._connecting: dict[Destination, _Connecting] = {}
        self._numbers = itertools.count(1)
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self.local: tuple[str, int] = ("", 0)

    async def listen(self, host: str, port: int) -> None:
        """Accept connections.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await self._loop.create_server(
            lambda: _Connection(self, ours=False), host, port, backlog=256, ssl=self._server_tls
        )
        name = self._server.sockets[0].getsockname()
        self.local = (name[0], name[1])
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def send(self, data: bytes, to: Flow | Destination) -> bool:
        """Send over a connection; to a destination, over an open one or a new one. False: the connection is gone."""
        connection = self._flows.get(to) if isinstance(to, Flow) else self._peers.get(to.remote)
        if connection is not None:
            connection.write(data)
            return True
        if isinstance(to, Flow) or self._closed:
            return False
        connecting = self._connecting.get(to)
        if connecting is None:
            connecting = self._connecting[to] = _Connecting(self._loop.create_task(self._connect(to)))
        if len(connecting.waiting) < _MOST_WAITING:
            connecting.waiting.append(data)
        return True

    async def close(self) -> None:
        """Stop listening and close every connection, after what was written has left."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [connecting.task for connecting in self._connecting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for connection in list(self._flows.values()):
            connection.close()
        await asyncio.sleep(0)

    def __len__(self) -> int:
        return len(self._flows)

    # ── what connections call ──────────────────────────────────────────────────────────────────────────────────────

    def now(self) -> float:
        return self._loop.time()

    def name_flow(self, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        return Flow(self.name, local, remote, next(self._numbers))

    def admit(self, connection: _Connection, *, ours: bool) -> bool:
        """Take a new connection into the books; False when there are too many."""
        flow = connection.flow
        if flow is None or self._closed:
            return False
        source = flow.remote[0]
        held = self._per_source.get(source, 0)
        full = len(self._flows) >= self.limits.connections or held >= self.limits.per_source
        if full and not ours:
            log.warning("a SIP connection was refused", host=source, why="too many connections")
            connection.flow = None
            return False
        self._flows[flow] = connection
        self._peers[flow.remote] = connection
        self._per_source[source] = held + 1
        return True

    def deliver(self, frame: bytes, flow: Flow) -> None:
        self._on_message(frame, flow)

    def lost(self, connection: _Connection) -> None:
        flow = connection.flow
        if flow is None or self._flows.pop(flow, None) is None:
            return
        if self._peers.get(flow.remote) is connection:
            del self._peers[flow.remote]
        left = self._per_source.get(flow.remote[0], 0) - 1
        if left > 0:
            self._per_source[flow.remote[0]] = left
        else:
            self._per_source.pop(flow.remote[0], None)
        if not self._closed:
            self._on_lost(flow)

    # ── our own connections ────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self, to: Destination) -> None:
        connection = _Connection(self, ours=True)
        try:
            async with asyncio.timeout(self.limits.connect_s):
                await self._loop.create_connection(
                    lambda: connection,
                    to.host,
                    to.port,
                    ssl=self._client_tls,
                    local_addr=(self.local[0], 0) if not _is_any(self.local[0]) else None,
                )
        except OSError as error:  # TimeoutError is one
            log.info("a SIP connection could not be made", host=to.host, port=to.port, why=str(error) or "timeout")
            self._connecting.pop(to, None)
            self._on_lost(to)
            return
        for data in self._connecting.pop(to).waiting:
            connection.write(data)

    def _sweep(self) -> None:
        """Close what says nothing, or never comes to an end."""
        now = self.now()
        for connection in list(self._flows.values()):
            why = connection.overdue(now)
            if why is not None:
                log.debug("a SIP connection was closed", why=why)
                connection.abort()
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")
