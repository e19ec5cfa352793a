"""Name and address: the value of From, To, Contact, Route and P-Asserted-Identity (RFC 3261 section 20.10)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ringline.base import RemoteProtocolError
from ringline.sip.params import NO_PARAMS, Params, quote, split_outside_quotes, unquote
from ringline.sip.uri import LONGEST_KEPT, Uri


@dataclass(frozen=True, slots=True)
class NameAddr:
    """`"Alice" <sip:alice@example.com>;tag=a6c85cf`."""

    uri: Uri
    display: str = ""
    params: Params = NO_PARAMS
    "The header's parameters; those inside the angle brackets belong to `uri`."

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read one value, with or without angle brackets. Unquoted display names may hold any letters.

        Raises:
            RemoteProtocolError: there is no URI in it that we know.
        """
        return _read(text) if len(text) < LONGEST_KEPT else _read.__wrapped__(text)

    @property
    def tag(self) -> str | None:
        return self.params.get("tag")

    def __str__(self) -> str:
        name = f"{quote(self.display)} " if self.display else ""
        return f"{name}<{self.uri}>{self.params}"


@lru_cache(maxsize=1024)
def _read(text: str) -> NameAddr:
    """One message is asked for the same address several times, and a call for the same ones all along."""
    open_at = _find_open(text)
    if open_at is None:
        # Without brackets every parameter is the header's own, not the URI's (RFC 3261 section 20.10).
        uri, _, params = text.partition(";")
        if "?" in uri:
            raise RemoteProtocolError("a URI with headers stands between brackets")
        return NameAddr(Uri.parse(uri), "", Params.parse(params))
    close_at = text.find(">", open_at)
    if close_at < 0:
        raise RemoteProtocolError("an address lacks its closing bracket")
    display = unquote(text[:open_at])
    return NameAddr(Uri.parse(text[open_at + 1 : close_at]), display, Params.parse(text[close_at + 1 :]))


def _find_open(text: str) -> int | None:
    quoted = escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "<" and not quoted:
            return at
    return None


def split_list(value: str) -> list[str]:
    """Split a header value at its commas, but not those in quotes or angle brackets; empty pieces are dropped."""
    return [piece.strip() for piece in split_outside_quotes(value, ",") if piece.strip()]
