"""Where messages come from and go to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """The way a message came and its answer goes back: a datagram socket and a peer, or one connection."""

    transport: str
    "`udp`, `tcp`, `tls`, `ws` or `wss`."
    local: tuple[str, int]
    "Address and port of our socket."
    remote: tuple[str, int]
    "Address and port of the peer."
    connection: int = 0
    "Tells one TCP connection from an earlier one between the same ports; 0 for UDP."

    @property
    def reliable(self) -> bool:
        """True when the transport itself repeats what is lost."""
        return self.transport != "udp"

    @property
    def is_websocket(self) -> bool:
        """True when nobody but the far end can open it again: we connect to no WebSocket (RFC 7118)."""
        return self.transport in ("ws", "wss")


@dataclass(frozen=True, slots=True)
class Destination:
    """An address to send to when there is no flow yet; for TCP a connection is opened or an open one is used."""

    transport: str
    "`udp`, `tcp` or `tls`."
    host: str
    "An IP address."
    port: int
    name: str = ""
    "For TLS: the name asked for, which the server's certificate must be good for (RFC 5922); empty: the address."

    @property
    def reliable(self) -> bool:
        """True when the transport itself repeats what is lost."""
        return self.transport != "udp"

    @property
    def remote(self) -> tuple[str, int]:
        return (self.host, self.port)
