"""One UDP socket for SIP."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final

from ringline.base import get_log
from ringline.sip import Destination, Flow

log = get_log(__name__)
_LONGEST: Final = 65_535
_AT_ONCE: Final = 32
"Datagrams taken per wake-up at most."
_TURN_S: Final = 0.004
"""No further one is taken after so long: an INVITE is a millisecond of work or two, a keep-alive next to nothing, and
what waits behind these (timers, answers of applications) shall not wait for a burst of them. One more turn of the loop
costs a twentieth of a millisecond."""
_BUFFER_BYTES: Final = 2_097_152
# Linux's names for "keep ICMP errors for me, with the address they are about" (ip(7)); Python does not name them.
# An error makes the socket's poll say so, at which libuv, and so uvloop, ends the watching for good: with these two set
# the socket has to live on an event loop that goes on reading, as asyncio's own does.
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_ERRORS_AT_ONCE: Final = 64


class UdpSocket:
    """Receives and sends datagrams; whatever comes in, it goes on listening."""

    name: Final = "udp"

    def __init__(
        self,
        host: str,
        port: int,
        on_message: Callable[[bytes, Flow], None],
        on_unreachable: Callable[[Destination], None],
    ) -> None:
        """Bind. `on_unreachable` hears of addresses that ICMP says nobody listens at (RFC 3261 section 18.4).

        Raises:
            OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                # IPv4 has sockets of its own: addresses mapped into IPv6 would be nobody's known ones.
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            else:
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        name = self._socket.getsockname()
        self.local: tuple[str, int] = (name[0], name[1])
        self._on_message = on_message
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def send(self, data: bytes, to: Flow | Destination) -> bool:
        """Send a datagram; False when the system says that this address cannot be reached."""
        try:
            try:
                self._socket.sendto(data, to.remote)
            except ConnectionRefusedError:  # of an earlier datagram, to whomever: this one has not left yet
                self._take_errors()
                self._socket.sendto(data, to.remote)
        except BlockingIOError:
            # The system's buffer is full: lost like any other datagram, and repeated by the transaction.
            log.warning("a datagram was dropped", why="the send buffer is full")
        except (OSError, ValueError, OverflowError) as error:
            log.info("a datagram could not be sent", host=to.remote[0], port=to.remote[1], why=str(error))
            return False
        return True

    async def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        until = time.monotonic() + _TURN_S
        for _ in range(_AT_ONCE):
            try:
                data, source = self._socket.recvfrom(_LONGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._take_errors()  # the socket itself is as good as before
                continue
            if len(data) > 4 and source[1]:
                self._on_message(data, Flow("udp", self.local, (source[0], source[1])))
            if time.monotonic() >= until:
                return

    def _take_errors(self) -> None:
        """Empty the queue of ICMP errors; each names the address that the datagram was for."""
        for _ in range(_ERRORS_AT_ONCE):
            try:
                _, _, _, address = self._socket.recvmsg(0, 0, socket.MSG_ERRQUEUE)
            except OSError:
                return
            if address:
                log.debug("nobody listens there", host=address[0], port=address[1])
                self._on_unreachable(Destination("udp", address[0], address[1]))
