"""SIP messages: read what real peers send, write what the standard says (RFC 3261 section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip.address import NameAddr
from ringline.sip.headers import Headers, clean_value
from ringline.sip.uri import Uri
from ringline.sip.via import Via

MAX_MESSAGE: Final = 65_536
"Bytes in one message; longer ones are refused."
MAX_HEADERS: Final = 256
"Header fields in one message."
MAX_PART_HEAD: Final = 4096
"Bytes of the headers of one part of a body."
_MAX_CSEQ: Final = 2**31
_SINGLE: Final = frozenset({"call-id", "cseq", "from", "to", "max-forwards", "content-length", "content-type"})
_TOKEN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")


@dataclass(slots=True, eq=False)
class Message:
    """What requests and responses share. Header values are read when they are asked for."""

    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    encoding: str = "utf-8"
    "How the header bytes are read and written: `utf-8`, or `latin-1` for a peer that writes old letters."

    def _start_line(self) -> str:
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        lines = [self._start_line(), *self.headers.lines(without="Content-Length")]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode(self.encoding, "replace") + self.body

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Message)
            and self._start_line() == other._start_line()
            and self.headers == other.headers
            and self.body == other.body
        )

    def _need(self, name: str) -> str:
        value = self.headers.get(name)
        if not value:
            raise RemoteProtocolError(f"{name} is missing")
        return value

    def _person(self, name: str) -> NameAddr:
        kept: NameAddr | None = self.headers.kept.get(name)
        if kept is None:
            try:
                kept = NameAddr.parse(self._need(name))
            except RemoteProtocolError as error:
                # 416 speaks of the Request-URI only; a strange scheme elsewhere is simply a bad request.
                raise RemoteProtocolError(f"{name}: {error}") from None
            self.headers.kept[name] = kept
        return kept

    @property
    def call_id(self) -> str:
        return self._need("Call-ID")

    @property
    def cseq(self) -> tuple[int, str]:
        """Sequence number and method."""
        kept: tuple[int, str] | None = self.headers.kept.get("CSeq")
        if kept is None:
            kept = self.headers.kept["CSeq"] = self._read_cseq()
        return kept

    def _read_cseq(self) -> tuple[int, str]:
        words = self._need("CSeq").split()
        if len(words) != 2 or not (words[0].isascii() and words[0].isdigit()) or len(words[0]) > 10:
            raise RemoteProtocolError("CSeq is broken")
        number = int(words[0])
        if number >= _MAX_CSEQ:
            raise RemoteProtocolError("CSeq is too large")
        return number, words[1]

    @property
    def from_(self) -> NameAddr:
        return self._person("From")

    @property
    def to(self) -> NameAddr:
        return self._person("To")

    @property
    def via(self) -> Via:
        """The topmost hop."""
        kept: Via | None = self.headers.kept.get("Via")
        if kept is None:
            values = self.headers.split("Via")
            if not values:
                raise RemoteProtocolError("Via is missing")
            kept = self.headers.kept["Via"] = Via.parse(values[0])
        return kept

    @property
    def contact(self) -> Uri | None:
        """The first contact's URI; None when there is none, or it is `*`."""
        values = self.headers.split("Contact")
        if not values or values[0] == "*":
            return None
        return NameAddr.parse(values[0]).uri

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; empty when there is none."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    def number(self, name: str) -> int | None:
        """A header that holds a whole number; None when it is missing or no number below 2**32."""
        text = (self.headers.get(name) or "").strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 10:
            return None
        value = int(text)
        return value if value < 2**32 else None


@dataclass(slots=True, eq=False)
class Request(Message):
    """A request."""

    method: str = ""
    uri: str = ""
    "The Request-URI as written; `target` reads it."

    def _start_line(self) -> str:
        return f"{self.method} {clean_value(self.uri)} SIP/2.0"

    @property
    def target(self) -> Uri:
        return Uri.parse(self.uri)

    def check(self) -> None:
        """See that every header a request must have is there and can be read (RFC 3261 section 8.1.1).

        Raises:
            RemoteProtocolError: with the status to answer.
        """
        _, method = self.cseq
        if method != self.method:
            raise RemoteProtocolError("CSeq and request line name different methods")
        repeated = self.headers.repeated(_SINGLE)
        if repeated is not None:
            raise RemoteProtocolError(f"{repeated} is there twice")
        _ = (self.call_id, self.from_, self.to, self.via, self.target)
        if any("/" not in value for value in self.headers.split("Via")):
            raise RemoteProtocolError("a Via header is broken")
        if "Contact" in self.headers:
            _ = self.contact
        for name in ("Record-Route", "Route"):
            for value in self.headers.split(name):
                NameAddr.parse(value)


@dataclass(slots=True, eq=False)
class Response(Message):
    """A response."""

    status: int = 0
    reason: str = ""

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {clean_value(self.reason)}"

    def check(self) -> None:
        """See that the headers needed to use a response are there.

        Raises:
            RemoteProtocolError: the response must be dropped.
        """
        _ = (self.call_id, self.cseq, self.from_, self.to, self.via)


def parse(data: bytes) -> Request | Response:
    """Read one whole message, as one datagram or one frame of a stream holds it.

    Folded headers, bare line feeds, odd spacing, compact names and bytes that are not UTF-8 are accepted. Bytes after
    the body are cut off.

    Raises:
        RemoteProtocolError: it cannot be read; status 505 for another SIP version, 413 when too long, else 400.
    """
    if len(data) > MAX_MESSAGE:
        raise RemoteProtocolError("the message is too long", sip_status=413)
    head, body = split_head(data.lstrip(b"\r\n"))
    try:
        text, encoding = head.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = head.decode("latin-1"), "latin-1"
    lines = text.replace("\r\n", "\n").split("\n")
    headers = read_headers(lines[1:])
    message = _start(lines[0].replace("\r", " ").strip())
    message.headers, message.encoding = headers, encoding
    length = content_length(headers)
    if length is not None:
        if length > len(body):
            raise RemoteProtocolError("the body is shorter than Content-Length says")
        body = body[:length]
    message.body = body
    return message


def salvage(data: bytes) -> Request | None:
    """What is left of a request that `parse` refused: enough of it to answer, or None.

    Broken header lines are left out; the body is lost.
    """
    head, _ = split_head(data[:MAX_MESSAGE].lstrip(b"\r\n"))
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    words = lines[0].split()
    if len(words) < 2 or words[0].upper().startswith("SIP/") or not _TOKEN.issuperset(words[0]):
        return None
    request = Request(method=words[0], uri=words[1], encoding="latin-1")
    for line in lines[1 : MAX_HEADERS + 1]:
        name, colon, value = line.partition(":")
        if colon and _TOKEN.issuperset(name.strip()) and name.strip():
            request.headers.add(name.strip(), clean_value(value))
    try:
        _ = (request.call_id, request.cseq, request.from_, request.to, request.via)
    except RemoteProtocolError:
        return None
    return request if request.method != "ACK" else None


def parse_part(data: bytes) -> tuple[Headers, bytes]:
    """Read one part of a body of several: its headers, of which there may be none, and its content (RFC 2046).

    Headers that cannot be read are as good as none.
    """
    if data.startswith((b"\r\n", b"\n")):
        return Headers(), data[data.index(b"\n") + 1 :]
    head, content = split_head(data)
    lines = head[:MAX_PART_HEAD].decode("latin-1").replace("\r\n", "\n").split("\n")
    try:
        return read_headers(lines), content
    except RemoteProtocolError:
        return Headers(), content


def split_head(data: bytes) -> tuple[bytes, bytes]:
    """Part a message into head and body at its first empty line; without one, everything is head."""
    ends = [(at, size) for mark, size in ((b"\r\n\r\n", 4), (b"\n\n", 2)) if (at := data.find(mark)) >= 0]
    if not ends:
        return data.rstrip(b"\r\n"), b""
    at, size = min(ends)
    return data[:at], data[at + size :]


def read_headers(lines: list[str]) -> Headers:
    """Read header lines, putting folded ones together (RFC 3261 section 7.3.1).

    Raises:
        RemoteProtocolError: a line without colon or name, or too many lines.
    """
    headers: list[tuple[str, str]] = []
    name, parts = "", [""]
    for line in lines:
        if line[:1] in (" ", "\t", "\r"):
            if not name:
                raise RemoteProtocolError("the first header line is folded")
            parts.append(line.strip())
            continue
        if name:
            headers.append((name, _unfolded(parts)))
            name = ""
        if not line:
            continue
        if len(headers) >= MAX_HEADERS:
            raise RemoteProtocolError("too many headers")
        raw_name, colon, value = line.partition(":")
        name, parts = raw_name.strip(), [clean_value(value)]
        if not colon or not name or not _TOKEN.issuperset(name):
            raise RemoteProtocolError("a header line is broken")
    if name:
        headers.append((name, _unfolded(parts)))
    return Headers(headers)


def _unfolded(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else clean_value(" ".join(parts))


def content_length(headers: Headers) -> int | None:
    """Content-Length as a number; None when it is not there.

    Raises:
        RemoteProtocolError: it is no number, or two of them differ.
    """
    values = {value.strip() for value in headers.all("Content-Length")}
    if not values:
        return None
    if len(values) > 1:
        raise RemoteProtocolError("two Content-Length headers differ")
    text = values.pop()
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise RemoteProtocolError("Content-Length is no number")
    return int(text)


def _start(line: str) -> Request | Response:
    words = line.split(None, 2)
    if len(words) >= 2 and words[0].upper() == "SIP/2.0":
        status = words[1]
        if len(status) != 3 or not (status.isascii() and status.isdigit()) or not "1" <= status[0] <= "6":
            raise RemoteProtocolError("a status line is broken")
        return Response(status=int(status), reason=words[2] if len(words) == 3 else "")
    words = line.split()
    if len(words) != 3 or not _TOKEN.issuperset(words[0]):
        raise RemoteProtocolError("a request line is broken")
    if words[2].upper() != "SIP/2.0":
        raise RemoteProtocolError("another SIP version", sip_status=505)
    return Request(method=words[0], uri=words[1])
