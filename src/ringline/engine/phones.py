"""Phones and SIP addresses as endpoints: what a SIP dialog, its offers and answers mean for a leg and its audio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

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
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    OutgoingInvite,
    Provisional,
    Traced,
    UserAgent,
)
from ringline.base import ApplicationId, LegId, MediaError, NegotiationError, RemoteProtocolError, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.ports import Media, RtpPlan, SipResolver
from ringline.engine.supervise import Scope
from ringline.routing import UNKNOWN, Refuse, Route, RoutingTable, Unroutable
from ringline.sip import Credentials
from ringline.webhooks import sip_fields

log = get_log(__name__)
_ALERTING = (180, 183)
_CAUSES = {
    ("rejected", "invalid_number"): "invalid-number",
    ("unanswered", "unavailable"): "unavailable",
}


class SipLink(Protocol):
    """The SIP stack with its sockets: the user agent's commands, carried out at once."""

    def command(self, act: Callable[[UserAgent, float], None]) -> None:
        """Let `act` give commands to the user agent, with the present time; then send what comes of it."""
        ...


@dataclass(slots=True)
class _Phone:
    """One SIP leg."""

    leg: LegId
    ours: sdp.Capabilities
    "What we can do, and the address of its audio."
    offer: sdp.SessionDescription | None = None
    "The far end's offer, until we answer it."
    local: sdp.SessionDescription | None = None
    "What we last said."
    answered: bool = False
    agreed: bool = False
    "Audio is configured."


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
    ) -> None:
        self.routing = routing
        "Replaced as a whole when settings are read again."
        self._engine = engine
        self._link = link
        self._media = media
        self._directory = directory
        self._resolver = resolver
        self._codecs = codecs
        self._phones: dict[LegId, _Phone] = {}
        self._dialling: dict[LegId, Scope] = {}

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        scope = self._dialling[leg] = Scope(f"dial:{leg}")
        scope.start(self._dial(leg, to, from_), name="invite")

    def alert(self, leg: LegId) -> None:
        self._link.command(lambda agent, now: agent.ring(leg, now=now))

    def open_early(self, leg: LegId) -> None:
        phone = self._phones.get(leg)
        if phone is not None and phone.offer is not None:
            description = self._answer(phone)
            self._link.command(lambda agent, now: agent.progress(leg, bytes(description), now=now))

    def answer(self, leg: LegId) -> None:
        phone = self._phones.get(leg)
        if phone is None or phone.answered:
            return
        phone.answered = True
        if phone.agreed and phone.local is not None:
            description = phone.local
        elif phone.offer is not None:
            description = self._answer(phone)
        else:  # the caller made no offer: ours goes out with the 200, his answer comes with the ACK
            description = phone.local = sdp.offer(phone.ours)
        self._link.command(lambda agent, now: agent.answer(leg, bytes(description), now=now))
        self._engine.report(events.LegAnswered(leg=leg))

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        scope = self._dialling.pop(leg, None)
        if scope is not None:
            scope.close()
        self._phones.pop(leg, None)
        if not far_is_gone:
            if sip_code is not None:
                code = sip_code
                self._link.command(lambda agent, now: agent.refuse(leg, code, now=now))
            else:
                self._link.command(lambda agent, now: agent.hang_up(leg, now=now))
        self._media.close(leg)

    # ── what the user agent tells ──────────────────────────────────────────────────────────────────────────────────

    def heard(self, event: AgentEvent) -> None:
        """Take an event of the user agent."""
        match event:
            case IncomingCall():
                self._incoming(event)
            case Traced(leg=leg) if leg is not None:
                self._engine.trace(leg, {"what": "sip", "direction": event.direction, "text": event.line})
            case Traced():
                pass
            case _:
                phone = self._phones.get(event.leg)
                if phone is not None:
                    self._of_leg(phone, event)

    def _of_leg(self, phone: _Phone, event: AgentEvent) -> None:
        leg = phone.leg
        report = self._engine.report
        match event:
            case Provisional(status=status, sdp=body):
                early = body is not None and self._take_answer(phone, body)
                if early or status in _ALERTING:
                    report(events.LegProgress(leg=leg, early_media=early))
            case Answered(sdp=body):
                if body is not None:
                    self._take_answer(phone, body)
                if phone.agreed:
                    phone.answered = True
                    report(events.LegAnswered(leg=leg))
                else:
                    self._unusable(phone)
            case Confirmed(sdp=body):
                if body is not None and not phone.agreed and not self._take_answer(phone, body):
                    self._unusable(phone)
            case Failed(status=None):
                report(events.LegFailed(leg=leg, cause="no-response", why=event.why))
            case Failed():
                report(
                    events.LegFailed(
                        leg=leg, cause="response", sip_code=event.status, q850=event.q850, why=event.reason
                    )
                )
            case Cancelled():
                report(events.LegGone(leg=leg))
            case Ended(by_far=True):
                report(events.LegGone(leg=leg, sip_code=_error(event.status)))
            case Ended():
                why = event.reason or "the dialog died"
                report(events.LegLost(leg=leg, why=why, sip_code=_error(event.status)))
            case OfferReceived(sdp=body):
                self._offered(phone, body)
            case OfferAnswered(sdp=bytes(body)):
                self._take_answer(phone, body)
            case OfferRefused():
                pass  # what was agreed before stays in force
            case KeyByInfo(digit=digit, held_ms=held):
                report(events.KeyDown(leg=leg, digit=digit))
                report(events.KeyReleased(leg=leg, digit=digit, held_ms=held))

    # ── inbound ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _incoming(self, call: IncomingCall) -> None:
        leg = call.leg
        found = self.routing.inbound(call.identity, to_user=call.to_user)
        application = None if isinstance(found, Refuse) else self._directory.application(found.application)
        if isinstance(found, Refuse) or application is None or application.voice is None:
            status = found.status if isinstance(found, Refuse) else 404
            self._refuse(leg, status, "nobody is called by this number")
            return
        offer = None
        if call.sdp is not None:
            try:
                offer = sdp.SessionDescription.parse(call.sdp)
                sdp.answer(offer, self._ours(leg, "127.0.0.1", 9))  # is there anything in common at all?
            except NegotiationError as error:
                self._refuse(leg, 488, str(error))
                return
            except RemoteProtocolError as error:
                self._refuse(leg, error.sip_status, str(error))
                return
        try:
            ours = self._ours(leg, *self._media.open(leg))
        except MediaError as error:
            self._refuse(leg, 503, str(error))
            return
        self._phones[leg] = _Phone(leg, ours, offer=offer)
        caller = self.routing.caller(
            call.identity, from_user=call.from_user, from_host=call.from_host, anonymous=call.anonymous
        )
        kind = found.endpoint_type
        self._engine.incoming(
            leg,
            self,
            application,
            from_=Party(kind=kind, address="" if caller == UNKNOWN else caller),
            to=Party(kind="phone" if found.number else kind, address=found.to),
            sip_headers=sip_fields(call.headers),
        )
        self._engine.trace(leg, {"what": "sip", "direction": "in", "text": f"INVITE {call.request_uri}"})

    def _refuse(self, leg: LegId, status: int, why: str) -> None:
        log.info("a call was refused", leg=leg, status=status, why=why)
        self._link.command(lambda agent, now: agent.refuse(leg, status, now=now))

    # ── outbound ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _dial(self, leg: LegId, to: Party, from_: Party) -> None:
        report = self._engine.report
        route = self._route(leg, to, from_)
        if isinstance(route, Unroutable):
            cause = _CAUSES.get((route.status, route.detail), "no-route")
            report(events.LegFailed(leg=leg, cause=cause, why=route.why))
            return
        hop = route.hop
        destinations = await self._resolver.resolve(hop.host, hop.port, hop.transport)
        if not destinations:
            report(events.LegFailed(leg=leg, cause="no-route", why=f"{hop.host} cannot be found"))
            return
        try:
            ours = self._ours(leg, *self._media.open(leg))
        except MediaError as error:
            report(events.LegFailed(leg=leg, cause="internal", sip_code=503, why=str(error)))
            return
        phone = self._phones[leg] = _Phone(leg, ours)
        description = phone.local = sdp.offer(ours)
        invite = OutgoingInvite(
            request_uri=route.request_uri,
            destinations=tuple(destinations),
            from_=(route.from_display or "", route.from_uri),
            to=route.to_uri,
            headers=route.headers,
            sdp=bytes(description),
            credentials=_credentials(route),
        )
        self._link.command(lambda agent, now: agent.dial(leg, invite, now=now))

    def _route(self, leg: LegId, to: Party, from_: Party) -> Route | Unroutable:
        caller = from_.address or None
        details: Any = to.details
        match to.kind:
            case "phone":
                return self.routing.phone_route(to.address, caller=caller, identity_header=details.get("shaken"))
            case "vbc":
                return self.routing.extension_route(to.address, caller=caller)
            case _ if "trunk" in details:
                return self.routing.sip_trunk_route(
                    details["user"],
                    details["trunk"],
                    caller=caller,
                    leg=leg,
                    headers=details.get("headers"),
                    standard_headers=details.get("standard_headers"),
                )
            case _:
                return self.routing.sip_route(
                    to.address,
                    caller=caller,
                    leg=leg,
                    headers=details.get("headers"),
                    standard_headers=details.get("standard_headers"),
                )

    # ── offers and answers ─────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self, leg: LegId, host: str, port: int) -> sdp.Capabilities:
        session = int(leg.replace("-", "")[:15], 16)
        return sdp.Capabilities(host=host, port=port, session_id=session, codecs=self._codecs)

    def _answer(self, phone: _Phone) -> sdp.SessionDescription:
        """Answer the offer at hand, and let audio flow as agreed."""
        assert phone.offer is not None
        if phone.local is not None:
            phone.ours = replace(phone.ours, version=phone.ours.version + 1)
        answered = sdp.answer(phone.offer, phone.ours)
        phone.local = answered.description
        phone.offer = None
        self._configure(phone, answered.negotiated)
        return answered.description

    def _take_answer(self, phone: _Phone, body: bytes) -> bool:
        """Take the far end's answer to our offer; False when it cannot be used."""
        if phone.local is None:
            return False
        try:
            agreed = sdp.accept(sdp.SessionDescription.parse(body), phone.ours)
        except (NegotiationError, RemoteProtocolError) as error:
            log.info("an SDP answer cannot be used", leg=phone.leg, why=str(error))
            return False
        self._configure(phone, agreed)
        return True

    def _offered(self, phone: _Phone, body: bytes) -> None:
        """A re-INVITE or UPDATE: hold, another address, another codec."""
        leg = phone.leg
        try:
            phone.offer = sdp.SessionDescription.parse(body)
            description = self._answer(phone)
        except (NegotiationError, RemoteProtocolError) as error:
            phone.offer = None
            status = 488 if isinstance(error, NegotiationError) else error.sip_status
            self._link.command(lambda agent, now: agent.refuse_offer(leg, status, now=now))
            return
        self._link.command(lambda agent, now: agent.accept_offer(leg, bytes(description), now=now))

    def _configure(self, phone: _Phone, agreed: sdp.Negotiated) -> None:
        phone.agreed = True
        self._media.configure(
            phone.leg,
            rtp_plan(agreed),
        )

    def _unusable(self, phone: _Phone) -> None:
        """The far end answered without audio that we could use: it is hung up."""
        self._link.command(lambda agent, now: agent.hang_up(phone.leg, now=now))
        why = "no codec in common"
        self._engine.report(events.LegFailed(leg=phone.leg, cause="response", sip_code=488, why=why))


def rtp_plan(agreed: sdp.Negotiated) -> RtpPlan:
    """What the media core does with the outcome of an offer and answer."""
    return RtpPlan(
        remote_host=agreed.remote_host,
        remote_port=agreed.remote_port,
        codec=agreed.codec,
        payload_type=agreed.payload_type,
        dtmf_payload_type=agreed.dtmf_payload_type,
        ptime_ms=agreed.ptime_ms,
        send=agreed.send,
        receive=agreed.receive,
    )


def _credentials(route: Route) -> Credentials | None:
    given = route.credentials
    return Credentials(username=given.username, password=given.password) if given is not None else None


def _error(status: int | None) -> int | None:
    return status if status is not None and status >= 400 else None
