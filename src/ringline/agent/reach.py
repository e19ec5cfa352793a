"""Where the requests of a dialog go: along its routes, back over its connection, or through a NAT."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from ringline.agent.names import Names, default_port, literal
from ringline.sip import Destination, Dialog, Flow, Uri

Target = Flow | Destination


def reach(
    names: Names, dialog: Dialog, flow: Flow, *, lost: bool, use: Callable[[Target, float], None], now: float
) -> None:
    """Have `use(target, now)` called, at once or when the next hop's name has been looked up.

    A connection to the far end itself is kept while it lives. Otherwise requests go to the first route or the contact;
    back to where the peer's came from when that cannot be found, or is a private address seen from outside (a phone
    behind a NAT).
    """
    hop = dialog.next_hop()
    if flow.reliable and not lost and not dialog.route_set:
        use(flow, now)
        return

    def found(destinations: tuple[Destination, ...], at: float) -> None:
        use(_choose(hop, destinations, flow, lost), at)

    names.find(hop, found, now)


def _choose(hop: Uri, found: tuple[Destination, ...], flow: Flow, lost: bool) -> Target:
    chosen = next((each for each in found if each.host == flow.remote[0]), found[0] if found else None)
    if chosen is None or _is_hidden(chosen.host, flow.remote[0]):
        return _again(hop, flow) if flow.reliable and lost else flow
    if flow.reliable and not lost and chosen.host == flow.remote[0]:
        return flow
    if lost and hop.transport is None:
        # A name or address that says nothing else is tried the way it worked before.
        return Destination(flow.transport, chosen.host, chosen.port, chosen.name)
    if chosen.transport == "udp" and flow.transport == "udp":
        return Flow("udp", flow.local, chosen.remote)
    return chosen


def _again(hop: Uri, flow: Flow) -> Destination:
    """Where to connect to after the connection of a dialog is gone and its name leads nowhere."""
    address = literal(hop.host)
    name = hop.host.lower().rstrip(".") if address is None and flow.transport == "tls" else ""
    return Destination(flow.transport, address or flow.remote[0], hop.port or default_port(flow.transport), name)


@lru_cache(maxsize=1024)
def _is_hidden(host: str, remote: str) -> bool:
    """Whether an address cannot be reached from here: unspecified, or private while its owner is seen from outside."""
    address = ipaddress.ip_address(host)
    try:
        seen = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    return address.is_unspecified or (address.is_private and not seen.is_private)
