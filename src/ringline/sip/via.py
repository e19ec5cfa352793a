"""Via: the way a request came, which its response goes back (RFC 3261 section 18.2, RFC 3581)."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import RemoteProtocolError
from ringline.sip.params import NO_PARAMS, Params
from ringline.sip.uri import read_host_port, write_host_port

MAGIC_COOKIE = "z9hG4bK"
"How every branch made by the rules of RFC 3261 begins."


@dataclass(frozen=True, slots=True)
class Via:
    """One hop."""

    transport: str
    "`UDP`, `TCP`, `TLS`, `WS` or `WSS`, upper case."
    host: str
    port: int | None
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one value; spaces around the slashes are allowed.

        Raises:
            RemoteProtocolError: it is not `SIP/2.0/<transport> <host>`.
        """
        head, _, params = text.partition(";")
        pieces = head.split("/", 2)
        if len(pieces) != 3 or pieces[0].strip().upper() != "SIP" or pieces[1].strip() != "2.0":
            raise RemoteProtocolError("a Via header is broken")
        words = pieces[2].split(None, 1)
        if len(words) != 2 or not words[0].replace("-", "").isalnum():
            raise RemoteProtocolError("a Via header is broken")
        host, port = read_host_port(words[1])
        return cls(words[0].upper(), host, port, Params.parse(params))

    @property
    def branch(self) -> str | None:
        return self.params.get("branch")

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {write_host_port(self.host, self.port)}{self.params}"
