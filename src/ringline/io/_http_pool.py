"""Connections to applications' servers: dialled with care, kept for the next request, so many at once per server."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict, deque
from ipaddress import ip_address
from typing import Final, NamedTuple

import aiohappyeyeballs

from ringline.io._http_connection import BadAnswer, Connection
from ringline.io.addresses import AddressRefused, CheckedResolver, check

AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]
KEPT_S: Final = 15.0
"A connection that nobody has used for so long is closed."
_NAMES_KEPT_S: Final = 10.0
_MOST_NAMES: Final = 1000
_NEXT_ADDRESS_S: Final = 0.25
"So long an address has to itself before the next one of the same name is tried beside it (RFC 8305 section 5)."


class Origin(NamedTuple):
    """A server, as connections see it."""

    secure: bool
    host: str
    port: int


class _Server:
    """What we have with one server."""

    __slots__ = ("busy", "idle", "queue")

    def __init__(self) -> None:
        self.busy = 0
        "Connections that are used or being made."
        self.idle: list[Connection] = []
        "The one used last is at the end."
        self.queue: deque[asyncio.Future[None]] = deque()


class Pool:
    """All connections of one client. Use it on one event loop."""

    def __init__(self, *, allow_private: bool, limit_per_host: int, tls: ssl.SSLContext | None) -> None:
        self._allow_private = allow_private
        self._limit = limit_per_host
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._resolver = CheckedResolver(allow_private=allow_private)
        self._servers: dict[Origin, _Server] = {}
        self._names: OrderedDict[tuple[str, int], tuple[float, asyncio.Task[list[AddressInfo]]]] = OrderedDict()
        self._all: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    def at_hand(self, origin: Origin) -> Connection | None:
        """A connection that stands already and is free. Give it back after use, as those of `dial`."""
        server = self._servers.get(origin)
        if server is None or server.busy >= self._limit:
            return None
        connection = self._kept(server)
        if connection is not None:
            server.busy += 1
        return connection

    async def dial(self, origin: Origin) -> Connection:
        """A new connection, or the next one that comes free when there are too many.

        Raises:
            OSError: it cannot be had, with `ssl.SSLError` and `AddressRefused` among them.
        """
        server = self._servers.get(origin)
        if server is None:
            server = self._servers[origin] = _Server()
        if server.busy < self._limit:
            server.busy += 1
        else:
            await self._turn(server)
        try:
            kept = self._kept(server)
            if kept is not None:
                return kept
            connection = await self._open(origin)
        except BaseException:
            self._free(origin, server)
            raise
        self._all.add(connection)
        if self._closed:
            connection.abort()
        return connection

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """It is not used any more; if it can be used again, it is kept for a while."""
        server = self._servers[origin]
        if connection.usable and not self._closed:
            server.idle.append(connection)
            if self._sweep is None:
                self._sweep = self._loop.call_later(KEPT_S, self._clear_up)
        else:
            self._all.discard(connection)
        self._free(origin, server)

    def distrust(self, origin: Origin) -> None:
        """A kept connection of that server turned out to be closed: the others waited as long, and go, too."""
        server = self._servers.get(origin)
        for connection in server.idle if server is not None else ():
            connection.abort()

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for _, task in self._names.values():
            task.cancel()
        for connection in list(self._all):
            connection.abort()
        for server in self._servers.values():
            for turn in server.queue:
                if not turn.done():
                    turn.set_exception(BadAnswer("the client was closed"))
        await self._resolver.close()
        await asyncio.sleep(0)  # lets the transports go

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _kept(self, server: _Server) -> Connection | None:
        """The connection used last that still stands; what has been closed meanwhile is forgotten."""
        while server.idle:
            connection = server.idle.pop()
            if connection.usable:
                return connection
            self._all.discard(connection)
        return None

    async def _turn(self, server: _Server) -> None:
        """Wait until a connection comes free; its place is ours then."""
        turn: asyncio.Future[None] = self._loop.create_future()
        server.queue.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on(server)  # it was ours already, and is not wanted any more
            else:
                server.queue.remove(turn)
            raise

    def _free(self, origin: Origin, server: _Server) -> None:
        self._pass_on(server)
        if not server.busy and not server.idle and not server.queue:
            self._servers.pop(origin, None)

    def _pass_on(self, server: _Server) -> None:
        """Give a place to who waits longest for one."""
        while server.queue:
            turn = server.queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        server.busy -= 1

    def _clear_up(self) -> None:
        """Close what nobody has used for a while."""
        old = self._loop.time() - KEPT_S
        self._sweep = None
        for origin, server in list(self._servers.items()):
            for connection in server.idle:
                if connection.heard_at <= old:
                    connection.abort()
            self._all.difference_update(each for each in server.idle if not each.usable)
            server.idle = [each for each in server.idle if each.usable]
            if server.idle:
                self._sweep = self._sweep or self._loop.call_later(KEPT_S / 2, self._clear_up)
            elif not server.busy and not server.queue:
                del self._servers[origin]

    async def _open(self, origin: Origin) -> Connection:
        addresses = await self._addresses(origin.host, origin.port)
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=self._loop, socket_factory=self._socket
        )
        name = origin.host.removesuffix(".") if origin.secure else None
        tls = self._context() if origin.secure else None
        try:
            _, connection = await self._loop.create_connection(Connection, sock=sock, ssl=tls, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _socket(self, info: AddressInfo) -> socket.socket:
        """The last look at an address, just before it is dialled."""
        family, kind, protocol, _, address = info
        refusal = check(str(address[0]), allow_private=self._allow_private)
        if refusal is not None:
            raise AddressRefused(refusal)
        return socket.socket(family=family, type=kind, proto=protocol)

    async def _addresses(self, host: str, port: int) -> list[AddressInfo]:
        """Where a host is. Those who ask at the same time share one look-up, and its answer serves for a while."""
        try:
            literal = ip_address(host)
        except ValueError:
            pass
        else:
            if literal.version == 4:
                return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
            return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]
        now = self._loop.time()
        known = self._names.get((host, port))
        if known is None or known[0] < now or (known[1].done() and (known[1].cancelled() or known[1].exception())):
            known = (now + _NAMES_KEPT_S, self._loop.create_task(self._look_up(host, port)))
            known[1].add_done_callback(_seen)
            self._names[host, port] = known
            self._names.move_to_end((host, port))
            if len(self._names) > _MOST_NAMES:
                self._names.popitem(last=False)
        return list(await asyncio.shield(known[1]))

    async def _look_up(self, host: str, port: int) -> list[AddressInfo]:
        found: list[AddressInfo] = []
        for each in await self._resolver.resolve(host, port):
            address = (each["host"], each["port"])
            if each["family"] == socket.AF_INET6:
                found.append((socket.AF_INET6, socket.SOCK_STREAM, each["proto"], "", (*address, 0, 0)))
            else:
                found.append((socket.AF_INET, socket.SOCK_STREAM, each["proto"], "", address))
        return found


def _seen(task: asyncio.Task[list[AddressInfo]]) -> None:
    """Whoever waited for a look-up hears how it failed; there may be nobody left."""
    if not task.cancelled():
        task.exception()
