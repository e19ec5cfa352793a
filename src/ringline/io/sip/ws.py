"""SIP over WebSocket (RFC 7118): the handshake, and one SIP message in each WebSocket message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from ringline.base import RemoteProtocolError
from ringline.sip import MAX_MESSAGE, PING

_LOG: Final = logging.getLogger(f"{__name__}.frames")
_LOG.setLevel(logging.ERROR)
"What strangers get wrong is told by whoever owns the connection, once."
_SUBPROTOCOL: Final = Subprotocol("sip")
_FRAGMENTS: Final = 1024
"Frames of one message; more are an attack: each costs more than it brings."


class WebSocketFraming:
    """The server's side of one WebSocket. Compression is not taken: a small frame cannot become a large message."""

    def __init__(self, origins: Sequence[str] = ()) -> None:
        """`origins` are the web pages (`https://phone.example.com`) that may connect; none given: all.

        Programs other than browsers send no origin, and are let in either way: they could say any.
        """
        allowed = [None, *map(Origin, origins)] if origins else None
        self._protocol = ServerProtocol(origins=allowed, subprotocols=[_SUBPROTOCOL], max_size=MAX_MESSAGE, logger=_LOG)
        self._message = bytearray()
        self._fragments = 0
        self._held = 0

    @property
    def waiting(self) -> int:
        return self._held + len(self._message) + self._fragments

    @property
    def ready(self) -> bool:
        return self._protocol.state is not State.CONNECTING and not self.over

    @property
    def over(self) -> bool:
        return self._protocol.close_expected()

    def feed(self, data: bytes) -> list[bytes]:
        protocol = self._protocol
        if self.over:
            return []
        protocol.receive_data(data)
        found: list[bytes] = []
        events = protocol.events_received()
        for event in events:
            if isinstance(event, Request):
                if len(events) > 1 or self.over:
                    raise RemoteProtocolError("it talks before the handshake is done")
                protocol.send_response(protocol.accept(event))
            elif isinstance(event, Frame) and (message := self._assembled(event)) is not None:
                # Line ends alone are the keep-alive that SIP has on streams (RFC 5626 section 4.4.1).
                found.append(message if message.strip(b"\r\n") else PING)
        # A frame that has begun is not told of: as long as bytes come without one, some are held.
        self._held = 0 if events else self._held + len(data)
        return found

    def wrap(self, message: bytes) -> bytes:
        protocol = self._protocol
        try:
            if _is_text(message):
                protocol.send_text(message)
            else:
                protocol.send_binary(message)
        except InvalidState:  # it is closing, or has not opened: the message is lost with it
            return b""
        return self.drain()

    def drain(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    def probe(self) -> bytes:
        if self._protocol.state is not State.OPEN:
            return b""
        self._protocol.send_ping(b"")
        return self.drain()

    def goodbye(self) -> bytes:
        if self._protocol.state is not State.OPEN:
            return b""
        self._protocol.send_close(CloseCode.GOING_AWAY)
        return self.drain()

    def _assembled(self, frame: Frame) -> bytes | None:
        """The whole message, once its last frame is there; text or not makes no difference (RFC 7118 section 4.2)."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) or self.over:
            return None
        self._message += frame.data
        self._fragments += 1
        if not frame.fin:
            if self._fragments > _FRAGMENTS:
                self._protocol.fail(CloseCode.POLICY_VIOLATION, "too many fragments")
            return None
        message = bytes(self._message)
        self._message.clear()
        self._fragments = 0
        return message


def _is_text(message: bytes) -> bool:
    """Text has to be UTF-8; SIP's bodies need not be."""
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
