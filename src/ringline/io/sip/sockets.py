"""The SIP sockets of one node: UDP and TCP on one port, on one address or several."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from ringline.base import ConfigError, get_log
from ringline.io.sip.connection import TcpLimits
from ringline.io.sip.tcp import TcpConnections
from ringline.io.sip.transport import SipTransport
from ringline.io.sip.udp import UdpSocket
from ringline.sip import Destination, Flow, Place, Places

log = get_log(__name__)
_FREE_PORT_ATTEMPTS: Final = 5


class SipSockets:
    """Carries whole SIP messages both ways. It knows framing and connections, and nothing of what messages mean."""

    def __init__(self, *, limits: TcpLimits | None = None, places: Places | None = None) -> None:
        """`places` says which local address requests leave from, where there are several."""
        self._limits = limits or TcpLimits()
        self._places = places or Places(Place(sip_host=""))
        self._transports: list[SipTransport] = []
        self._on_lost: Callable[[Flow | Destination], None] | None = None

    async def start(
        self,
        bind: str,
        port: int,
        *,
        on_message: Callable[[bytes, Flow], None],
        on_lost: Callable[[Flow | Destination], None],
        transports: Sequence[str] = ("udp", "tcp"),
    ) -> None:
        """Listen on `bind`:`port` and, with the same port, on the addresses of the other places that name one.

        Port 0 takes a free one, the same for both transports. `on_lost` tells of connections that ended and
        destinations that cannot be reached, after `send` has returned.

        Raises:
            ConfigError: the address or port cannot be had.
        """
        also = [place.bind for place in self._places.others if place.bind is not None]
        hosts = list(dict.fromkeys((bind, *also)))
        for attempts_left in range(0 if port else _FREE_PORT_ATTEMPTS, -1, -1):
            self._on_lost = on_lost
            try:
                await self._listen(hosts, port, on_message, on_lost, transports)
                return
            except (OSError, ValueError) as error:
                await self.close()
                in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
                if in_use and attempts_left:
                    continue  # free for datagrams, but not for connections
                why = "another program uses it" if in_use else (getattr(error, "strerror", None) or str(error))
                raise ConfigError(f"cannot listen on {bind}:{port}: {why}", where="settings", key="sip.port") from error

    async def _listen(
        self,
        hosts: Sequence[str],
        port: int,
        on_message: Callable[[bytes, Flow], None],
        on_lost: Callable[[Flow | Destination], None],
        transports: Sequence[str],
    ) -> None:
        for host in hosts:
            if "udp" in transports:
                udp = UdpSocket(host, port, on_message, self._report)
                self.add(udp)
                port = udp.local[1]
            if "tcp" in transports:
                tcp = TcpConnections(on_message, on_lost, self._limits)
                self.add(tcp)
                await tcp.listen(host, port)
                port = tcp.local[1]

    def add(self, transport: SipTransport) -> None:
        """Carry messages over this one too: TLS, WebSocket."""
        self._transports.append(transport)

    @property
    def port(self) -> int:
        """The port really used; 0 before `start`."""
        return self._transports[0].local[1] if self._transports else 0

    def send(self, data: bytes, to: Flow | Destination) -> None:
        """Send one whole message. Never blocks and never raises; failures come through `on_lost`."""
        fitting = self._fitting(to) if _is_address(to.remote[0]) else []
        if not fitting:
            log.info("a message has no way out", transport=to.transport, host=to.remote[0])
        if not any(each.send(data, to) for each in fitting):
            self._report(to)

    async def close(self) -> None:
        """Close everything; what was written to connections still leaves."""
        self._on_lost = None
        while self._transports:
            await self._transports.pop().close()

    def _fitting(self, to: Flow | Destination) -> list[SipTransport]:
        """The sockets to try: for a flow those that may know it, for a destination the one of its place."""
        speaking = [each for each in self._transports if each.name == to.transport]
        if len(speaking) <= 1 or (isinstance(to, Flow) and to.reliable):
            return speaking
        if isinstance(to, Flow):
            return [each for each in speaking if each.local == to.local] or speaking[:1]
        near = [each for each in speaking if (":" in each.local[0]) == (":" in to.host)]
        bind = self._places.of(to.host).bind
        return [each for each in near if each.local[0] == bind] or near[:1]

    def _report(self, to: Flow | Destination) -> None:
        """Tell of a failure in a turn of its own: the caller is in the middle of sending."""

        def tell() -> None:
            if self._on_lost is not None:
                self._on_lost(to)

        asyncio.get_running_loop().call_soon(tell)


@lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    """Names are looked up before a message is made; here they would block."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
