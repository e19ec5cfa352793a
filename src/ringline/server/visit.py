"""One connection of the HTTP listeners: uvicorn's, with a clock for what its far end has to do."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import uvicorn
    from uvicorn.server import ServerState

    from ringline.server.door import Door

Stage = Literal["shaking", "silent", "head", "body", "answer", "over"]
"""What is waited for: the far end's TLS, its next request, the rest of a request's head, that of its body, us, or its
farewell."""
_FAREWELL_S: Final = 2.0
_LATE: Final = "The request took too long."
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Visit(H11Protocol):
    """A connection that the door has let in. TLS begins only then, so handshakes are counted and bounded, too."""

    def __init__(
        self,
        door: Door,
        *,
        tls: ssl.SSLContext | None,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._door = door
        self._tls = tls
        self._socket: asyncio.Transport | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._early = b""
        "What came with the end of the handshake."
        self._stage: Stage = "silent" if tls is None else "shaking"
        self._since = self.loop.time()
        self._body_bytes = 0
        self._unread_since: float | None = None
        self.source = ""

    # ── what the event loop calls ──────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        remote = transport.get_extra_info("peername")
        self.source = str(remote[0]) if remote else ""
        self._socket = transport
        if not self._door.admit(self):
            if self._tls is None:
                transport.write(_FULL)
                transport.close()
            else:
                transport.abort()
        elif self._tls is None:
            super().connection_made(transport)
        else:
            transport.pause_reading()
            self._handshake = self.loop.create_task(self._shake(transport, self._tls), name="https")

    async def _shake(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        try:
            secure = await self.loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=self._door.limits.handshake_s
            )
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: strangers speak all kinds of things
            self.drop()
            self._door.leave(self)
            return
        if secure is None:  # it has gone meanwhile
            self._door.leave(self)
            return
        self._socket = secure
        self._turn_to("silent")
        super().connection_made(secure)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        if self._stage == "shaking":
            self._early += data
            return
        if self._stage == "over":
            return
        if self._stage == "body":
            self._body_bytes += len(data)
        super().data_received(data)
        self._look()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        if self._stage != "shaking":
            super().connection_lost(exc)

    # ── what uvicorn calls ─────────────────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._door.leave(self)
        super().handle_websocket_upgrade(event)

    # ── what the door calls ────────────────────────────────────────────────────────────────────────────────────────

    def overdue(self, now: float) -> str | None:
        limits = self._door.limits
        waited_s = now - self._since
        if self._unread_since is not None and now - self._unread_since > limits.unread_s:
            return "it does not read"
        if self._socket is not None and self._socket.is_closing():
            # What is left to be sent may take as long as a reader may be silent.
            self._unread_since = self._unread_since or now
            return None
        match self._stage:
            case "silent" if waited_s > limits.head_s:
                return "it asks nothing"
            case "head" if waited_s > limits.head_s:
                return "the head of a request does not end"
            case "body" if waited_s > limits.body_s + self._body_bytes / limits.body_bytes_per_s:
                return "the body of a request does not end"
            case "over" if waited_s > _FAREWELL_S:
                return "it was told that it is late"
        return None

    def end(self, why: str) -> None:
        if self._unread_since is not None:
            self.drop()
        elif self._stage in ("silent", "over"):
            self.transport.close()
        else:
            self._answer_late()

    def drop(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    def _answer_late(self) -> None:
        if self._stage == "body" and self.cycle is not None:
            # Whoever waits for the body learns that nobody is there any more, and its answer is not sent.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = _LATE.encode("ascii")
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(text)).encode("ascii")),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"),
                h11.Data(data=text),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        self._turn_to("over")
        if self.transport.can_write_eof():
            # Closed at once with something unread in it, a connection takes back even what was said last.
            self.transport.write_eof()
        else:
            self.transport.close()

    # ── how far it is ──────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        theirs = self.conn.their_state
        if theirs is h11.IDLE:
            self._turn_to("head" if self.conn.trailing_data[0] else "silent")
        else:
            self._turn_to("body" if theirs is h11.SEND_BODY else "answer")

    def _turn_to(self, stage: Stage) -> None:
        if self._stage in (stage, "over"):
            return
        self._stage, self._since, self._body_bytes = stage, self.loop.time(), 0
        if stage in ("silent", "head", "over"):
            self._door.waits(self)
        else:
            self._door.asks(self)
