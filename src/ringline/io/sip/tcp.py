"""SIP over TCP, TLS and WebSocket: a listener, connections in use, and connections made when they are needed."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from ringline.base import get_log
from ringline.io.sip.connection import Connection, TcpLimits
from ringline.io.sip.framing import Framing, StreamFraming
from ringline.io.sip.tls import TlsContexts
from ringline.sip import Destination, Flow

log = get_log(__name__)
_SWEEP_S: Final = 5.0
_MOST_WAITING: Final = 64
_MOST_NAMES: Final = 1000
_GOODBYE_S: Final = 0.5

MessageHandler = Callable[[bytes, Flow], None]
LossHandler = Callable[[Flow | Destination], None]


@dataclass(slots=True)
class _Connecting:
    """A connection being made, and what waits for it."""

    task: asyncio.Task[None]
    waiting: list[bytes] = field(default_factory=list)


class TcpConnections:
    """All SIP connections of one listener, over TCP, over TLS, or WebSockets over either."""

    def __init__(
        self,
        on_message: MessageHandler,
        on_lost: LossHandler,
        limits: TcpLimits,
        *,
        name: str = "tcp",
        tls: TlsContexts | None = None,
        framing: Callable[[], Framing] = StreamFraming,
    ) -> None:
        """With `tls`, `name` is `tls`, or `wss`. `framing` makes what cuts messages out of one connection; with another
        than that of streams nobody is connected to.
        """
        self.name = name
        self.framing = framing
        self.limits = limits
        self.tls = tls
        "May be replaced at any time; connections that stand keep what they were made with."
        self._on_message = on_message
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._flows: dict[Flow, Connection] = {}
        self._peers: dict[tuple[str, int], Connection] = {}
        self._names: OrderedDict[tuple[str, int], str] = OrderedDict()
        "Who was found to be where, by the certificates of those we connected to."
        self._shaking: dict[asyncio.Task[None], str] = {}
        "Handshakes under way, with their sources."
        self._handshakes_failed = self._refused = self._mistrusted = 0
        self._per_source: dict[str, int] = {}
        self._connecting: dict[Destination, _Connecting] = {}
        self._numbers = itertools.count(1)
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied = asyncio.Event()
        self.local: tuple[str, int] = ("", 0)

    async def listen(self, host: str, port: int) -> None:
        """Accept connections.

        Raises:
            OSError: the address cannot be had.
        """
        # TLS begins once a connection is in the books: so handshakes are counted and bounded like everything else.
        self._server = await self._loop.create_server(lambda: Connection(self), host, port, backlog=256)
        name = self._server.sockets[0].getsockname()
        self.local = (name[0], name[1])
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def send(self, data: bytes, to: Flow | Destination) -> bool:
        """Send over a connection; to a destination, over an open one or a new one. False: the connection is gone."""
        connection = self._flows.get(to) if isinstance(to, Flow) else self._open_to(to)
        if connection is not None:
            connection.write(data)
            return True
        if isinstance(to, Flow) or self._closed or self.framing is not StreamFraming:
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
        self._emptied.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [*(connecting.task for connecting in self._connecting.values()), *self._shaking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for connection in list(self._flows.values()):
            connection.close()
        await asyncio.sleep(0)
        if self.tls is not None and self._flows:
            # TLS says goodbye both ways; who does not answer is left.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), _GOODBYE_S)
            for connection in list(self._flows.values()):
                connection.abort()
            await asyncio.sleep(0)

    def __len__(self) -> int:
        return len(self._flows)

    def gauges(self) -> dict[str, float]:
        """Figures by name."""
        return {
            "connections": len(self._flows),
            "handshakes": len(self._shaking),
            "handshakes_failed": self._handshakes_failed,
            "refused": self._refused,
            "mistrusted": self._mistrusted,
        }

    # ── what connections call ──────────────────────────────────────────────────────────────────────────────────────

    def now(self) -> float:
        return self._loop.time()

    def name_flow(self, local: tuple[str, int], remote: tuple[str, int]) -> Flow:
        return Flow(self.name, local, remote, next(self._numbers))

    def admit(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Take a new connection into the books; False when there are too many, or it leads to a stranger."""
        flow = connection.flow
        if flow is None or self._closed:
            return False
        source = flow.remote[0]
        held = self._per_source.get(source, 0)
        full = len(self._flows) >= self.limits.connections or held >= self.limits.per_source
        if connection.to is None and (full or self._shakes_too_much(source)):
            log.warning("a SIP connection was refused", host=source, why="too many connections")
            self._refused += 1
            connection.flow = None
            return False
        if connection.to is not None and self._is_stranger(connection.to, transport):
            connection.flow = None
            return False
        self._flows[flow] = connection
        # Whoever connects to us over TLS has proved nothing: what is meant for a server goes over connections of ours.
        if connection.to is not None or self.tls is None:
            self._peers[flow.remote] = connection
        self._per_source[source] = held + 1
        return True

    def deliver(self, frame: bytes, flow: Flow) -> None:
        self._on_message(frame, flow)

    def lost(self, connection: Connection) -> None:
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
        if not self._flows:
            self._emptied.set()
        if not self._closed and not connection.shaking:
            self._on_lost(flow)

    # ── TLS ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def shake(self, connection: Connection, transport: asyncio.Transport) -> None:
        """Begin TLS with somebody who has connected."""
        assert connection.flow is not None
        task = self._loop.create_task(self._shake(connection, transport))
        self._shaking[task] = connection.flow.remote[0]
        task.add_done_callback(self._shaking.pop)

    async def _shake(self, connection: Connection, transport: asyncio.Transport) -> None:
        assert self.tls is not None
        private: asyncio.Transport | None = None
        why = "the peer went away"
        try:
            private = await self._loop.start_tls(
                transport,
                connection,
                self.tls.server,
                server_side=True,
                ssl_handshake_timeout=self.limits.handshake_s,
                ssl_shutdown_timeout=self.limits.connect_s,
            )
        except OSError as error:  # errors of TLS are some
            why = _reason(error)
        except asyncio.CancelledError:
            transport.abort()
            self.lost(connection)
            raise
        if private is not None:
            connection.encrypted(private)
            return
        self._handshakes_failed += 1
        host = connection.flow.remote[0] if connection.flow is not None else None
        log.info("a TLS handshake failed", host=host, why=why)
        transport.abort()
        self.lost(connection)

    def _shakes_too_much(self, source: str) -> bool:
        if len(self._shaking) >= self.limits.handshakes:
            return True
        return sum(each == source for each in self._shaking.values()) >= self.limits.handshakes_per_source

    def _is_stranger(self, to: Destination, transport: asyncio.Transport) -> bool:
        """Whether the certificate at the other end is somebody else's; who it is, is remembered."""
        if self.tls is None:
            return False
        name = self._name_of(to)
        why = self.tls.stranger(name or to.host, transport.get_extra_info("peercert"))
        if why is not None:
            self._mistrusted += 1
            log.warning("a SIP connection is not used", host=name or to.host, address=to.host, port=to.port, why=why)
            return True
        self._names[to.remote] = name
        self._names.move_to_end(to.remote)
        while len(self._names) > _MOST_NAMES:
            self._names.popitem(last=False)
        return False

    def _name_of(self, to: Destination) -> str:
        """Who has to be there. A dialog's contact is often a bare address: then it is who was there before."""
        return to.name or self._names.get(to.remote, "")

    def _open_to(self, to: Destination) -> Connection | None:
        connection = self._peers.get(to.remote)
        if connection is None or self.tls is None or connection.to is None:
            return connection
        # Proved to be one name, it need not be another that DNS sends to the same address.
        return connection if not to.name or to.name == self._name_of(connection.to) else None

    # ── our own connections ────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self, to: Destination) -> None:
        connection = Connection(self, to=to)
        tls, name = self.tls, self._name_of(to) or to.host
        try:
            async with asyncio.timeout(self.limits.connect_s):
                await self._loop.create_connection(
                    lambda: connection,
                    to.host,
                    to.port,
                    ssl=tls.towards(name) if tls is not None else None,
                    server_hostname=name if tls is not None else None,
                    local_addr=(self.local[0], 0) if not _is_any(self.local[0]) else None,
                )
            usable = connection.flow is not None
        except OSError as error:  # TimeoutError is one
            self._mistrusted += isinstance(error, ssl.SSLCertVerificationError)
            log.info("a SIP connection could not be made", host=to.host, port=to.port, why=_reason(error))
            usable = False
        if not usable:
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
            else:
                connection.probe(now)
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not believed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return str(error) or "timeout"


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")
