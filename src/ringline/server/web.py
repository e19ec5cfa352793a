"""The HTTP listeners: the same application on a plain and, where a certificate is configured, an encrypted port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from ringline.base import ConfigError
from ringline.rtc.packets import LONGEST_FRAME
from ringline.server.certificates import server_certificate
from ringline.server.door import Door, HttpLimits
from ringline.server.shares import Shares
from ringline.server.visit import Visit

if TYPE_CHECKING:
    from ringline.server.settings import Settings


class _Server(uvicorn.Server):
    """A uvicorn server whose connections come by the door; it leaves signals to whom they belong: the platform."""

    def __init__(self, config: uvicorn.Config, door: Door) -> None:
        super().__init__(config)
        self._door = door

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            self.servers.append(
                await loop.create_server(self._visit, sock=listener, backlog=self.config.backlog),
            )

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # ten ticks are a second
            self._door.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _visit(self) -> Visit:
        return Visit(
            self._door,
            tls=self.config.ssl,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )


class WebListener:
    """One port on which the REST API is served."""

    def __init__(
        self, app: Any, *, door: Door | None = None, cert_file: Path | None = None, key_file: Path | None = None
    ) -> None:
        """`door`: the one of all listeners; None: one of its own."""
        self._door = Door() if door is None else door
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                ssl_certfile=str(cert_file) if cert_file else None,
                ssl_keyfile=str(key_file) if key_file else None,
                timeout_keep_alive=self._door.limits.idle_s,
                timeout_graceful_shutdown=3,
                ws="websockets-sansio",
                ws_max_size=2 * LONGEST_FRAME,
                ws_ping_interval=None,  # clients are pinged by the frames of their own protocol
            ),
            self._door,
        )
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self, host: str, port: int, *, key: str) -> None:
        """Listen; port 0 takes a free one. `key` is the setting that an error names.

        Raises:
            ConfigError: the port is taken, or the address is not ours.
        """
        listener = listening_socket(host, port, key=key)
        self.port = listener.getsockname()[1]
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[listener]), name=f"http:{key}")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise ConfigError("the listener ended at once", where="settings", key=key)
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Let running requests end, for three seconds at most."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class WebListeners:
    """The ports of one platform: the plain one, and the encrypted one where the settings want it."""

    def __init__(self) -> None:
        self._open: list[WebListener] = []
        self._door = Door()

    async def start(self, app: Any, settings: Settings, *, now: datetime) -> None:
        """Serve `app`.

        Raises:
            ConfigError: a port cannot be had, or a certificate cannot be used.
        """
        server = settings.server
        shares = Shares(app, sockets=settings.clients.sockets)
        self._door = Door(HttpLimits(connections=server.connections, per_source=server.connections_per_source))
        plain = WebListener(shares, door=self._door)
        await plain.start(server.http_bind, server.http_port, key="server.http_port")
        self._open.append(plain)
        if server.https_port is not None:
            cert_file, key_file = await asyncio.to_thread(server_certificate, settings, now=now)
            secure = WebListener(shares, door=self._door, cert_file=cert_file, key_file=key_file)
            await secure.start(server.https_bind, server.https_port, key="server.https_port")
            self._open.append(secure)

    async def stop(self) -> None:
        """Let running requests end, for three seconds at most on each port."""
        while self._open:
            await self._open.pop().stop()
        self._door.close()


def listening_socket(host: str, port: int, *, key: str) -> socket.socket:
    """Bind a TCP socket.

    Raises:
        ConfigError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off for what is accepted: else answers wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}", where="settings", key=key) from error
    listener.setblocking(False)
    return listener
