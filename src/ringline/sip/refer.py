"""What REFER says: Refer-To (RFC 3515), Replaces (RFC 3891), Referred-By (RFC 3892), Refer-Sub (RFC 4488)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote as percent_decode

from ringline.base import RemoteProtocolError
from ringline.sip.address import NameAddr
from ringline.sip.message import Request
from ringline.sip.params import Params
from ringline.sip.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaces:
    """The dialog whose place a call is to take, as its other side names it."""

    call_id: str
    to_tag: str
    "The tag of the side that reads this."
    from_tag: str
    "The tag of its far end."
    early_only: bool = False
    "Only if it is not answered yet."

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Read a header's value.

        Raises:
            RemoteProtocolError: it does not name a dialog.
        """
        call_id, _, rest = text.strip().partition(";")
        params = Params.parse(rest)
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or not to_tag or not from_tag:
            raise RemoteProtocolError("Replaces names no dialog")
        return cls(call_id=call_id.strip(), to_tag=to_tag, from_tag=from_tag, early_only="early-only" in params)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferWish:
    """What somebody asks for by a REFER."""

    target: Uri
    "Who is to be called, without the headers that stood in the URI."
    replaces: Replaces | None
    "The other call of an attended transfer."
    referred_by: NameAddr | None
    "Who says that he asks for it; nobody has checked that."
    quiet: bool
    "How it goes is not to be told."


def read_refer(request: Request) -> ReferWish:
    """Read a REFER.

    Raises:
        RemoteProtocolError: it does not name one somebody to be called.
    """
    named = request.headers.all("Refer-To")
    if len(named) != 1:
        raise RemoteProtocolError("there must be one Refer-To")
    # Without brackets all of it is meant as the URI: phones write its parameters and headers so, too.
    value = named[0] if "<" in named[0] else f"<{named[0]}>"
    try:
        uri = NameAddr.parse(value).uri
        by = request.headers.get("Referred-By")
        referred_by = NameAddr.parse(by) if by else None
    except RemoteProtocolError as error:
        # Another scheme is no reason for a 416, which would end the dialog with it (RFC 5057 section 5.1).
        raise RemoteProtocolError(str(error)) from None
    method = uri.params.get("method")
    if method is not None and method.upper() != "INVITE":
        raise RemoteProtocolError("nothing but an INVITE is sent for a REFER")
    carried = [value for name, value in _headers_of(uri) if name == "replaces"]
    if len(carried) > 1:
        raise RemoteProtocolError("there are two Replaces")
    quiet = (request.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
    target = Uri(uri.scheme, uri.user, uri.host, uri.port, uri.params.without("method"))
    replaces = Replaces.parse(carried[0]) if carried else None
    return ReferWish(target=target, replaces=replaces, referred_by=referred_by, quiet=quiet)


def read_replaces(request: Request) -> Replaces | None:
    """The call whose place an INVITE is to take; None: it takes nobody's.

    Raises:
        RemoteProtocolError: the header is there twice, or cannot be read.
    """
    values = request.headers.all("Replaces")
    if len(values) > 1:
        raise RemoteProtocolError("there are two Replaces")
    return Replaces.parse(values[0]) if values else None


def _headers_of(uri: Uri) -> list[tuple[str, str]]:
    pairs = [piece.partition("=") for piece in uri.headers.split("&") if piece]
    return [(percent_decode(name).strip().lower(), percent_decode(value)) for name, _, value in pairs]
