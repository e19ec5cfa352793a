"""Via: the way a request came, which its response goes back (RFC 3261 section 18.2, RFC 3581)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ringline.base import RemoteProtocolError
from ringline.sip.params import NO_PARAMS, Params
from ringline.sip.uri import LONGEST_KEPT, read_host_port, write_host_port

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
            RemoteProtocolError: it is not `SIP/<version>/<transport> <host>`.
        """
        return _read(text) if len(text) < LONGEST_KEPT else _read.__wrapped__(text)

    @property
    def branch(self) -> str | None:
        return self.params.get("branch")

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {write_host_port(self.host, self.port)}{self.params}"


@lru_cache(maxsize=1024)
def _read(text: str) -> Via:
    """A transaction asks for the same hop again and again."""
    head, _, params = text.partition(";")
    pieces = head.split("/", 2)
    # Of another version, too: who speaks it has to be told that we do not (505).
    version = pieces[1].strip().replace(".", "") if len(pieces) == 3 else ""
    if pieces[0].strip().upper() != "SIP" or not (version.isascii() and version.isdigit()):
        raise RemoteProtocolError("a Via header is broken")
    words = pieces[2].split(None, 1)
    if len(words) != 2 or not words[0].replace("-", "").isalnum():
        raise RemoteProtocolError("a Via header is broken")
    host, port = read_host_port(words[1])
    return Via(words[0].upper(), host, port, Params.parse(params))
