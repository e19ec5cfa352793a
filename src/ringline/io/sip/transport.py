"""What every way of carrying SIP has in common: a listener that sends and receives whole messages."""

from __future__ import annotations

from typing import Protocol

from ringline.sip import Destination, Flow


class SipTransport(Protocol):
    """One listening socket, with its connections where there are any. TLS and WebSocket are further ones of these."""

    @property
    def name(self) -> str:
        """The transport of its flows: `udp`, `tcp`, `tls`, `ws` or `wss`."""
        ...

    @property
    def local(self) -> tuple[str, int]:
        """Address and port it listens on."""
        ...

    def send(self, data: bytes, to: Flow | Destination) -> bool:
        """Send one message; False when it is known at once that it cannot get there. Never blocks, never raises."""
        ...

    async def close(self) -> None:
        """Stop listening; what was written to connections still leaves."""
        ...
