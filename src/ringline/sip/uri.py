"""SIP, SIPS and TEL URIs (RFC 3261 section 19.1, RFC 3966)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from ringline.base import RemoteProtocolError
from ringline.sip.params import NO_PARAMS, Params

_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PASSWORD_SAFE = "-_.!~*'()&=+$,"
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%")
_ADDRESS_CHARACTERS = frozenset("0123456789abcdefABCDEF:.")
_MAX_URI = 4096
LONGEST_KEPT = 500
"Longer header values are read anew each time: strangers must not fill the caches with what they make up."


@dataclass(frozen=True, slots=True)
class Uri:
    """Where a request goes, or who somebody is."""

    scheme: str
    "`sip`, `sips` or `tel`, lower case."
    user: str | None
    "Unescaped; the number of a `tel` URI."
    host: str
    "A name, an IPv4 address or an IPv6 address without brackets; empty for `tel`."
    port: int | None = None
    params: Params = NO_PARAMS
    password: str | None = None
    headers: str = ""
    "What follows the `?`, as it came."

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read one URI. Host names may hold what real machines are called: digits only, underscores.

        Raises:
            RemoteProtocolError: it is no SIP, SIPS or TEL URI; status 416 when the scheme is another one.
        """
        return _read(text) if len(text) < LONGEST_KEPT else _read.__wrapped__(text)

    @property
    def transport(self) -> str | None:
        """The `transport` parameter in lower case."""
        value = self.params.get("transport")
        return value.lower() if value else None

    def without_secrets(self) -> Uri:
        """The URI as it may be shown: no password, no headers."""
        return replace(self, password=None, headers="") if self.password is not None or self.headers else self

    def __str__(self) -> str:
        if self.scheme == "tel":
            return f"tel:{self.user}{self.params}"
        text = f"{self.scheme}:"
        if self.user is not None:
            plain = self.user.isascii() and self.user.isalnum()  # most are, and this is quicker seen than encoded
            text += self.user if plain else percent_encode(self.user, safe=_USER_SAFE)
            if self.password is not None:
                text += ":" + percent_encode(self.password, safe=_PASSWORD_SAFE)
            text += "@"
        text += write_host_port(self.host, self.port) + str(self.params)
        return f"{text}?{self.headers}" if self.headers else text


@lru_cache(maxsize=1024)
def _read(text: str) -> Uri:
    text = text.strip()
    if len(text) > _MAX_URI or any(char in text for char in "\r\n\0 <>"):
        raise RemoteProtocolError("a URI is too long or holds forbidden characters")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not rest:
        raise RemoteProtocolError("a URI has no scheme")
    if scheme == "tel":
        number, _, params = rest.partition(";")
        return Uri(scheme, _number(number), "", None, Params.parse(params))
    if scheme not in ("sip", "sips"):
        raise RemoteProtocolError("a URI scheme is not supported", sip_status=416)
    user: str | None = None
    password: str | None = None
    # The user part may hold `;` and `?`, but nothing may hold another `@`: the first decides (section 25.1).
    userinfo, at, hostpart = rest.partition("@")
    if at:
        raw_user, has_password, raw_password = userinfo.partition(":")
        if not raw_user:
            raise RemoteProtocolError("a URI has an empty user part")
        user = percent_decode(raw_user)
        password = percent_decode(raw_password) if has_password else None
    else:
        hostpart = rest
    hostpart, _, headers = hostpart.partition("?")
    hostport, _, params = hostpart.partition(";")
    host, port = read_host_port(hostport)
    return Uri(scheme, user, host, port, Params.parse(params), password, headers)


def _number(text: str) -> str:
    if not text or any(char not in "+0123456789abcdefABCDEF*#-.()pPwW" for char in text):
        raise RemoteProtocolError("a tel URI holds no number")
    return "".join(char for char in text if char not in "-.()")


def read_host_port(text: str) -> tuple[str, int | None]:
    """Read `host`, `host:port` or `[ipv6]:port`; spaces around the colon are allowed, as in odd Via headers.

    Raises:
        RemoteProtocolError: no host, or a port outside 0..65535.
    """
    text = text.strip()
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        after = after.strip()
        if not bracket or ":" not in host or any(char not in _ADDRESS_CHARACTERS for char in host):
            raise RemoteProtocolError("an IPv6 address is broken")
        if after and not after.startswith(":"):
            raise RemoteProtocolError("a host is broken")
        port_text = after[1:].strip()
    else:
        host, _, port_text = text.partition(":")
        host, port_text = host.strip(), port_text.strip()
        if not host or any(char not in _HOST_CHARACTERS for char in host):
            raise RemoteProtocolError("a host is missing or broken")
    if not port_text:
        return host, None
    if not (port_text.isascii() and port_text.isdigit() and len(port_text) <= 5 and int(port_text) <= 65535):
        raise RemoteProtocolError("a port is broken")
    return host, int(port_text)


def write_host_port(host: str, port: int | None) -> str:
    """Write `host:port`, with brackets around an IPv6 address."""
    text = f"[{host}]" if ":" in host else host
    return text if port is None else f"{text}:{port}"
