"""REFER and Replaces of SIP phones: who may ask for a transfer, and whom he means by it."""

from __future__ import annotations

from collections.abc import Mapping

from ringline.agent import IncomingCall, ReferReceived
from ringline.base import LegId, Private, get_log
from ringline.calls.events import ReferAsked
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.ways import SipLink
from ringline.routing import Referred, RoutingTable
from ringline.sip import Places

log = get_log(__name__)
_DECLINED = 603


class Referrals:
    """Only users of ours transfer calls: a trunk that tries is told 603."""

    def __init__(self, engine: Engine, link: SipLink, places: Places, phones: Mapping[LegId, SipLeg]) -> None:
        """`phones` are all live SIP legs; somebody else keeps them."""
        self._engine = engine
        self._link = link
        self._places = places
        self._phones = phones

    def asked(self, routing: RoutingTable, phone: SipLeg, event: ReferReceived) -> None:
        """A phone asks for a transfer: refuse it, or have the conversation decide."""
        user = routing.user_named(phone.user)
        if user is None:
            self.tell(phone.leg, _DECLINED, "Only registered phones transfer calls")
        elif event.replaces is not None:
            self._attended(phone, event.replaces)
        elif (found := self._found(routing, phone, event.target)) is None:
            self.tell(phone.leg, _DECLINED, "Refer-To names nobody who could be called")
        else:
            log.info("a phone transfers its call", leg=phone.leg, user=user.username, to=Private(found.address))
            self._engine.trace(phone.leg, {"what": "sip", "direction": "in", "text": f"Refer-To: {event.target}"})
            details = {"referred_by": routing.address_of(user)}
            self._engine.report(
                ReferAsked(leg=phone.leg, to=Party(kind=found.kind, address=found.address, details=details))
            )

    def tell(self, leg: LegId, status: int, reason: str) -> None:
        """Tell a phone how far it is."""
        self._link.command(lambda agent, now: agent.tell_referrer(leg, status, reason, now=now))

    def may_take_over(self, routing: RoutingTable, call: IncomingCall) -> bool:
        """Whether a call that names another in `Replaces` may take its place: both phones must be of one user."""
        other = self._phones.get(call.replaces) if call.replaces is not None else None
        user = routing.user_named(call.username)
        return other is not None and user is not None and other.user == user.username

    def _attended(self, phone: SipLeg, replaced: LegId) -> None:
        other = self._phones.get(replaced)
        if other is None or other.user != phone.user:
            self.tell(phone.leg, _DECLINED, "Replaces names no call of yours")
            return
        log.info("a phone brings its calls together", leg=phone.leg, other=replaced, user=phone.user)
        if not self._engine.transfers.bring_together(phone.leg, replaced):
            self.tell(phone.leg, _DECLINED, "There are no two calls to bring together")

    def _found(self, routing: RoutingTable, phone: SipLeg, target: str) -> Referred | None:
        """Whom the phone means; it may know us by another host than the settings have."""
        ours = [place.sip_host for place in (self._places.usual, *self._places.others)]
        homes = frozenset(host.lower() for host in (phone.home, *ours))
        return routing.referred(target, homes=homes, port=phone.home_port)
