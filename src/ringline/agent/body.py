"""Finding the SDP in a message, alone or as a part of several (RFC 3261 section 7.4, RFC 5621)."""

from __future__ import annotations

from ringline.base import RemoteProtocolError
from ringline.sip import Params, Request, Response

_MOST_PARTS = 16


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
    kind = message.content_type
    if kind in ("application/sdp", ""):
        return message.body
    if kind == "multipart/mixed":
        _, _, params = (message.headers.get("Content-Type") or "").partition(";")
        return _from_parts(message.body, Params.parse(params).get("boundary") or "")
    raise RemoteProtocolError("the body is no SDP", sip_status=415)


def _from_parts(body: bytes, boundary: str) -> bytes:
    if boundary:
        for part in body.split(b"--" + boundary.encode())[1 : _MOST_PARTS + 1]:
            head, _, content = part.replace(b"\r\n", b"\n").partition(b"\n\n")
            if b"application/sdp" in head.lower():
                return content.replace(b"\n", b"\r\n")
    raise RemoteProtocolError("no part of the body is SDP", sip_status=415)
