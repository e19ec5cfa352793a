"""Calls on their way out: by one way after the other, until one leads somewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ringline import sdp
from ringline.agent import Failed
from ringline.base import ApplicationId, LegId, MediaError, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.ports import Media
from ringline.engine.sip.offer_answer import OfferAnswer
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.sip_words import dial_all, failure_of
from ringline.engine.sip.way_out import Outing, WayOut
from ringline.engine.sip.ways import FAILS_OVER, SipLink, Ways
from ringline.engine.supervise import Scope
from ringline.routing import RoutingTable
from ringline.sip import Flow

log = get_log(__name__)


class Dialling:
    """Sends the INVITEs of calls that go out, and tries the next way when a trunk fails."""

    def __init__(
        self,
        phones: dict[LegId, SipLeg],
        routing: Callable[[], RoutingTable],
        *,
        engine: Engine,
        link: SipLink,
        media: Media,
        ways: Ways,
        way_out: WayOut,
        offers: OfferAnswer,
    ) -> None:
        """`phones` are all live SIP legs, and those dialled here come to them; `routing` gives the table in force."""
        self._phones = phones
        self._routing = routing
        self._engine = engine
        self._link = link
        self._media = media
        self._ways = ways
        self._way_out = way_out
        self._offers = offers
        self._scopes: dict[LegId, Scope] = {}

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        """Find the ways to somebody, and call by the first."""
        scope = self._scopes[leg] = Scope(f"dial:{leg}")
        scope.start(self._dial(leg, to, from_, application), name="invite")

    def drop(self, leg: LegId) -> None:
        """The leg is gone: no further way is tried."""
        scope = self._scopes.pop(leg, None)
        if scope is not None:
            scope.close()

    async def _dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        report = self._engine.report
        found = self._way_out.find(self._routing(), leg, to, from_, application)
        if not isinstance(found, Outing):
            report(found)
            return
        try:
            ours = self._offers.ours(leg, *self._media.open(leg), (), "off")
        except MediaError as error:
            report(events.LegFailed(leg=leg, cause="internal", sip_code=503, why=str(error)))
            return
        phone = self._phones[leg] = SipLeg(leg, ours, outing=found)
        failure = events.LegFailed(leg=leg, cause="no-route", why="no way is left")
        await self._try(phone, found, failure)

    async def _try(self, phone: SipLeg, outing: Outing, failure: events.LegFailed) -> None:
        """Call by the next way that leads somewhere; when none does, the failure before is the outcome."""
        leg = phone.leg
        while outing.routes or outing.instead is not None:
            if not outing.routes and outing.instead is not None:
                outing = phone.outing = outing.instead
            route = outing.routes.popleft()
            barred = self._way_out.barred(self._routing(), leg, outing, route)
            if barred is not None:
                failure = barred
                continue
            phone.ours = replace(phone.ours, codecs=route.codecs or outing.codecs, srtp=route.srtp)
            phone.trunk, phone.user = route.trunk, route.user
            invites = await self._ways.invites(route)
            if leg not in self._phones:
                return
            if invites and route.user is not None and outing.referred_by:
                by = (("Referred-By", f"<{outing.referred_by}>"),)  # our users may know who it was (RFC 3892)
                invites = [replace(each, headers=(*each.headers, *by)) for each in invites]
            if invites:
                first = invites[0].destinations[0]
                phone.home_port = first.local[1] if isinstance(first, Flow) else None
                phone.ours = self._offers.seen_from(first.remote[0], phone.ours)
                private = all(each.transport == "tls" for invite in invites for each in invite.destinations)
                phone.ours = replace(phone.ours, offers_srtp=private)
                description = phone.local = sdp.offer(phone.ours)
                others = bool(outing.routes)
                invites = [replace(each, others=others, patience_s=outing.wait_s) for each in invites]
                invites = self._offers.browsers.with_offers(phone, description, invites)
            if invites:
                self._link.command(partial(dial_all, leg, invites))
                return
            nowhere = f"{route.hop.host} cannot be found"
            failure = events.LegFailed(leg=leg, cause="no-route", why=nowhere)
            if route.user is not None:
                failure = events.LegFailed(leg=leg, cause="unavailable", why=f"{route.user} is not registered")
        self._engine.report(outcome(phone, failure))

    def next_way(self, phone: SipLeg, failed: Failed) -> bool:
        """A trunk failed: try the next one; False when there is none, or somebody was alerted already."""
        trunk, pause, outing = phone.trunk, failed.retry_after_s, phone.outing
        if trunk is not None and pause:
            self._link.command(lambda agent, now: agent.peers.failed(trunk, pause, now))
        scope = self._scopes.get(phone.leg)
        if outing is None or scope is None:
            return False
        its_fault = failed.status in FAILS_OVER or (outing.wait_s is not None and (failed.status or 0) // 100 == 5)
        if not its_fault or outing.alerted or not outing.routes:
            outing.routes.clear()  # who was called has been reached, or is not there
        if not its_fault or (not outing.routes and outing.instead is None):
            return False
        if outing.instead is not None and failed.status is not None:
            outing.instead.failed = failure_of(failed)
        log.info("a trunk failed, the next is tried", leg=phone.leg, trunk=trunk, why=failed.reason)
        scope.start(self._try(phone, outing, failure_of(failed)), name="next")
        return True


def outcome(phone: SipLeg, failure: events.LegFailed) -> events.LegFailed:
    """How a call has failed: where several addresses were called, the last answer counts more than a later silence."""
    earlier = phone.outing.failed if phone.outing is not None else None
    return earlier if earlier is not None and failure.cause == "no-response" else failure
