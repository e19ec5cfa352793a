"""Phones and SIP addresses as endpoints: what the engine asks of them, and what a SIP dialog tells of a leg.

Calls come in by `way_in`, go out by `dialling`, and agree on their audio in `offer_answer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringline import sdp
from ringline.accounts import Directory
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
from ringline.engine.sip.browser_audio import BrowserAudio
from ringline.engine.sip.dialling import Dialling, outcome
from ringline.engine.sip.dialogs import Dialogs
from ringline.engine.sip.offer_answer import OfferAnswer
from ringline.engine.sip.one_way import OneWayAudio
from ringline.engine.sip.referrals import Referrals
from ringline.engine.sip.sip_leg import SipLeg
from ringline.engine.sip.sip_words import error_of, failure_of
from ringline.engine.sip.trunk_load import TrunkLoad
from ringline.engine.sip.way_in import WayIn
from ringline.engine.sip.way_out import WayOut
from ringline.engine.sip.ways import SipLink, Ways, login
from ringline.routing import RoutingTable
from ringline.sip import Credentials, Places

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
        self._browsers = BrowserAudio(webrtc, codecs)
        self._offers = OfferAnswer(link, media, self._browsers, codecs=codecs, places=places, random=random)
        self._one_way = OneWayAudio(media, engine.trace)
        self._load = TrunkLoad()
        self._phones: dict[LegId, SipLeg] = {}
        self._referrals = Referrals(engine, link, places, self._phones)
        self._way_in = WayIn(
            self,
            self._phones,
            engine=engine,
            link=link,
            media=media,
            directory=directory,
            load=self._load,
            offers=self._offers,
            referrals=self._referrals,
        )
        ways = Ways(link, resolver)
        self._dialling = Dialling(
            self._phones,
            lambda: self.routing,
            engine=engine,
            link=link,
            media=media,
            ways=ways,
            way_out=WayOut(engine, ways, self._load, codecs),
            offers=self._offers,
        )
        self._dialogs = Dialogs(link, engine.outside.store, self._credentials_of)
        engine.watch_media(self.media_changed)

    def end_remnants(self, left: Sequence[tuple[LegId, Mapping[str, Any]]]) -> int:
        """Tell the far ends of legs whose process died that they are over; return how many were told."""
        return self._dialogs.end(left)

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        self._dialling.dial(leg, to, from_, application)

    def alert(self, leg: LegId) -> None:
        self._link.command(lambda agent, now: agent.ring(leg, now=now))

    def open_early(self, leg: LegId) -> None:
        phone = self._phones.get(leg)
        if phone is not None and phone.offer is not None:
            try:
                description = self._offers.answer(phone)
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
                description = self._offers.answer(phone)
            except (MediaError, NegotiationError) as error:
                # Only a browser's offer can turn out to be unusable as late as this.
                code, why = 488 if isinstance(error, RemoteProtocolError) else 503, str(error)
                self._engine.report(events.LegLost(leg=leg, why=why, sip_code=code))
                self._link.command(lambda agent, now: agent.refuse(leg, code, now=now))
                return
        else:  # the caller made no offer: ours goes out with the 200, his answer comes with the ACK
            offer = self._browsers.offer(phone) if phone.awaits_browser else sdp.offer(phone.ours)
            if offer is None:
                self._engine.report(events.LegLost(leg=leg, why="there is no port for audio", sip_code=503))
                self._link.command(lambda agent, now: agent.refuse(leg, 503, now=now))
                return
            description = phone.local = offer
        self._link.command(lambda agent, now: agent.answer(leg, bytes(description), now=now))
        self._one_way.watch(phone)
        self._engine.report(events.LegAnswered(leg=leg))

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        self._dialling.drop(leg)
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
                self._way_in.take(self.routing, event)
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
                early = body is not None and self._offers.take_answer(phone, body)
                if early or status in _ALERTING:
                    if phone.outing is not None:
                        phone.outing.alerted = True
                    report(events.LegProgress(leg=leg, early_media=early))
            case Answered(sdp=body):
                if body is not None:
                    self._offers.take_answer(phone, body)
                if phone.agreed:
                    phone.answered = True
                    self._browsers.settle(phone)
                    self._one_way.watch(phone)
                    report(events.LegAnswered(leg=leg))
                else:
                    self._unusable(phone)
            case Confirmed(sdp=body):
                if body is not None and not phone.agreed and not self._offers.take_answer(phone, body):
                    self._unusable(phone)
            case Failed() if event.why != "cancelled" and self._dialling.next_way(phone, event):
                pass
            case Failed():
                report(outcome(phone, failure_of(event)))
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
                self._offers.take_answer(phone, body)
            case OfferRefused():
                pass  # what was agreed before stays in force
            case ReferReceived():
                self._referrals.asked(self.routing, phone, event)
            case KeyByInfo(digit=digit, held_ms=held):
                report(events.KeyDown(leg=leg, digit=digit))
                report(events.KeyReleased(leg=leg, digit=digit, held_ms=held))

    def _offered(self, phone: SipLeg, body: bytes) -> None:
        """A re-INVITE or UPDATE: hold, another address, another codec."""
        leg = phone.leg
        try:
            phone.offer = sdp.SessionDescription.parse(body)
            description = self._offers.answer(phone)
        except (NegotiationError, RemoteProtocolError, MediaError) as error:
            phone.offer = None
            status = error.sip_status if isinstance(error, RemoteProtocolError) else 488
            self._link.command(lambda agent, now: agent.refuse_offer(leg, status, now=now))
            return
        self._link.command(lambda agent, now: agent.accept_offer(leg, bytes(description), now=now))

    def _unusable(self, phone: SipLeg) -> None:
        """The far end answered without audio that we could use: it is hung up."""
        self._link.command(lambda agent, now: agent.hang_up(phone.leg, now=now))
        why = "no codec in common"
        self._engine.report(events.LegFailed(leg=phone.leg, cause="response", sip_code=488, why=why))

    def _credentials_of(self, trunk: str) -> Credentials | None:
        return login(self.routing.credentials_of(trunk))
