"""The exchange that connects the phones of a test with Ringline: the engine's `Endpoint` for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ringline.accounts import Refusal
from ringline.base import ApplicationId, LegId, MediaError, Random, new_leg_id
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.ports import RtpPlan
from ringline.testing.calls import CallState, PhoneCall
from ringline.testing.conduct import Conduct
from ringline.testing.detector import Nature
from ringline.testing.media import ScriptedMedia
from ringline.testing.phones import Phone
from ringline.testing.pulse import Pulse

if TYPE_CHECKING:
    from ringline.engine.engine import Engine

RING_DELAY_S: Final = 0.05
"A called phone begins to ring so long after it was dialled."
_PLAN: Final = RtpPlan(remote_host="198.51.100.1", remote_port=40_000, codec="PCMA", payload_type=8)


class Exchange:
    """The `Endpoint` that reaches the phones of a test."""

    def __init__(self, *, media: ScriptedMedia, pulse: Pulse, random: Random) -> None:
        self.media = media
        self.pulse = pulse
        self._random = random
        self._phones: dict[str, Phone] = {}
        self._calls: dict[LegId, PhoneCall] = {}
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine it rings up."""
        assert self._engine is not None
        return self._engine

    def attach(self, engine: Engine) -> None:
        """Reach phones, SIP addresses, extensions, WebSockets and app users for this engine."""
        self._engine = engine
        engine.add_endpoint(self, "phone", "sip", "vbc", "websocket", "app")

    def add(self, phone: Phone, *addresses: str) -> None:
        """Make a phone reachable under these numbers and addresses."""
        for address in addresses:
            self._phones[address] = phone

    # ── what phones do ─────────────────────────────────────────────────────────────────────────────────────────────

    def call_in(self, phone: Phone, number: str, *, headers: dict[str, str], anonymous: bool) -> PhoneCall:
        """A phone calls; a number that belongs to no application is refused with 404."""
        leg = new_leg_id(self._random)
        call = PhoneCall(leg=leg, outbound=False, number=number)
        phone.calls.append(call)
        directory = self.engine.directory
        owner = directory.application_of(number)
        application = directory.application(owner) if owner is not None else None
        if application is None or application.voice is None:
            call.end("ringline", code=404)
            return call
        self._calls[leg] = call
        self.media.open(leg)
        self.engine.incoming(
            leg,
            self,
            application,
            from_=Party(kind=phone.kind, address="" if anonymous else phone.number),
            to=Party(kind="phone", address=number),
            sip_headers=headers,
        )
        if (rated := self.engine.guard.rating(leg, "in", number)) is not None:
            self.engine.report(rated)
        return call

    def call_application(
        self, phone: Phone, application: ApplicationId, *, to: str, context: Mapping[str, Any] | None
    ) -> PhoneCall:
        """An app user calls the application that it belongs to."""
        owner = self.engine.directory.application(application)
        assert owner is not None
        call = PhoneCall(leg=new_leg_id(self._random), outbound=False, number=to)
        phone.calls.append(call)
        self._calls[call.leg] = call
        self.media.open(call.leg)
        self.engine.incoming(
            call.leg,
            self,
            owner,
            from_=Party(kind=phone.kind, address=phone.number),
            to=Party(kind="phone" if to else "app", address=to),
            sip_headers={},
            custom_data=context,
        )
        return call

    def nature_of(self, leg: LegId) -> Nature:
        """Who holds the phone at the other end of a leg."""
        return next((one.nature for one in self._phones.values() for call in one.calls if call.leg == leg), Nature())

    def hang_up(self, call: PhoneCall, *, code: int | None = None) -> None:
        """The far end leaves, or declines what rings."""
        if call.leg not in self._calls:
            return
        call.cancel_timers()
        if call.outbound and call.state is not CallState.ANSWERED:
            self.engine.report(events.LegFailed(leg=call.leg, cause="response", sip_code=603))
        else:
            call.ended_by = "phone"
            self.engine.report(events.LegGone(leg=call.leg, sip_code=code))

    def refer(self, call: PhoneCall, to: Party) -> None:
        """A phone asks for whom it talks with to be connected to somebody else (REFER)."""
        self.engine.report(events.ReferAsked(leg=call.leg, to=to))

    def bring_together(self, call: PhoneCall, other: PhoneCall) -> None:
        """A phone brings the partners of its two calls together (REFER with Replaces)."""
        if not self.engine.transfers.bring_together(call.leg, other.leg):
            self.tell_referrer(call.leg, 603, "")

    def take_over(self, phone: Phone, replaced: PhoneCall) -> PhoneCall:
        """A phone goes on with a call of another one (INVITE with Replaces)."""
        call = PhoneCall(leg=new_leg_id(self._random), outbound=False, number=replaced.number)
        phone.calls.append(call)
        self._calls[call.leg] = call
        self.media.open(call.leg)
        from_, to = Party(kind=phone.kind, address=phone.number), Party(kind="phone", address=replaced.number)
        event = events.LegReplaces(leg=call.leg, replaced=replaced.leg, from_=from_, to=to)
        if not self.engine.transfers.take_over(self, event):
            self.release(call.leg, sip_code=603, far_is_gone=False)
        return call

    def after_ringing(self, call: PhoneCall) -> None:
        """The phone rings: do what it has been told to do then."""
        loop = asyncio.get_running_loop()
        conduct = self._phones[call.number].conduct
        call.cancel_timers()
        if conduct.answers_after_s is not None:
            call.timers.append(loop.call_later(conduct.answers_after_s, self._answered, call))
        elif conduct.refuses_after_s is not None:
            call.timers.append(loop.call_later(conduct.refuses_after_s, self._refused, call, conduct))
        elif conduct.unreachable_after_s is not None:
            call.timers.append(loop.call_later(conduct.unreachable_after_s, self._lost, call))

    def send_early_media(self, call: PhoneCall, text: str) -> None:
        """The phone that rings speaks already (183 with SDP)."""
        self.engine.report(events.LegProgress(leg=call.leg, early_media=True))
        self.media.configure(call.leg, _PLAN)
        self.media.utter(call.leg, text)

    def _refusal(self, leg: LegId, to: Party, application: ApplicationId) -> Refusal | None:
        """Calls to numbers leave through a trunk called `exchange`, as far as limits and prices go."""
        guard = self.engine.guard
        if to.kind != "phone":
            return None
        if guard.emergency.trunk is None and guard.emergency.calls_for_help(to.address):
            return guard.help_refused(application, to.address)
        refusal = guard.leaves(leg, application, "exchange", to.address)
        if refusal is None and (rated := guard.rating(leg, "out", to.address)) is not None:
            self.engine.report(rated)
        return refusal

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        if (refusal := self._refusal(leg, to, application)) is not None:
            self.engine.report(self.engine.guard.failure(leg, refusal))
            return
        phone = self._phones.get(to.address)
        if phone is None:
            why = "nobody has this number"
            self.engine.report(events.LegFailed(leg=leg, cause="no-route", why=why))
            return
        try:
            self.media.open(leg)
        except MediaError as error:
            self.engine.report(events.LegFailed(leg=leg, cause="internal", sip_code=503, why=str(error)))
            return
        call = PhoneCall(leg=leg, outbound=True, number=to.address, caller=from_.shown, details=to.details)
        self._calls[leg] = call
        phone.calls.append(call)
        loop = asyncio.get_running_loop()
        call.timers.append(loop.call_later(RING_DELAY_S, self._reached, call, phone))

    def alert(self, leg: LegId) -> None:
        self._calls[leg].become(CallState.RINGING)
        self.pulse.beat()

    def open_early(self, leg: LegId) -> None:
        self._calls[leg].become(CallState.EARLY)
        self.media.configure(leg, _PLAN)

    def answer(self, leg: LegId) -> None:
        self._calls[leg].become(CallState.ANSWERED)
        self.media.configure(leg, _PLAN)
        self.engine.report(events.LegAnswered(leg=leg))

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        call = self._calls.pop(leg, None)
        if call is None:
            return
        call.end(call.ended_by or ("phone" if far_is_gone else "ringline"), code=sip_code)
        self.media.close(leg)
        self.pulse.beat()

    def show_key(self, leg: LegId, digit: str, held_ms: int) -> None:
        self._calls[leg].keys_shown.append((digit, held_ms))
        self.pulse.beat()

    def tell_referrer(self, leg: LegId, status: int, reason: str) -> None:
        self._calls[leg].transfer.append(status)
        self.pulse.beat()

    # ── a phone is called ──────────────────────────────────────────────────────────────────────────────────────────

    def _reached(self, call: PhoneCall, phone: Phone) -> None:
        conduct = phone.conduct
        if conduct.rings:
            call.become(CallState.RINGING)
            if conduct.early_media:
                self.send_early_media(call, conduct.early_media)
            else:
                self.engine.report(events.LegProgress(leg=call.leg))
            self.pulse.beat()
        self.after_ringing(call)

    def _answered(self, call: PhoneCall) -> None:
        call.become(CallState.ANSWERED)
        self.media.configure(call.leg, _PLAN)
        self.engine.report(events.LegAnswered(leg=call.leg))
        self.pulse.beat()

    def _refused(self, call: PhoneCall, conduct: Conduct) -> None:
        call.ended_by = "phone"
        code = conduct.code if conduct.cause == "response" else None
        self.engine.report(
            events.LegFailed(leg=call.leg, cause=conduct.cause, sip_code=code, q850=conduct.q850, why=conduct.why)
        )

    def _lost(self, call: PhoneCall) -> None:
        self.engine.report(events.LegFailed(leg=call.leg, cause="no-response"))
