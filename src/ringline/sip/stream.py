"""Framing: cut a stream of bytes into whole messages (RFC 3261 section 18.3)."""

from __future__ import annotations

from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip.message import MAX_MESSAGE, content_length, read_headers

PING: Final = b"\r\n\r\n"
"A keep-alive between messages (RFC 5626 section 3.5.1); the answer is one line end."
PONG: Final = b"\r\n"


class StreamParser:
    """Collects the bytes of one connection and gives out frames: whole messages, or `PING`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._need: int | None = None
        self._broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came and return the frames that are complete now, in order.

        Raises:
            RemoteProtocolError: the stream cannot be followed any more (no length, too long); close the connection.
        """
        if self._broken:
            raise RemoteProtocolError("the stream broke earlier")
        self._buffer += data
        frames: list[bytes] = []
        try:
            while (frame := self._next()) is not None:
                frames.append(frame)
        except RemoteProtocolError:
            self._broken = True
            self._buffer.clear()
            raise
        return frames

    @property
    def waiting(self) -> int:
        """Bytes held for a message that is not complete yet."""
        return len(self._buffer)

    def _next(self) -> bytes | None:
        if self._need is None:
            if (ping := self._skip_line_ends()) is not None:
                return ping
            self._need = self._find_length()
        if self._need is None or len(self._buffer) < self._need:
            return None
        frame = bytes(self._buffer[: self._need])
        del self._buffer[: self._need]
        self._need, self._scanned = None, 0
        return frame

    def _skip_line_ends(self) -> bytes | None:
        """Drop line ends before a message; two in a row are a keep-alive."""
        buffer = self._buffer
        while buffer and buffer[0] in PING:
            if buffer.startswith(PING):
                del buffer[:4]
                return PING
            if PING.startswith(buffer):
                return None
            del buffer[0]
        return None

    def _find_length(self) -> int | None:
        buffer = self._buffer
        if not buffer or buffer[0] in b"\r\n":
            return None
        from_ = max(0, self._scanned - 3)
        ends = [(at, size) for mark, size in ((b"\r\n\r\n", 4), (b"\n\n", 2)) if (at := buffer.find(mark, from_)) >= 0]
        if not ends:
            self._scanned = len(buffer)
            if len(buffer) > MAX_MESSAGE:
                raise RemoteProtocolError("a message on a stream is too long", sip_status=413)
            return None
        at, size = min(ends)
        lines = bytes(buffer[:at]).decode("latin-1").replace("\r\n", "\n").split("\n")
        # On a stream the length must be there (RFC 3261 section 20.14); peers that leave it out mean an empty body.
        length = at + size + (content_length(read_headers(lines[1:])) or 0)
        if length > MAX_MESSAGE:
            raise RemoteProtocolError("a message on a stream is too long", sip_status=413)
        return length
