"""Dialogs: the lasting relation two user agents talk in (RFC 3261 section 12)."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import LocalProtocolError, RemoteProtocolError
from ringline.sip.address import NameAddr
from ringline.sip.message import Request, Response
from ringline.sip.uri import Uri
from ringline.sip.via import MAGIC_COOKIE, Via


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One side's view of a dialog. From and To are kept as they were written, so the peer finds its own words again."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    "Our From (or To) value, tag included."
    remote: str
    "The peer's value, tag included."
    remote_target: Uri
    route_set: tuple[str, ...]
    local_cseq: int
    "The number of our latest request; 0 before the first."
    remote_cseq: int | None
    "The number of the peer's latest request."
    encoding: str = "utf-8"

    @classmethod
    def accept(cls, invite: Request, *, to_tag: str) -> Dialog:
        """The dialog of an INVITE that came to us.

        Raises:
            RemoteProtocolError: it has no Contact.
        """
        contact = invite.contact
        if contact is None:
            if (invite.via.branch or "").startswith(MAGIC_COOKIE):
                raise RemoteProtocolError("the INVITE has no Contact")
            # Before RFC 3261 it could be left out; the caller is then where he says he is (RFC 4475 section 3.4.1).
            contact = invite.from_.uri
        return cls(
            call_id=invite.call_id,
            local_tag=to_tag,
            remote_tag=invite.from_.tag or "",
            local=with_tag(invite.headers.get("To") or "", to_tag),
            remote=invite.headers.get("From") or "",
            remote_target=contact,
            route_set=tuple(invite.headers.split("Record-Route")),
            local_cseq=0,
            remote_cseq=invite.cseq[0],
            encoding=invite.encoding,
        )

    @classmethod
    def from_response(cls, invite: Request, response: Response) -> Dialog:
        """The dialog a response to our INVITE makes.

        Raises:
            RemoteProtocolError: the response names no target and the request neither.
        """
        return cls(
            call_id=invite.call_id,
            local_tag=invite.from_.tag or "",
            remote_tag=response.to.tag or "",
            local=invite.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            # A 2xx without Contact breaks the rules, but the call can still be ended where it was begun.
            remote_target=response.contact or invite.target,
            route_set=tuple(reversed(response.headers.split("Record-Route"))),
            local_cseq=invite.cseq[0],
            remote_cseq=None,
            encoding=response.encoding,
        )

    def request(self, method: str, *, cseq: int | None = None) -> Request:
        """A request inside the dialog, without Via and Contact; `cseq` is given for an ACK.

        Raises:
            LocalProtocolError: an ACK without the number of what it acknowledges.
        """
        if cseq is None:
            if method == "ACK":
                raise LocalProtocolError("an ACK needs the CSeq of its INVITE")
            self.local_cseq += 1
            cseq = self.local_cseq
        request = Request(method=method, uri=str(self.remote_target), encoding=self.encoding)
        routes = self.route_set
        if routes and "lr" not in NameAddr.parse(routes[0]).uri.params:
            # A strict router wants itself in the Request-URI and the target as last route (section 12.2.1.1).
            request.uri = str(NameAddr.parse(routes[0]).uri)
            routes = (*routes[1:], f"<{self.remote_target}>")
        for route in routes:
            request.headers.add("Route", route)
        request.headers.add("Max-Forwards", "70")
        request.headers.add("From", self.local)
        request.headers.add("To", self.remote)
        request.headers.add("Call-ID", self.call_id)
        request.headers.add("CSeq", f"{cseq} {method}")
        return request

    def next_hop(self) -> Uri:
        """Where requests go: the first route, else the target."""
        return NameAddr.parse(self.route_set[0]).uri if self.route_set else self.remote_target

    def in_order(self, request: Request) -> bool:
        """Take note of the number of a request from the peer; False when it is older than one before."""
        number = request.cseq[0]
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh(self, message: Request | Response) -> None:
        """Take over the Contact of a target refresh (INVITE, UPDATE and their 2xx)."""
        contact = message.contact
        if contact is not None:
            self.remote_target = contact


def with_tag(value: str, tag: str) -> str:
    """A From or To value as it came, with our tag added."""
    return f"{value};tag={tag}"


def respond(
    request: Request, status: int, reason: str, *, to_tag: str | None = None, received: tuple[str, int] | None = None
) -> Response:
    """The bare response to a request: Via, From, To, Call-ID, CSeq as they came (RFC 3261 section 8.2.6).

    `to_tag` is added when the To has none; `received` is the source to note in the topmost Via (RFC 3581). A request
    that is refused because one of these is missing or unreadable gets the others back, and this one as it is: whoever
    sent it knows the answer by its branch (RFC 3261 section 17.1.3).
    """
    response = Response(status=status, reason=reason, encoding=request.encoding)
    for index, value in enumerate(request.headers.split("Via")):
        response.headers.add("Via", note_source(value, received) if index == 0 and received else value)
    for name in ("From", "To", "Call-ID", "CSeq"):
        known = request.headers.get(name)
        if known:
            tagged = name == "To" and to_tag is not None and not _has_tag(known)
            response.headers.add(name, with_tag(known, to_tag or "") if tagged else known)
    if 100 < status < 300:
        for value in request.headers.all("Record-Route"):
            response.headers.add("Record-Route", value)
    return response


def _has_tag(to: str) -> bool:
    try:
        return NameAddr.parse(to).tag is not None
    except RemoteProtocolError:
        return ";tag=" in to.lower()


def note_source(via: str, source: tuple[str, int]) -> str:
    """Write the source address into a Via value: `received`, and `rport` where it was asked for."""
    hop = Via.parse(via)
    params = hop.params
    if "rport" in params:
        params = params.with_("rport", str(source[1])).with_("received", source[0])
    elif hop.host != source[0]:
        params = params.with_("received", source[0])
    return str(Via(hop.transport, hop.host, hop.port, params))
