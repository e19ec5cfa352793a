"""Phones and SIP addresses as endpoints: what a SIP dialog, its offers and answers mean for a leg and its audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ringline import sdp
from ringline.accounts import Application, Directory
from ringline.agent import (
    AgentEvent,
    Answered,
    Cancelled,
    Confirmed,
    Ended,
    Failed,
    IncomingCall,
    KeyByInfo,
    Notice,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    Provisional,
    ReferReceived,
    Traced,
)
from ringline.base import ApplicationId, LegId, MediaError, NegotiationError, Random, RemoteProtocolError, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.ports import Media, MediaConnected, MediaInterrupted, SipResolver, WebRtc
from ringline.engine.sip.browser_audio import BrowserAudio, speaks_webrtc
from ringline.engine.sip.dialogs import Dialogs
from ringline.engine.sip.forwarding import forwarding_of, forwarding_script
from ringline.engine.sip.one_way import OneWayAudio
from ringline.engine.sip.referrals import Referrals
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.sip_words import dial_all, error_of, failure_of, rtp_plan
from ringline.engine.sip.trunk_load import TrunkLoad
from ringline.engine.sip.way_out import Outing, WayOut
from ringline.engine.sip.ways import FAILS_OVER, SipLink, Ways
from ringline.engine.supervise import Scope
from ringline.routing import UNKNOWN, Inbound, Refuse, RoutingTable, Trunk
from ringline.sip import Credentials, Flow, Places
from ringline.webhooks import sip_fields

log = get_log(__name__)
_ALERTING = (180, 183)


class Phones:
    """The endpoint of kinds `phone`, `sip` and `vbc`."""

    def __init__(
        self,
        *,
        engine: Engine,
        link: SipLink,
        media: Media,
        directory: Directory,
        routing: RoutingTable,
        resolver: SipResolver,
        codecs: tuple[str, ...],
        places: Places,
        random: Random,
        webrtc: WebRtc | None = None,
    ) -> None:
        """`random` makes the keys of encrypted audio; `webrtc` is for phones in browsers."""
        self.routing = routing
        "Replaced as a whole when settings are read again."
        self._engine = engine
        self._link = link
        self._media = media
        self._directory = directory
        self._ways = Ways(link, resolver)
        self._codecs = codecs
        self._places = places
        self._random = random
        self._browsers = BrowserAudio(webrtc, codecs)
        self._one_way = OneWayAudio(media, engine.trace)
        self._load = TrunkLoad()
        self._phones: dict[LegId, SipLeg] = {}
        self._dialling: dict[LegId, Scope] = {}
        self._way_out = WayOut(engine, self._ways, self._load, codecs)
        self._referrals = Referrals(engine, link, places, self._phones)
        self._dialogs = Dialogs(link, engine.outside.store, self._credentials_of)
        engine.watch_media(self.media_changed)

    def end_remnants(self, left: Sequence[tuple[LegId, Mapping[str, Any]]]) -> int:
        """Tell the far ends of legs whose process died that they are over; return how many were told."""
        return self._dialogs.end(left)

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        scope = self._dialling[leg] = Scope(f"dial:{leg}")
        scope.start(self._dial(leg, to, from_, application), name="invite")

    def alert(self, leg: LegId) -> None:
        self._link.command(lambda agent, now: agent.ring(leg, now=now))

    def open_early(self, leg: LegId) -> None:
        phone = self._phones.get(leg)
        if phone is not None and phone.offer is not None:
            try:
                description = self._answer(phone)
            except MediaError as error:
                log.info("there is no early audio", leg=leg, why=str(error))
                return
            self._link.command(lambda agent, now: agent.progress(leg, bytes(description), now=now))

    def answer(self, leg: LegId) -> None:
        phone = self._phones.get(leg)
        if phone is None or phone.answered:
            return
        phone.answered = True
        if phone.agreed and phone.local is not None:
            description = phone.local
        elif phone.offer is not None:
            try:
                description = self._answer(phone)
            except (MediaError, NegotiationError) as error:
                # Only a browser's offer can turn out to be unusable as late as this.
                code, why = 488 if isinstance(error, RemoteProtocolError) else 503, str(error)
                self._engine.report(events.LegLost(leg=leg, why=why, sip_code=code))
                self._link.command(lambda agent, now: agent.refuse(leg, code, now=now))
                return
        else:  # the caller made no offer: ours goes out with the 200, his answer comes with the ACK
            description = phone.local = sdp.offer(phone.ours)
        self._link.command(lambda agent, now: agent.answer(leg, bytes(description), now=now))
        self._one_way.watch(phone)
        self._engine.report(events.LegAnswered(leg=leg))

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        scope = self._dialling.pop(leg, None)
        if scope is not None:
            scope.close()
        phone = self._phones.pop(leg, None)
        if phone is not None:
            self._browsers.settle(phone)
        self._one_way.forget(leg)
        self._load.free(leg)
        if not far_is_gone:
            if sip_code is not None:
                code = sip_code
                self._link.command(lambda agent, now: agent.refuse(leg, code, now=now))
            else:
                self._link.command(lambda agent, now: agent.hang_up(leg, now=now))
        self._media.close(leg)

    def tell_referrer(self, leg: LegId, status: int, reason: str) -> None:
        self._referrals.tell(leg, status, reason)

    def trunk_calls(self) -> Mapping[str, int]:
        """Calls by trunk, for metrics."""
        return self._load.calls()

    def media_changed(self, event: MediaConnected | MediaInterrupted) -> None:
        """Hear of the ways to browsers: a SIP phone has no means to get another, so its call ends with the way."""
        if isinstance(event, MediaInterrupted) and event.leg in self._phones:
            self._engine.report(events.LegLost(leg=event.leg, why=event.why))

    # ── what the user agent tells ──────────────────────────────────────────────────────────────────────────────────

    def heard(self, event: AgentEvent) -> None:
        """Take an event of the user agent."""
        match event:
            case IncomingCall():
                self._incoming(event)
            case Traced(leg=leg) if leg is not None:
                told = {"what": "sip", "direction": event.direction, "text": event.line, "call_id": event.call_id}
                self._engine.trace(leg, told)
            case Traced() | Notice():
                pass
            case _:
                phone = self._phones.get(event.leg)
                if phone is not None:
                    self._of_leg(phone, event)
        if not isinstance(event, Notice) and event.leg is not None:
            known = self._phones.get(event.leg)
            self._dialogs.follow(event.leg, known.trunk if known is not None else None)

    def _of_leg(self, phone: SipLeg, event: AgentEvent) -> None:
        leg = phone.leg
        report = self._engine.report
        match event:
            case Provisional(status=status, sdp=body):
                early = body is not None and self._take_answer(phone, body)
                if early or status in _ALERTING:
                    if phone.outing is not None:
                        phone.outing.alerted = True
                    report(events.LegProgress(leg=leg, early_media=early))
            case Answered(sdp=body):
                if body is not None:
                    self._take_answer(phone, body)
                if phone.agreed:
                    phone.answered = True
                    self._browsers.settle(phone)
                    self._one_way.watch(phone)
                    report(events.LegAnswered(leg=leg))
                else:
                    self._unusable(phone)
            case Confirmed(sdp=body):
                if body is not None and not phone.agreed and not self._take_answer(phone, body):
                    self._unusable(phone)
            case Failed() if event.why != "cancelled" and self._next_way(phone, event):
                pass
            case Failed():
                report(_outcome(phone, failure_of(event)))
            case Cancelled():
                report(events.LegGone(leg=leg))
            case Ended(by_far=True):
                report(events.LegGone(leg=leg, sip_code=error_of(event.status)))
            case Ended():
                why = event.reason or "the dialog died"
                report(events.LegLost(leg=leg, why=why, sip_code=error_of(event.status)))
            case OfferReceived(sdp=body):
                self._offered(phone, body)
            case OfferAnswered(sdp=bytes(body)):
                self._take_answer(phone, body)
            case OfferRefused():
                pass  # what was agreed before stays in force
            case ReferReceived():
                self._referrals.asked(self.routing, phone, event)
            case KeyByInfo(digit=digit, held_ms=held):
                report(events.KeyDown(leg=leg, digit=digit))
                report(events.KeyReleased(leg=leg, digit=digit, held_ms=held))

    # ── inbound ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _incoming(self, call: IncomingCall) -> None:
        leg = call.leg
        if call.replaces is not None:
            self._taken_over(call, call.replaces)
            return
        found = self.routing.inbound(call.identity, to_user=call.to_user, header_user=call.header_user)
        application = None if isinstance(found, Refuse) else self._owner_of(found)
        if isinstance(found, Refuse) or application is None or application.voice is None:
            # A domain is known though its application takes no calls; of a number that is not said.
            known = 480 if call.identity.startswith("domain:") else 404
            status = found.status if isinstance(found, Refuse) else known
            self._refuse(leg, status, "nobody is called by this number")
            return
        trunk = self.routing.trunk(call.identity)
        if not self._let_in(call, trunk):
            return
        caller = self._caller(call)
        kind = found.endpoint_type
        self._engine.incoming(
            leg,
            self,
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

    def _taken_over(self, call: IncomingCall, replaced: LegId) -> None:
        """A phone goes on with the call of another one of its user (RFC 3891)."""
        if not self._referrals.may_take_over(self.routing, call):
            self._refuse(call.leg, 403, "it may not take this call over")
        elif self._let_in(call, None):
            event = events.LegReplaces(
                leg=call.leg,
                replaced=replaced,
                from_=Party(kind="sip", address=self._caller(call)),
                to=Party(kind="sip", address=call.to_user),
                sip_headers=sip_fields(call.headers),
            )
            if not self._engine.transfers.take_over(self, event):
                self.release(call.leg, sip_code=603, far_is_gone=False)

    def _let_in(self, call: IncomingCall, trunk: Trunk | None) -> bool:
        """Give a call its port, if there is one and audio that both speak; else refuse it."""
        leg = call.leg
        if trunk is not None and not self._load.take(leg, trunk):
            self._refuse(leg, 486, f"trunk {trunk.name} carries all the calls it may")
            return False
        codecs = trunk.codecs if trunk is not None else ()
        srtp = self.routing.srtp_of(call.identity)
        offer = None
        if call.sdp is not None:
            try:
                offer = sdp.SessionDescription.parse(call.sdp)
                # Is there anything in common at all?
                if speaks_webrtc(offer):
                    self._browsers.check(offer)
                else:
                    sdp.answer(offer, self._ours(leg, "127.0.0.1", 9, codecs, srtp))
            except NegotiationError as error:
                self._refuse(leg, 488, str(error))
                return False
            except RemoteProtocolError as error:
                self._refuse(leg, error.sip_status, str(error))
                return False
        try:
            # A browser's leg is opened by its offer, with what answers it.
            browser = offer is not None and speaks_webrtc(offer)
            ours = self._ours(leg, *(("127.0.0.1", 9) if browser else self._media.open(leg)), codecs, srtp)
        except MediaError as error:
            self._refuse(leg, 503, str(error))
            return False
        if trunk is not None and (barred := self._engine.guard.comes(leg, trunk.name)) is not None:
            self._media.close(leg)
            self._refuse(leg, 503, barred.why)
            return False
        ours = self._seen_from(call.source.remote[0], replace(ours, offers_srtp=call.source.transport == "tls"))
        user = self.routing.user_named(call.username)
        phone = self._phones[leg] = SipLeg(leg, ours, offer=offer, home=call.to_host)
        phone.user, phone.home_port = user.username if user is not None else None, call.source.local[1]
        return True

    def _caller(self, call: IncomingCall) -> str:
        """Who calls, as webhooks show it; empty when he hides."""
        caller = self.routing.caller(
            call.identity,
            from_user=call.from_user,
            from_host=call.from_host,
            anonymous=call.anonymous,
            asserted_user=call.asserted.uri.user if call.asserted is not None else None,
        )
        return "" if caller == UNKNOWN else caller

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

    # ── outbound ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        report = self._engine.report
        found = self._way_out.find(self.routing, leg, to, from_, application)
        if not isinstance(found, Outing):
            report(found)
            return
        try:
            ours = self._ours(leg, *self._media.open(leg), (), "off")
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
            barred = self._way_out.barred(self.routing, leg, outing, route)
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
                phone.ours = self._seen_from(first.remote[0], phone.ours)
                private = all(each.transport == "tls" for invite in invites for each in invite.destinations)
                phone.ours = replace(phone.ours, offers_srtp=private)
                description = phone.local = sdp.offer(phone.ours)
                others = bool(outing.routes)
                invites = [replace(each, others=others, patience_s=outing.wait_s) for each in invites]
                invites = self._browsers.with_offers(phone, description, invites)
            if invites:
                self._link.command(partial(dial_all, leg, invites))
                return
            nowhere = f"{route.hop.host} cannot be found"
            failure = events.LegFailed(leg=leg, cause="no-route", why=nowhere)
            if route.user is not None:
                failure = events.LegFailed(leg=leg, cause="unavailable", why=f"{route.user} is not registered")
        self._engine.report(_outcome(phone, failure))

    def _next_way(self, phone: SipLeg, failed: Failed) -> bool:
        """A trunk failed: try the next one; False when there is none, or somebody was alerted already."""
        trunk, pause, outing = phone.trunk, failed.retry_after_s, phone.outing
        if trunk is not None and pause:
            self._link.command(lambda agent, now: agent.peers.failed(trunk, pause, now))
        scope = self._dialling.get(phone.leg)
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

    def _credentials_of(self, trunk: str) -> Credentials | None:
        given = self.routing.credentials_of(trunk)
        return Credentials(username=given.username, password=given.password) if given is not None else None

    # ── offers and answers ─────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self, leg: LegId, host: str, port: int, codecs: tuple[str, ...], srtp: str) -> sdp.Capabilities:
        session = int(leg.replace("-", "")[:15], 16)
        keys = tuple((suite, self._random.bytes(sdp.KEY_BYTES)) for suite in sdp.SUITES)
        return sdp.Capabilities(
            host=host, port=port, session_id=session, codecs=codecs or self._codecs, srtp=srtp, keys=keys
        )

    def _now_ours(self, phone: SipLeg) -> sdp.Capabilities:
        """What we can do now: a call that is encrypted stays so, whoever asks for plain audio in the middle of it."""
        return replace(phone.ours, srtp="required") if phone.encrypted and phone.answered else phone.ours

    def _seen_from(self, remote: str, ours: sdp.Capabilities) -> sdp.Capabilities:
        """The same, with the address of our audio as the far end reaches it."""
        host = self._places.of(remote).media_host
        return ours if host is None else replace(ours, host=host)

    def _answer(self, phone: SipLeg) -> sdp.SessionDescription:
        """Answer the offer at hand, and let audio flow as agreed."""
        assert phone.offer is not None
        if speaks_webrtc(phone.offer):
            phone.local, phone.offer = self._browsers.answer(phone, phone.offer), None
            return phone.local
        if phone.local is not None:
            phone.ours = replace(phone.ours, version=phone.ours.version + 1)
        answered = sdp.answer(phone.offer, self._now_ours(phone))
        phone.local = answered.description
        phone.offer = None
        self._configure(phone, answered.negotiated)
        return answered.description

    def _take_answer(self, phone: SipLeg, body: bytes) -> bool:
        """Take the far end's answer to our offer; False when it cannot be used."""
        if phone.local is None:
            return False
        try:
            description = sdp.SessionDescription.parse(body)
            if speaks_webrtc(description):
                self._browsers.accept(phone, body)
                return phone.agreed
            agreed = sdp.accept(description, self._now_ours(phone))
        except (NegotiationError, RemoteProtocolError, MediaError) as error:
            log.info("an SDP answer cannot be used", leg=phone.leg, why=str(error))
            return False
        self._configure(phone, agreed)
        return True

    def _offered(self, phone: SipLeg, body: bytes) -> None:
        """A re-INVITE or UPDATE: hold, another address, another codec."""
        leg = phone.leg
        try:
            phone.offer = sdp.SessionDescription.parse(body)
            description = self._answer(phone)
        except (NegotiationError, RemoteProtocolError, MediaError) as error:
            phone.offer = None
            status = error.sip_status if isinstance(error, RemoteProtocolError) else 488
            self._link.command(lambda agent, now: agent.refuse_offer(leg, status, now=now))
            return
        self._link.command(lambda agent, now: agent.accept_offer(leg, bytes(description), now=now))

    def _configure(self, phone: SipLeg, agreed: sdp.Negotiated) -> None:
        phone.agreed, phone.encrypted = True, agreed.srtp is not None
        phone.hears, phone.far_host = agreed.receive and agreed.send, agreed.remote_host
        self._media.configure(phone.leg, rtp_plan(agreed))
        codecs = phone.ours.codecs
        self._link.command(lambda agent, _now: agent.knows(phone.leg, codecs))

    def _unusable(self, phone: SipLeg) -> None:
        """The far end answered without audio that we could use: it is hung up."""
        self._link.command(lambda agent, now: agent.hang_up(phone.leg, now=now))
        why = "no codec in common"
        self._engine.report(events.LegFailed(leg=phone.leg, cause="response", sip_code=488, why=why))


def _outcome(phone: SipLeg, failure: events.LegFailed) -> events.LegFailed:
    """How a call has failed: where several addresses were called, the last answer counts more than a later silence."""
    earlier = phone.outing.failed if phone.outing is not None else None
    return earlier if earlier is not None and failure.cause == "no-response" else failure
