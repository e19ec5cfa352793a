"""One UDP socket for SIP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from ringline.base import get_log
from ringline.sip import Destination, Flow

log = get_log(__name__)
_LONGEST: Final = 65_535
_AT_ONCE: Final = 64
"Datagrams taken per wake-up, so that a flood leaves the loop time for the calls in progress."
_BUFFER_BYTES: Final = 2_097_152


class UdpSocket:
    """Receives and sends datagrams; whatever comes in, it goes on listening."""

    def __init__(self, host: str, port: int, on_message: Callable[[bytes, Flow], None]) -> None:
        """Bind.

        Raises:
            OSError: the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        name = self._socket.getsockname()
        self.local: tuple[str, int] = (name[0], name[1])
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def send(self, data: bytes, to: Flow | Destination) -> bool:
        """Send a datagram; False when the system says that this address cannot be reached."""
        try:
            self._socket.sendto(data, to.remote)
        except BlockingIOError:
            # The system's buffer is full: lost like any other datagram, and repeated by the transaction.
            log.warning("a datagram was dropped", why="the send buffer is full")
        except (OSError, ValueError, OverflowError) as error:
            log.info("a datagram could not be sent", host=to.remote[0], port=to.remote[1], why=str(error))
            return False
        return True

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, source = self._socket.recvfrom(_LONGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # ICMP errors of earlier sends show up here; the socket itself is as good as before.
                log.debug("a UDP error was passed over", why=str(error))
                continue
            if len(data) > 4 and source[1]:
                self._on_message(data, Flow("udp", self.local, (source[0], source[1])))
