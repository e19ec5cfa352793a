"""A voice bot as an application writes one: a WebSocket server of the `websockets` library, on threads of its own."""

from __future__ import annotations

import json
import queue
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

_WAIT_S: Final = 30.0


@dataclass(slots=True)
class Visit:
    """One socket that was opened to the bot."""

    socket: ServerConnection
    audio: bytearray = field(default_factory=bytearray)
    arrivals: list[float] = field(default_factory=list)
    "When each binary message came."
    sizes: set[int] = field(default_factory=set)
    texts: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    over: threading.Event = field(default_factory=threading.Event)
    first_is_text: bool | None = None

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    @property
    def headers(self) -> Headers:
        """Of the handshake."""
        assert self.socket.request is not None
        return self.socket.request.headers

    def told(self) -> dict[str, Any]:
        """The next text message."""
        return self.texts.get(timeout=_WAIT_S)

    def says(self, pcm: bytes, *, pieces: int = 640) -> None:
        """Send audio, as fast as it goes."""
        for start in range(0, len(pcm), pieces):
            self.socket.send(pcm[start : start + pieces])

    def orders(self, action: str, **more: Any) -> None:
        self.socket.send(json.dumps({"action": action, **more}))

    def hears(self, like: Callable[[bytes], bool], *, within_s: float = _WAIT_S) -> None:
        """Wait until what came since now is like this.

        Raises:
            AssertionError: it never was.
        """
        start, end = len(self.audio), time.monotonic() + within_s
        while not like(bytes(self.audio[start:])):
            assert time.monotonic() < end, "the bot never heard it"
            time.sleep(0.02)

    def take(self) -> None:
        """Keep everything that comes until the socket is closed."""
        with suppress(ConnectionClosed):
            for message in self.socket:
                if self.first_is_text is None:
                    self.first_is_text = isinstance(message, str)
                if isinstance(message, str):
                    self.texts.put(json.loads(message))
                else:
                    self.audio += message
                    self.arrivals.append(time.monotonic())
                    self.sizes.add(len(message))
        self.over.set()


class Bot:
    """Listens at a port of its own. `with` starts and ends it."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._visits: queue.Queue[Visit] = queue.Queue()
        self._server: Server = serve(self._visited, "127.0.0.1", 0, ssl=tls, compression="deflate", ping_interval=None)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._scheme = "wss" if tls else "ws"

    @property
    def uri(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.socket.getsockname()[1]}/socket?x=1"

    def endpoint(self, *, rate_hz: int = 16_000, **more: Any) -> dict[str, Any]:
        """The endpoint object that leads here."""
        return {"type": "websocket", "uri": self.uri, "content-type": f"audio/l16;rate={rate_hz}", **more}

    def visited(self) -> Visit:
        """Wait for the next socket."""
        return self._visits.get(timeout=_WAIT_S)

    def _visited(self, socket: ServerConnection) -> None:
        visit = Visit(socket)
        self._visits.put(visit)
        visit.take()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(5)
