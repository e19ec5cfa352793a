"""The SIP sockets of one node: UDP and TCP on one port."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Callable, Sequence

from ringline.base import ConfigError, get_log
from ringline.io.sip.tcp import TcpConnections, TcpLimits
from ringline.io.sip.udp import UdpSocket
from ringline.sip import Destination, Flow

log = get_log(__name__)


class SipSockets:
    """Carries whole SIP messages both ways. It knows framing and connections, and nothing of what messages mean."""

    def __init__(self, *, limits: TcpLimits | None = None) -> None:
        self._limits = limits or TcpLimits()
        self._udp: UdpSocket | None = None
        self._tcp: TcpConnections | None = None
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
        """Listen on `bind`:`port`; port 0 takes a free one, the same for both transports.

        `on_lost` tells of connections that ended and destinations that cannot be reached, after `send` has returned.

        Raises:
            ConfigError: the address or port cannot be had.
        """
        self._on_lost = on_lost
        try:
            if "udp" in transports:
                self._udp = UdpSocket(bind, port, on_message, self._report)
                port = self._udp.local[1]
            if "tcp" in transports:
                self._tcp = TcpConnections(on_message, on_lost, self._limits)
                await self._tcp.listen(bind, port)
        except (OSError, ValueError) as error:
            await self.close()
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            why = "another program uses it" if in_use else (getattr(error, "strerror", None) or str(error))
            raise ConfigError(f"cannot listen on {bind}:{port}: {why}", where="settings", key="sip.port") from error

    @property
    def port(self) -> int:
        """The port really used; 0 before `start`."""
        chosen = self._udp or self._tcp
        return chosen.local[1] if chosen is not None else 0

    def send(self, data: bytes, to: Flow | Destination) -> None:
        """Send one whole message. Never blocks and never raises; failures come through `on_lost`."""
        if to.transport == "udp" and self._udp is not None:
            if not (_is_address(to.remote[0]) and self._udp.send(data, to)):
                self._report(to)
        elif to.transport == "tcp" and self._tcp is not None and _is_address(to.remote[0]):
            self._tcp.send(data, to)
        else:
            log.info("a message has no way out", transport=to.transport, host=to.remote[0])
            self._report(to)

    async def close(self) -> None:
        """Close everything; what was written to connections still leaves."""
        self._on_lost = None
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            await self._tcp.close()
            self._tcp = None

    def _report(self, to: Flow | Destination) -> None:
        """Tell of a failure in a turn of its own: the caller is in the middle of sending."""

        def tell() -> None:
            if self._on_lost is not None:
                self._on_lost(to)

        asyncio.get_running_loop().call_soon(tell)


def _is_address(host: str) -> bool:
    """Names are looked up before a message is made; here they would block."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
