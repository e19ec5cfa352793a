"""How messages lie in the bytes of a connection: one after the other (TCP, TLS), or one in each WebSocket message."""

from __future__ import annotations

from typing import Protocol

from ringline.sip import StreamParser


class Framing(Protocol):
    """Cuts what one connection brings into messages, and wraps what leaves over it. Does no I/O."""

    @property
    def waiting(self) -> int:
        """Bytes held for a message that is not complete yet."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the far end has shown by more than its connecting that it speaks this."""
        ...

    @property
    def over(self) -> bool:
        """Whether nothing more will come: the connection is to be closed once `drain` has left."""
        ...

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came; return the messages that are complete now, in order, with `PING` for a keep-alive.

        Raises:
            RemoteProtocolError: what comes cannot be followed any more; close the connection.
        """
        ...

    def wrap(self, message: bytes) -> bytes:
        """The bytes that carry a message."""
        ...

    def drain(self) -> bytes:
        """What has to be said without being asked for: the end of a handshake, the answer to a ping."""
        ...

    def probe(self) -> bytes:
        """What makes a far end that lives answer; empty where nothing does."""
        ...

    def goodbye(self) -> bytes:
        """What is said last."""
        ...


class StreamFraming:
    """SIP on a stream (RFC 3261 section 18.3)."""

    ready = False
    over = False

    def __init__(self) -> None:
        self._parser = StreamParser()

    @property
    def waiting(self) -> int:
        return self._parser.waiting

    def feed(self, data: bytes) -> list[bytes]:
        return self._parser.feed(data)

    def wrap(self, message: bytes) -> bytes:
        return message

    def drain(self) -> bytes:
        return b""

    def probe(self) -> bytes:
        return b""

    def goodbye(self) -> bytes:
        return b""
