"""Calls that come in: whose they are, what stands in their way, and the port each gets for its audio."""

from __future__ import annotations

from dataclasses import replace

from ringline import sdp
from ringline.accounts import Application, Directory
from ringline.agent import IncomingCall
from ringline.base import LegId, MediaError, NegotiationError, RemoteProtocolError, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.ports import Endpoint, Media
from ringline.engine.sip.browser_audio import speaks_webrtc
from ringline.engine.sip.forwarding import forwarding_of, forwarding_script
from ringline.engine.sip.offer_answer import OfferAnswer
from ringline.engine.sip.referrals import Referrals
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.trunk_load import TrunkLoad
from ringline.engine.sip.ways import SipLink
from ringline.routing import UNKNOWN, Inbound, Refuse, RoutingTable, Trunk
from ringline.webhooks import sip_fields

log = get_log(__name__)


class WayIn:
    """Lets calls in, or refuses them."""

    def __init__(
        self,
        endpoint: Endpoint,
        phones: dict[LegId, SipLeg],
        *,
        engine: Engine,
        link: SipLink,
        media: Media,
        directory: Directory,
        load: TrunkLoad,
        offers: OfferAnswer,
        referrals: Referrals,
    ) -> None:
        """`endpoint` reaches the legs that are let in; `phones` are all live SIP legs, and these come to them."""
        self._endpoint = endpoint
        self._phones = phones
        self._engine = engine
        self._link = link
        self._media = media
        self._directory = directory
        self._load = load
        self._offers = offers
        self._referrals = referrals

    def take(self, routing: RoutingTable, call: IncomingCall) -> None:
        """Give a call to the application of the number, or refuse it."""
        leg = call.leg
        if call.replaces is not None:
            self._taken_over(routing, call, call.replaces)
            return
        found = routing.inbound(call.identity, to_user=call.to_user, header_user=call.header_user)
        application = None if isinstance(found, Refuse) else self._owner_of(found)
        if isinstance(found, Refuse) or application is None or application.voice is None:
            # A domain is known though its application takes no calls; of a number that is not said.
            known = 480 if call.identity.startswith("domain:") else 404
            status = found.status if isinstance(found, Refuse) else known
            self._refuse(leg, status, "nobody is called by this number")
            return
        trunk = routing.trunk(call.identity)
        if not self._let_in(routing, call, trunk):
            return
        caller = _caller(routing, call)
        kind = found.endpoint_type
        self._engine.incoming(
            leg,
            self._endpoint,
            application,
            from_=Party(kind=kind, address=caller),
            to=Party(kind="phone" if found.number else kind, address=found.to),
            sip_headers=sip_fields(call.headers),
            script=self._forwarding(found, caller or UNKNOWN),
        )
        self._engine.trace(leg, {"what": "sip", "direction": "in", "text": f"INVITE {call.request_uri}"})
        for each in call.diversions:
            text = f"forwarded by {each.uri.without_secrets()} ({each.reason})"
            self._engine.trace(leg, {"what": "sip", "direction": "in", "text": text})
        if trunk is not None and (rated := self._engine.guard.rating(leg, "in", found.number)) is not None:
            self._engine.report(rated)

    def _taken_over(self, routing: RoutingTable, call: IncomingCall, replaced: LegId) -> None:
        """A phone goes on with the call of another one of its user (RFC 3891)."""
        if not self._referrals.may_take_over(routing, call):
            self._refuse(call.leg, 403, "it may not take this call over")
        elif self._let_in(routing, call, None):
            event = events.LegReplaces(
                leg=call.leg,
                replaced=replaced,
                from_=Party(kind="sip", address=_caller(routing, call)),
                to=Party(kind="sip", address=call.to_user),
                sip_headers=sip_fields(call.headers),
            )
            if not self._engine.transfers.take_over(self._endpoint, event):
                self._endpoint.release(call.leg, sip_code=603, far_is_gone=False)

    def _let_in(self, routing: RoutingTable, call: IncomingCall, trunk: Trunk | None) -> bool:
        """Give a call its port, if there is one and audio that both speak; else refuse it."""
        leg = call.leg
        if trunk is not None and not self._load.take(leg, trunk):
            self._refuse(leg, 486, f"trunk {trunk.name} carries all the calls it may")
            return False
        codecs = trunk.codecs if trunk is not None else ()
        srtp = routing.srtp_of(call.identity)
        offer = None
        if call.sdp is not None:
            try:
                offer = sdp.SessionDescription.parse(call.sdp)
                self._offers.check(leg, offer, codecs, srtp)
            except NegotiationError as error:
                self._refuse(leg, 488, str(error))
                return False
            except RemoteProtocolError as error:
                self._refuse(leg, error.sip_status, str(error))
                return False
        try:
            # A browser's leg is opened by its offer, with what answers it, or by ours.
            late = offer is None and self._offers.browsers.may_call_without_offer(call.source)
            browser = late or (offer is not None and speaks_webrtc(offer))
            ours = self._offers.ours(leg, *(("127.0.0.1", 9) if browser else self._media.open(leg)), codecs, srtp)
        except MediaError as error:
            self._refuse(leg, 503, str(error))
            return False
        if trunk is not None and (barred := self._engine.guard.comes(leg, trunk.name)) is not None:
            self._media.close(leg)
            self._refuse(leg, 503, barred.why)
            return False
        ours = self._offers.seen_from(call.source.remote[0], replace(ours, offers_srtp=call.source.transport == "tls"))
        user = routing.user_named(call.username)
        phone = self._phones[leg] = SipLeg(leg, ours, offer=offer, home=call.to_host, awaits_browser=late)
        phone.user, phone.home_port = user.username if user is not None else None, call.source.local[1]
        return True

    def _owner_of(self, found: Inbound) -> Application | None:
        """Whose call it is; forwarded ones of a number without application belong to nobody, and are told to nobody."""
        owner = self._directory.application(found.application) if found.application is not None else None
        return forwarding_of(owner) if found.forwarded else owner

    def _forwarding(self, found: Inbound, caller: str) -> str | None:
        """What is done with a call to a forwarded number; None: the application is asked."""
        number = self._directory.number(found.number) if found.forwarded and found.number is not None else None
        return forwarding_script(number, caller) if number is not None else None

    def _refuse(self, leg: LegId, status: int, why: str) -> None:
        log.info("a call was refused", leg=leg, status=status, why=why)
        self._load.free(leg)
        self._link.command(lambda agent, now: agent.refuse(leg, status, now=now))


def _caller(routing: RoutingTable, call: IncomingCall) -> str:
    """Who calls, as webhooks show it; empty when he hides."""
    caller = routing.caller(
        call.identity,
        from_user=call.from_user,
        from_host=call.from_host,
        anonymous=call.anonymous,
        asserted_user=call.asserted.uri.user if call.asserted is not None else None,
    )
    return "" if caller == UNKNOWN else caller
