"""3xx: where a call of ours is sent on to, as far as we follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ringline.agent.reach import Target
from ringline.base import RemoteProtocolError
from ringline.sip import Contact, Destination, Response, Uri

MOST_REDIRECTS: Final = 3


def follow(response: Response, *, called: Uri, destinations: Sequence[Target], most: int) -> list[tuple[Uri, Target]]:
    """The contacts of a 3xx to try next, best `q` first.

    Only hosts of this very call count: anything else would be a way to send us anywhere.
    """
    found: list[Contact] = []
    for value in response.headers.split("Contact"):
        try:
            found.append(Contact.parse(value))
        except RemoteProtocolError:
            continue
    found.sort(key=lambda contact: -contact.q)
    chosen: list[tuple[Uri, Target]] = []
    for contact in found:
        uri = contact.uri
        if len(chosen) >= most or uri.scheme not in ("sip", "sips"):
            continue
        same = [each for each in destinations if each.remote[0] == uri.host]
        if same:
            first = same[0]
            name = first.name if isinstance(first, Destination) else ""
            where = Destination(uri.transport or first.transport, uri.host, uri.port or first.remote[1], name)
            # What went out encrypted is not sent on in plain text.
            if first.transport != "tls" or where.transport == "tls":
                chosen.append((uri, where))
        elif uri.host.lower() == called.host.lower():
            chosen.append((uri, destinations[0]))
    return chosen
