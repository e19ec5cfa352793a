"""Who calls and by what way: P-Asserted-Identity, Privacy, Diversion, History-Info (RFC 3325, 3323, 5806, 7044)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote as percent_decode

from ringline.base import RemoteProtocolError
from ringline.sip.address import NameAddr
from ringline.sip.headers import Headers
from ringline.sip.reason import Reason
from ringline.sip.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversion:
    """One forwarding on the way to us: who was called before."""

    uri: Uri
    display: str = ""
    reason: str = "unknown"
    "`unconditional`, `user-busy`, `no-answer` …, lower case."
    counter: int = 1
    "How many forwardings this entry stands for."


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One entry of History-Info: a target the request had."""

    uri: Uri
    "Without its embedded headers."
    index: str
    "`1`, `1.1` …: how the targets follow from each other."
    cause: int | None = None
    "Why it was forwarded from here, as a SIP status (RFC 4458), or the embedded Reason."


def asserted_identity(headers: Headers) -> NameAddr | None:
    """The identity a trusted network vouches for: the `sip:` value if there is one, else `tel:` (RFC 3325 section 9.1).

    P-Preferred-Identity and Remote-Party-ID are not read: nobody vouches for the one, and the other is no standard.
    """
    found: NameAddr | None = None
    for value in headers.split("P-Asserted-Identity"):
        try:
            address = NameAddr.parse(value)
        except RemoteProtocolError:
            continue
        if found is None or (found.uri.scheme == "tel" and address.uri.scheme != "tel"):
            found = address
    return found


def privacy_wishes(headers: Headers) -> frozenset[str]:
    """The words of Privacy, lower case."""
    return frozenset(word.strip().lower() for value in headers.all("Privacy") for word in value.split(";"))


def read_diversions(headers: Headers) -> tuple[Diversion, ...]:
    """Every Diversion, the latest first, as the header is written; broken ones are left out."""
    found = []
    for value in headers.split("Diversion"):
        try:
            address = NameAddr.parse(value)
        except RemoteProtocolError:
            continue
        reason = (address.params.get("reason") or "unknown").lower()
        counter = address.params.get("counter") or ""
        times = int(counter) if counter.isascii() and counter.isdigit() and len(counter) <= 3 else 1
        found.append(Diversion(uri=address.uri, display=address.display, reason=reason, counter=times))
    return tuple(found)


def read_history(headers: Headers) -> tuple[HistoryEntry, ...]:
    """Every History-Info entry in order; broken ones are left out."""
    found = []
    for value in headers.split("History-Info"):
        try:
            address = NameAddr.parse(value)
        except RemoteProtocolError:
            continue
        uri = address.uri
        bare = Uri(uri.scheme, uri.user, uri.host, uri.port, uri.params)
        found.append(HistoryEntry(uri=bare, index=address.params.get("index") or "", cause=_cause(uri)))
    return tuple(found)


def _cause(uri: Uri) -> int | None:
    """The `cause` parameter of the URI, else the cause of a Reason among its embedded headers."""
    text = uri.params.get("cause") or ""
    if text.isascii() and text.isdigit() and len(text) == 3:
        return int(text)
    for piece in uri.headers.split("&"):
        name, _, value = piece.partition("=")
        if name.lower() == "reason":
            return Reason.parse(percent_decode(value)).cause
    return None


def is_anonymous(headers: Headers, from_: NameAddr) -> bool:
    """Whether the caller hides: by Privacy (RFC 3323) or by the From that RFC 3261 section 8.1.1.3 proposes."""
    if privacy_wishes(headers) & {"id", "user", "header"}:
        return True
    uri = from_.uri
    return not uri.user or uri.user.lower() == "anonymous" or uri.host.lower() == "anonymous.invalid"
