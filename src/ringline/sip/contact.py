"""Contact: where somebody can be reached, and what REGISTER says about it (RFC 3261 section 20.10, RFC 5626)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip.address import NameAddr
from ringline.sip.headers import Headers
from ringline.sip.params import unquote
from ringline.sip.uri import Uri

_MOST_SECONDS: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One place to be reached at."""

    uri: Uri
    q: float = 1.0
    "Preference, 0 to 1; the higher is tried first."
    expires: int | None = None
    "Seconds; None when this contact does not say."
    instance: str | None = None
    "`+sip.instance`: names the device, whatever address it has (RFC 5626)."
    reg_id: int | None = None
    "Tells the flows of one device apart."

    @classmethod
    def parse(cls, text: str) -> Contact:
        """Read one value.

        Raises:
            RemoteProtocolError: it holds no URI that we know.
        """
        address = NameAddr.parse(text)
        params = address.params
        instance = params.get("+sip.instance")
        return cls(
            uri=address.uri,
            q=read_q(params.get("q")),
            expires=read_seconds(params.get("expires")),
            instance=unquote(instance) if instance else None,
            reg_id=read_seconds(params.get("reg-id")),
        )

    def __str__(self) -> str:
        text = f"<{self.uri}>"
        if self.q != 1.0:
            text += f";q={self.q:g}"
        if self.instance is not None:
            text += f';+sip.instance="{self.instance}"'
        if self.reg_id is not None:
            text += f";reg-id={self.reg_id}"
        return text if self.expires is None else f"{text};expires={self.expires}"


def read_contacts(headers: Headers) -> list[Contact] | None:
    """Every contact of a message, in order; None for `*`, which stands for all (RFC 3261 section 10.2.2).

    Raises:
        RemoteProtocolError: one cannot be read, or `*` does not stand alone.
    """
    values = headers.split("Contact")
    if "*" in values:
        if len(values) > 1:
            raise RemoteProtocolError("a Contact of * stands alone")
        return None
    return [Contact.parse(value) for value in values]


def read_q(text: str | None) -> float:
    """A `q` value; 1 when there is none, 0 when it cannot be read."""
    try:
        value = float(text) if text else 1.0
    except ValueError:
        return 0.0
    return min(1.0, max(0.0, value)) if value == value else 0.0


def read_seconds(text: str | None) -> int | None:
    """A number of seconds below 2**32, larger ones as that; None when it is no number."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:20]), _MOST_SECONDS)
