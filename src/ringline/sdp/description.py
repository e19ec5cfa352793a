"""SDP as it is written: sessions, media lines, attributes (RFC 8866). Read generously, written exactly."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ringline.base import RemoteProtocolError

_MAX_BYTES: Final = 65_536
_MAX_LINES: Final = 2_000
_MAX_MEDIA: Final = 32
_MAX_FORMATS: Final = 64
DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")

Attributes = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """The `o=` line: who made the session, and the how-manieth version this is."""

    session_id: int
    version: int
    host: str
    username: str = "-"


@dataclass(frozen=True, slots=True)
class Media:
    """One `m=` line and what belongs to it."""

    kind: str
    "`audio`, `video`, `image` …"
    port: int
    "0 when refused."
    protocol: str
    "`RTP/AVP` …"
    formats: tuple[str, ...]
    host: str | None = None
    "Its own `c=` address; None when the session's counts."
    attributes: Attributes = ()

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of that name; the empty string for one without value."""
        return _find(self.attributes, name)

    def values(self, name: str) -> Iterator[str]:
        """The values of every attribute of that name."""
        return (value or "" for key, value in self.attributes if key == name)

    @property
    def direction(self) -> str | None:
        """`sendrecv`, `sendonly`, `recvonly` or `inactive`, when the line says so itself."""
        return _direction(self.attributes)

    def refused(self) -> Media:
        """The same line with port 0, as an answer turns it down (RFC 3264 section 6)."""
        return Media(self.kind, 0, self.protocol, self.formats)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description."""

    origin: Origin
    media: tuple[Media, ...]
    host: str | None = None
    "The session's `c=` address."
    attributes: Attributes = ()
    name: str = "-"
    timing: str = "0 0"

    @classmethod
    def parse(cls, data: bytes) -> SessionDescription:
        """Read a description. Unknown lines are skipped; order is not insisted on.

        Raises:
            RemoteProtocolError: too long, or a line that matters is broken.
        """
        return _read(data)

    @property
    def direction(self) -> str | None:
        return _direction(self.attributes)

    def with_version(self, version: int) -> SessionDescription:
        return replace(self, origin=replace(self.origin, version=version))

    def __bytes__(self) -> bytes:
        origin = self.origin
        lines = [
            "v=0",
            f"o={origin.username} {origin.session_id} {origin.version} {_address(origin.host)}",
            f"s={self.name}",
        ]
        if self.host is not None:
            lines.append(f"c={_address(self.host)}")
        lines.append(f"t={self.timing}")
        lines += _write_attributes(self.attributes)
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
            if media.host is not None:
                lines.append(f"c={_address(media.host)}")
            lines += _write_attributes(media.attributes)
        return "\r\n".join((*lines, "")).encode()


def _address(host: str) -> str:
    return f"IN IP6 {host}" if ":" in host else f"IN IP4 {host}"


def _write_attributes(attributes: Attributes) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]


def _find(attributes: Attributes, name: str) -> str | None:
    for key, value in attributes:
        if key == name:
            return value or ""
    return None


def _direction(attributes: Attributes) -> str | None:
    for key, _ in attributes:
        if key in DIRECTIONS:
            return key
    return None


def _read(data: bytes) -> SessionDescription:
    if len(data) > _MAX_BYTES:
        raise RemoteProtocolError("the SDP is too long")
    text = data.decode("utf-8", "replace")
    origin: Origin | None = None
    name, timing, host = "-", "0 0", None
    session_attributes: list[tuple[str, str | None]] = []
    media: list[Media] = []
    attributes = session_attributes
    for kind, value in _lines(text):
        match kind:
            case "o":
                origin = _origin(value)
            case "s":
                name = value or "-"
            case "t":
                timing = value
            case "c":
                if media:
                    media[-1] = replace(media[-1], host=_connection(value))
                else:
                    host = _connection(value)
            case "m":
                _close(media, attributes, session_attributes)
                if len(media) >= _MAX_MEDIA:
                    raise RemoteProtocolError("the SDP has too many media lines")
                media.append(_media(value))
                attributes = []
            case "a":
                key, colon, rest = value.partition(":")
                attributes.append((key.strip().lower(), rest.strip() if colon else None))
            case _:
                pass
    _close(media, attributes, session_attributes)
    if origin is None and not media:
        raise RemoteProtocolError("this is no SDP")
    return SessionDescription(
        origin or Origin(0, 0, host or "0.0.0.0"), tuple(media), host, tuple(session_attributes), name, timing
    )


def _close(
    media: list[Media], attributes: list[tuple[str, str | None]], of_session: list[tuple[str, str | None]]
) -> None:
    if media and attributes is not of_session:
        media[-1] = replace(media[-1], attributes=tuple(attributes))


def _lines(text: str) -> Iterable[tuple[str, str]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > _MAX_LINES:
        raise RemoteProtocolError("the SDP has too many lines")
    for line in lines:
        kind, equals, value = line.partition("=")
        if equals and len(kind.strip()) == 1:
            yield kind.strip().lower(), value.replace("\0", "").strip()


def _origin(value: str) -> Origin:
    words = value.split()
    if len(words) < 6:
        raise RemoteProtocolError("the o= line of the SDP is broken")
    return Origin(_number(words[1]), _number(words[2]), words[5], words[0])


def _number(text: str) -> int:
    """Session ids of real phones are sometimes no numbers; they only need to be told apart."""
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    return int.from_bytes(text.encode()[:8], "big")


def _connection(value: str) -> str:
    words = value.split()
    if len(words) < 3:
        raise RemoteProtocolError("a c= line of the SDP is broken")
    host = words[2].partition("/")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        if all((char.isascii() and char.isalnum()) or char in "-._" for char in host):
            return host
        raise RemoteProtocolError("a c= line of the SDP is broken") from None


def _media(value: str) -> Media:
    words = value.split()
    if len(words) < 3:
        raise RemoteProtocolError("an m= line of the SDP is broken")
    port = words[1].partition("/")[0]
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise RemoteProtocolError("an m= line of the SDP has no port")
    return Media(words[0].lower(), int(port), words[2].upper(), tuple(words[3 : 3 + _MAX_FORMATS]))
