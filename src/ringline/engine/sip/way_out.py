"""Calls that go out: which ways they may take, and what stands in their way (help, limits, full trunks)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from ringline.base import ApplicationId, LegId, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.guard import dialled_digits
from ringline.engine.sip.trunk_load import TrunkLoad
from ringline.engine.sip.ways import Ways
from ringline.routing import Route, RoutingTable, Unroutable, read_list

log = get_log(__name__)
_CAUSES = {
    ("rejected", "invalid_number"): "invalid-number",
    ("unanswered", "unavailable"): "unavailable",
}


@dataclass(slots=True, kw_only=True)
class Outing:
    """One call on its way out."""

    application: ApplicationId
    routes: deque[Route]
    "Ways that are left to try."
    dialled: str
    "The digits that are sent; empty: it is no number, or nobody outside is called."
    codecs: tuple[str, ...]
    "In the order of our offer, where the trunk has none of its own."
    urgent: bool = False
    "Somebody calls for help: no limit stands in the way."
    rated: bool = False
    "Its price has been told."
    alerted: bool = False
    "The far end has rung: another trunk would ring it twice."
    referred_by: str = ""
    "The user of ours who has transferred a call there."
    wait_s: float | None = None
    "Of an address in a list: so long it may be silent."
    instead: Outing | None = None
    "The next address of the list."
    failed: events.LegFailed | None = None
    "What was answered by the addresses before, if anything."


class WayOut:
    """Finds the ways of a call, and judges each before it is taken."""

    def __init__(self, engine: Engine, ways: Ways, load: TrunkLoad, codecs: tuple[str, ...]) -> None:
        self._engine = engine
        self._ways = ways
        self._load = load
        self._codecs = codecs

    def find(
        self, routing: RoutingTable, leg: LegId, to: Party, from_: Party, application: ApplicationId
    ) -> Outing | events.LegFailed:
        """The ways to somebody; or why there are none: nobody helps, nobody may call there, nothing leads there.

        Of a list of addresses (a forwarded number) those that lead nowhere are left out.
        """
        listed = read_list(to.address) if to.kind == "sip" else ()
        if not listed:
            return self._find(routing, leg, to, from_, application)
        found: Outing | events.LegFailed = events.LegFailed(leg=leg, cause="no-route", why="nothing is listed")
        for address in reversed(listed):
            one = self._find(routing, leg, replace(to, address=address.uri), from_, application)
            if isinstance(one, Outing):
                one.wait_s = address.wait_s
                one.instead = found if isinstance(found, Outing) else None
            if isinstance(one, Outing) or not isinstance(found, Outing):
                found = one
        return found

    def _find(
        self, routing: RoutingTable, leg: LegId, to: Party, from_: Party, application: ApplicationId
    ) -> Outing | events.LegFailed:
        guard = self._engine.guard
        route = _route(routing, leg, to, from_)
        inside = isinstance(route, Route) and route.trunk is None and to.kind in ("phone", "vbc")
        dialled = "" if inside else dialled_digits(to)
        urgent = guard.emergency.calls_for_help(dialled)
        if urgent:
            trunk = guard.emergency.trunk
            if trunk is None:
                return guard.failure(leg, guard.help_refused(application, dialled))
            log.warning("an emergency call goes out", leg=leg, application=application, trunk=trunk)
            route = routing.emergency_route(dialled, trunk, caller=from_.address or None)
        if isinstance(route, Unroutable):
            cause = _CAUSES.get((route.status, route.detail), "no-route")
            return events.LegFailed(leg=leg, cause=cause, why=route.why)
        if route.trunk is not None and not urgent:
            refusal = guard.reaches(application, routing.number_through(route.trunk, dialled))
            if refusal is not None:
                return guard.failure(leg, refusal)
        return Outing(
            application=application,
            routes=deque(self._ways.in_order(route)),
            dialled=dialled,
            codecs=_codecs_to(to, self._codecs),
            urgent=urgent,
            referred_by=to.details.get("referred_by", ""),
        )

    def barred(self, routing: RoutingTable, leg: LegId, outing: Outing, route: Route) -> events.LegFailed | None:
        """Why a call cannot take this way; None when it can: it is counted for the trunk then, and its price told."""
        if route.trunk is None:
            return None
        trunk = routing.trunk_named(route.trunk)
        if trunk is not None and not self._load.take(leg, trunk, anyway=outing.urgent):
            return events.LegFailed(leg=leg, cause="response", sip_code=503, why=f"trunk {trunk.name} is full")
        if outing.urgent:
            return None
        guard = self._engine.guard
        number = routing.number_through(route.trunk, outing.dialled)
        refusal = guard.leaves(leg, outing.application, route.trunk, number)
        if refusal is not None:
            self._load.free(leg)
            return guard.failure(leg, refusal)
        if not outing.rated and (rated := guard.rating(leg, "out", number)) is not None:
            outing.rated = True
            self._engine.report(rated)
        return None


def _route(routing: RoutingTable, leg: LegId, to: Party, from_: Party) -> Route | Unroutable:
    caller = from_.address or None
    details: Any = to.details
    match to.kind:
        case "phone":
            return routing.phone_route(to.address, caller=caller, identity_header=details.get("shaken"))
        case "vbc":
            return routing.extension_route(to.address, caller=caller, leg=leg)
        case _ if "trunk" in details:
            return routing.sip_trunk_route(
                details["user"],
                details["trunk"],
                caller=caller,
                leg=leg,
                headers=details.get("headers"),
                standard_headers=details.get("standard_headers"),
            )
        case _:
            return routing.sip_route(
                to.address,
                caller=caller,
                leg=leg,
                headers=details.get("headers"),
                standard_headers=details.get("standard_headers"),
            )


def _codecs_to(to: Party, codecs: tuple[str, ...]) -> tuple[str, ...]:
    """The order of an offer: where +1 leads, networks speak µ-law, and everywhere else A-law (ITU-T G.711)."""
    if to.kind != "phone" or not to.address.startswith("1") or not {"PCMA", "PCMU"} <= set(codecs):
        return codecs
    laws = iter(("PCMU", "PCMA"))
    return tuple(next(laws) if codec in ("PCMA", "PCMU") else codec for codec in codecs)
