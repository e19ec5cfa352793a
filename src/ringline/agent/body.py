"""Finding the SDP in a message, alone or as a part of several (RFC 3261 section 7.4, RFC 5621)."""

from __future__ import annotations

from typing import Final

from ringline.base import RemoteProtocolError
from ringline.sip import Params, Request, Response, parse_part

_MOST_PARTS: Final = 16
_DEEPEST: Final = 3


def read_sdp(message: Request | Response) -> bytes | None:
    """The SDP a message carries; None when it has no body.

    Raises:
        RemoteProtocolError: status 415, the body is something else.
    """
    if not message.body:
        return None
    encoding = (message.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise RemoteProtocolError("an encoded body", sip_status=415)
    if message.content_type == "":
        return message.body
    found = _find(message.headers.get("Content-Type") or "", message.body, _DEEPEST)
    if found is None:
        raise RemoteProtocolError("the body is no SDP", sip_status=415)
    return found


def _find(content_type: str, body: bytes, depth: int) -> bytes | None:
    """The SDP in a body of a type; None when there is none in it."""
    kind, _, params = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/sdp":
        return body
    boundary = Params.parse(params).get("boundary")
    if not kind.startswith("multipart/") or not boundary or not depth:
        return None
    parts = _parts(body, boundary.encode())
    if kind == "multipart/alternative":
        parts.reverse()  # the best comes last (RFC 2046 section 5.1.4)
    for headers, content in map(parse_part, parts):
        # An SDP of another disposition (early-session, preview) is none of the call's (RFC 5621 section 4).
        disposition = (headers.get("Content-Disposition") or "session").partition(";")[0].strip().lower()
        found = _find(headers.get("Content-Type") or "text/plain", content, depth - 1)
        if found is not None and disposition == "session":
            return found
    return None


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the delimiters (RFC 2046 section 5.1.1): each at the start of a line, which it takes away."""
    mark = b"\n--" + boundary
    parts = (b"\n" + body).split(mark)[1 : _MOST_PARTS + 1]
    found: list[bytes] = []
    for part in parts:
        if part.startswith(b"--"):
            break
        # Rest of the delimiter's line; the line end before the next delimiter belongs to that one.
        _, _, whole = part.partition(b"\n")
        found.append(whole.removesuffix(b"\r"))
    return found
