"""One SIP connection over TCP, TLS or WebSocket: bytes to frames and back, and when it is to be closed."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Protocol, cast

from ringline.base import RemoteProtocolError, get_log
from ringline.io.sip.framing import Framing
from ringline.io.sip.tls import TlsContexts
from ringline.sip import PING, PONG, Destination, Flow

log = get_log(__name__)


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
    probe_s: float = 25.0
    "How long a WebSocket may say nothing before it is pinged."
    answer_s: float = 20.0
    "How long it may take to answer that."
    buffered_bytes: int = 262_144
    "Output a slow reader may leave lying; more ends the connection."
    connect_s: float = 5.0
    handshake_s: float = 10.0
    "How long a TLS handshake may take."
    handshakes: int = 500
    "Of others with us, at the same time."
    handshakes_per_source: int = 50


class ConnectionOwner(Protocol):
    """Who keeps all connections of a listener, as one of them sees it."""

    limits: TcpLimits
    tls: TlsContexts | None

    def framing(self) -> Framing:
        """What cuts messages out of one connection."""
        ...

    def now(self) -> float:
        """Seconds on the loop's clock."""
        ...

    def name_flow(self, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        """A name for a connection between these addresses, never given before."""
        ...

    def admit(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Whether it may stay."""
        ...

    def shake(self, connection: Connection, transport: asyncio.Transport) -> None:
        """Begin TLS with somebody who has connected."""
        ...

    def deliver(self, frame: bytes, flow: Flow) -> None:
        """Take a whole message."""
        ...

    def lost(self, connection: Connection) -> None:
        """It is gone."""
        ...


class Connection(asyncio.Protocol):
    """One connection: bytes to frames, and back."""

    def __init__(self, owner: ConnectionOwner, *, to: Destination | None = None) -> None:
        """`to` is where we connect to; None: somebody connects to us."""
        self._owner = owner
        self.to = to
        self._framing = owner.framing()
        self._transport: asyncio.Transport | None = None
        self.flow: Flow | None = None
        self.made_at = self.used_at = self.heard_at = owner.now()
        self.partial_since: float | None = None
        self.proved = to is not None
        "It has sent a whole message, or we made it."
        self.shaking = to is None and owner.tls is not None
        "TLS has not begun yet."
        self._early = b""
        "What came with the end of the handshake."

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
        if not self._owner.admit(self, self._transport):
            self._transport.abort()
        elif self.shaking:
            self._transport.pause_reading()
            self._owner.shake(self, self._transport)

    def encrypted(self, transport: asyncio.Transport) -> None:
        """The handshake is done: what is said from here on is private."""
        self._transport, self.shaking = transport, False
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        flow = self.flow
        if flow is None or self._transport is None or self._transport.is_closing():
            return
        if self.shaking:
            self._early += data
            return
        now = self._owner.now()
        self.used_at = self.heard_at = now
        framing = self._framing
        try:
            frames = framing.feed(data)
        except RemoteProtocolError as error:
            log.info("a SIP connection was closed", host=flow.remote[0], why=str(error))
            self._transport.abort()
            return
        self.partial_since = (self.partial_since or now) if framing.waiting else None
        if frames:
            self.partial_since = now if framing.waiting else None
        self.proved = self.proved or framing.ready
        self._put(framing.drain())
        for frame in frames:
            if frame == PING:
                self.write(PONG)
            else:
                self.proved = True
                self._owner.deliver(frame, flow)
        if framing.over:
            log.info("a SIP connection was closed", host=flow.remote[0], why="the WebSocket is over")
            self._transport.close()

    def write(self, message: bytes) -> None:
        """Send; a peer that does not read is cut off."""
        if self._transport is not None and not self._transport.is_closing() and not self.shaking:
            self.used_at = self._owner.now()
            self._put(self._framing.wrap(message))

    def _put(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or self.shaking or not data:
            return
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
        self._put(self._framing.goodbye())
        if self._transport is not None:
            self._transport.close()

    def probe(self, now: float) -> None:
        """Have a far end that was silent for long show that it is there; this keeps NATs on the way open, too."""
        if now - self.heard_at >= self._owner.limits.probe_s:
            self._put(self._framing.probe())

    def overdue(self, now: float) -> str | None:
        """Why it should be closed, if it should."""
        limits = self._owner.limits
        if not self.proved and now - self.made_at > limits.first_message_s:
            return "no message came"
        if self.partial_since is not None and now - self.partial_since > limits.partial_s:
            return "a message did not end"
        if self._framing.ready and now - self.heard_at > limits.probe_s + limits.answer_s:
            return "it answers no ping"
        return "it was idle" if now - self.used_at > limits.idle_s else None
