"""Free ports. None is fixed: several suites may run on one machine."""

from __future__ import annotations

import errno
import os
import random
import re
import socket
import time
from typing import Final

_SHARE: Final = 3_000
_WORKER: Final = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "gw0")))
_LOW: Final = 20_000 + _SHARE * (_WORKER % 4)
_HIGH: Final = _LOW + _SHARE
"""Below what the kernel gives to outgoing connections, so that none of those takes a port between choice and use; and
every process that runs tests chooses from a range of its own."""
_next = random.SystemRandom().randrange(_LOW, _HIGH, 4)


def free_port() -> int:
    """A port that is free for UDP and TCP on every loopback address in use here, and whose neighbour is free too."""
    return _neighbours(4)


def free_block(size: int) -> tuple[int, int]:
    """The first and the last of so many neighbouring ports that are free."""
    low = _neighbours(size)
    return low, low + size - 1


def _neighbours(size: int) -> int:
    """The first of so many free ones. They are taken in turn: none is given again before all others were."""
    global _next
    for _ in range(2 * _SHARE):
        low = _next if _next + size <= _HIGH else _LOW
        _next = low + size + size % 2
        if all(is_free(port) for port in range(low, low + size)):
            return low
    raise RuntimeError(f"no {size} free ports side by side")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens there, with UDP or TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as one:
            if kind == socket.SOCK_STREAM:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return False
                raise
    return True


def wait_taken(port: int, host: str, *, deadline_s: float) -> None:
    """Wait until a program has opened this port.

    Raises:
        TimeoutError: nobody did.
    """
    end = time.monotonic() + deadline_s
    while is_free(port, host):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody opened {host}:{port}")
        time.sleep(0.01)
