"""Routes written out: what stands in the INVITE of a call that leaves, through a trunk or to an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ringline.routing.numbers import digits_of
from ringline.routing.trunks import written_for
from ringline.routing.uri import SipAddress, bracketed
from ringline.routing.values import UNKNOWN, Hop, Route, Srtp, Trunk, Unroutable

_ANONYMOUS_URI: Final = "sip:anonymous@anonymous.invalid"


class RouteWriter:
    """Writes routes by the rules for caller ids, and refuses those that cannot be gone."""

    def __init__(
        self,
        *,
        sip_host: str,
        shows: Callable[[str], bool],
        caller_id: str,
        transports: Sequence[str],
        srtp: bool,
    ) -> None:
        """`shows` tells whether digits are a number or extension of ours; `caller_id` is the policy where no trunk has
        its own; `transports` and `srtp` say what can be spoken here.
        """
        self._sip_host = sip_host
        self._shows = shows
        self._caller_id = caller_id
        self._transports = tuple(transports)
        self._srtp = srtp

    def through(
        self, trunk: Trunk, uri: str, caller: str | None, *, suffix: str, headers: tuple[tuple[str, str], ...]
    ) -> Route | Unroutable:
        """The way through a trunk to `uri`, which is written as the trunk wants it.

        `suffix` stands behind the caller's address in P-Asserted-Identity, `headers` are added to those of the trunk.
        """
        assert trunk.host is not None  # those that only bring calls in were passed over
        if trunk.transport is not None and trunk.transport not in self._transports:
            return cannot_route(f"the trunk wants {trunk.transport}, which is not available")
        if trunk.srtp == "required" and not self._srtp:
            return cannot_route("the trunk wants encrypted audio, which is not available")
        shown = self._shown(caller, policy=trunk.caller_id) or trunk.caller_number
        if shown is None:
            asserted: tuple[tuple[str, str], ...] = (("Privacy", "id"),)
        else:
            number = written_for(trunk, shown)
            asserted = (("P-Asserted-Identity", f"<sip:{number}@{bracketed(self._sip_host)}{suffix}>"),)
        return Route(
            request_uri=uri,
            to_uri=uri,
            hop=Hop(host=trunk.host, port=trunk.port, transport=trunk.transport),
            from_uri=self._from_uri(written_for(trunk, shown) if shown is not None else None),
            from_display="Anonymous" if shown is None else None,
            headers=(*asserted, *trunk.headers, *headers),
            credentials=trunk.credentials,
            caller=shown or UNKNOWN,
            trunk=trunk.name,
            codecs=trunk.codecs,
            srtp=trunk.srtp,
        )

    def to_address(
        self,
        address: SipAddress,
        caller: str | None,
        *,
        trunk: Trunk | None,
        headers: tuple[tuple[str, str], ...],
        srtp: Srtp = "optional",
    ) -> Route | Unroutable:
        """The way to an address itself, with what is agreed with `trunk` where that is its host."""
        srtp = trunk.srtp if trunk is not None else srtp
        if address.transport is not None and address.transport not in self._transports:
            return cannot_route(f"{address.transport} is not available")
        if (address.srtp or srtp == "required") and (not self._srtp or srtp == "off"):
            # Falling back to plain audio would betray what was asked for.
            return cannot_route("encrypted audio is not available")
        shown = self._shown(caller, policy=trunk.caller_id if trunk is not None else self._caller_id)
        if shown is None and trunk is not None:
            shown = trunk.caller_number
        privacy = () if shown is not None else (("Privacy", "id"),)
        asserted: tuple[tuple[str, str], ...] = ()
        if trunk is not None and shown is not None:
            asserted = (("P-Asserted-Identity", f"<sip:{shown}@{bracketed(self._sip_host)}>"),)
        uri = address.request_uri()
        return Route(
            request_uri=uri,
            to_uri=uri,
            hop=Hop(host=address.host, port=address.port, transport=address.transport),
            from_uri=self._from_uri(shown),
            from_display="Anonymous" if shown is None else None,
            headers=(*asserted, *privacy, *(trunk.headers if trunk is not None else ()), *headers),
            credentials=trunk.credentials if trunk is not None else None,
            caller=shown or UNKNOWN,
            trunk=trunk.name if trunk is not None else None,
            codecs=trunk.codecs if trunk is not None else (),
            srtp="required" if address.srtp else srtp,
        )

    def _shown(self, caller: str | None, *, policy: str = "own") -> str | None:
        """The caller id that may be shown: our numbers and extensions, or any number where `policy` is `any`."""
        digits = digits_of(caller) if caller is not None else None
        if digits is None:
            return None
        return digits if policy == "any" or self._shows(digits) else None

    def _from_uri(self, user: str | None) -> str:
        return f"sip:{user}@{bracketed(self._sip_host)}" if user is not None else _ANONYMOUS_URI


def cannot_route(why: str) -> Unroutable:
    """There is no way, for a reason that is nobody's mistake."""
    return Unroutable(status="failed", detail="cannot_route", why=why)
