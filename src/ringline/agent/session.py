"""A call that was answered: from the 2xx to the end of the BYE, both ways round."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, unique

from ringline.agent.changes import Changes
from ringline.agent.events import Confirmed, Ended, KeyByInfo, OfferAnswered
from ringline.agent.exchange import AnswerHandler, ClientExchange, ServerExchange, SilenceHandler
from ringline.agent.info import read_key
from ringline.agent.leg import Leg
from ringline.agent.lifetime import Lifetime
from ringline.agent.reach import Target, reach
from ringline.agent.referrals import Referrals
from ringline.agent.remnants import Remnant
from ringline.agent.stack import Stack
from ringline.agent.unacked import Unacked
from ringline.base import LegId
from ringline.sip import (
    Credentials,
    Dialog,
    DigestClient,
    Flow,
    Request,
    Response,
    Uri,
    q850_reason,
    read_reason,
    write_reason,
)


@unique
class Phase(StrEnum):
    """Where an answered call stands."""

    ANSWERED = "our 200 waits for its ACK"
    CONFIRMED = "both sides know"
    CLOSING = "hung up by us: BYE follows the ACK of our 200, or the last word about a transfer"
    LEAVING = "our BYE waits for its answer"
    GONE = "over"


class Session(Leg):
    """An established dialog and its leg."""

    def __init__(
        self,
        stack: Stack,
        leg: LegId,
        dialog: Dialog,
        flow: Flow,
        *,
        caller: bool,
        local_sdp: bytes | None,
        remote_sdp: bytes | None,
        phase: Phase = Phase.CONFIRMED,
        credentials: Credentials | None = None,
        takes_update: bool = False,
        inside: str | None = None,
    ) -> None:
        super().__init__(leg)
        self.stack = stack
        self.dialog = dialog
        self.caller = caller
        "True when the INVITE was ours: that side waits longer after a 491."
        self.phase = phase
        self.credentials = credentials
        self.takes_update = takes_update
        "Whether the far end's Allow names UPDATE."
        self._inside = inside
        "The host of a contact that is reached by the way its messages come, for it is inside a NAT."
        self.changes = Changes(self, local_sdp, remote_sdp)
        self.lifetime = Lifetime(self)
        self.referrals = Referrals(self)
        self._flow = flow
        self._lost = False
        self._unacked: Unacked | None = None
        self._bye_auth = DigestClient(credentials) if credentials else None
        self._key = (dialog.call_id, dialog.local_tag)
        self._remnant: tuple[tuple[Uri, Flow, int], Remnant] | None = None
        "What was made last, and of which state: it is asked for with every message."

    # ── the beginning ──────────────────────────────────────────────────────────────────────────────────────────────

    def register(self) -> None:
        """Take the place of the phase before."""
        self.stack.legs[self.leg] = self
        self.register_dialog()

    def register_dialog(self) -> None:
        """Hear what the far end says, whoever the leg belongs to."""
        self.stack.dialogs[self._key] = self

    def await_ack(self, exchange: ServerExchange, response: Response, *, offered: bool, now: float) -> None:
        """Our 2xx was sent: repeat it until the ACK comes."""
        exchange.owner = self.acknowledged
        self._unacked = Unacked(
            self.stack, exchange, response, offered=offered, now=now, on_expired=self._never_acknowledged
        )

    @property
    def waits_for_ack(self) -> bool:
        return self._unacked is not None

    def acknowledged(self, ack: Request, now: float) -> None:
        """An ACK for one of our 2xx."""
        unacked = self._unacked
        if unacked is None or ack.cseq[0] != unacked.cseq or (ack.from_.tag or "") != self.dialog.remote_tag:
            return
        unacked.stop()
        self._unacked = None
        self.stack.trace(self.leg, "in", ack, self._flow)
        sdp = ack.body if unacked.offered and ack.body else None
        match self.phase:
            case Phase.ANSWERED:
                self.phase = Phase.CONFIRMED
                self.stack.emit(Confirmed(leg=self.leg, sdp=sdp))
                self.changes.proceed(now)
            case Phase.CONFIRMED:
                if unacked.offered:
                    self.changes.note_remote(sdp)
                    self.stack.emit(OfferAnswered(leg=self.leg, sdp=sdp))
                self.changes.proceed(now)
            case Phase.CLOSING:
                self._bye(None, now)
            case _:
                pass

    def _never_acknowledged(self, now: float) -> None:
        self._unacked = None
        if self.phase is Phase.CLOSING:
            self._bye(None, now)
        elif self.phase in (Phase.ANSWERED, Phase.CONFIRMED):
            self.fail(408, now, "no ACK")

    # ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────

    def hang_up(self, reason: str | None, now: float) -> None:
        if self.phase not in (Phase.ANSWERED, Phase.CONFIRMED):
            return
        self._tell_end(by_far=False, status=200, reason=reason)
        # A callee must not send BYE before the ACK of its 2xx (RFC 3261 section 15).
        if self.phase is Phase.ANSWERED and self._unacked is not None:
            self.phase = Phase.CLOSING
            return
        self.phase = Phase.CLOSING
        self.referrals.after_last_word(lambda at: self._bye_at_last(reason, at), now)

    def _bye_at_last(self, reason: str | None, now: float) -> None:
        if self.phase is Phase.CLOSING:
            self._bye(reason, now)

    def refuse(self, status: int, reason: str, retry_after_s: int | None, now: float) -> None:
        """Too late to refuse: it is hung up."""
        self.hang_up(reason or None, now)

    def leave_quietly(self, now: float) -> None:
        """End a dialog nobody wants: the second branch of a fork, or a 2xx that crossed our CANCEL."""
        self._bye(None, now)

    def fail(self, status: int, now: float, why: str) -> None:
        """The far end is out of step or gone: tell so, and say good bye into the dark."""
        if self.phase in (Phase.ANSWERED, Phase.CONFIRMED):
            self._tell_end(by_far=True, status=status, reason=why)
            if status == 481:
                self._gone(now)
            else:
                self._bye(None, now)

    def _tell_end(self, *, by_far: bool, status: int | None, reason: str | None, q850: int | None = None) -> None:
        self.stack.emit(Ended(leg=self.leg, by_far=by_far, status=status, reason=reason, q850=q850))
        self.stack.forget_leg(self)

    def _bye(self, reason: str | None, now: float) -> None:
        if self.phase is Phase.GONE:
            return
        self.phase = Phase.LEAVING
        self.changes.drop(now)
        self.lifetime.stop()
        self._stop_unacked()
        bye = self.dialog.request("BYE")
        bye.headers.add("Reason", str(q850_reason(200)))
        if reason:
            bye.headers.add("Reason", write_reason(200, reason))
        self.send_request(bye, now, on_answer=self._bye_answered, on_silence=lambda _why, at: self._gone(at))

    def _bye_answered(self, response: Response, flow: Flow, now: float) -> None:
        if response.status < 200:
            return
        if response.status in (401, 407) and self._bye_auth is not None:
            bye = self.dialog.request("BYE")
            if self._bye_auth.authorize(bye, response, self.stack.random):
                self.send_request(bye, now, on_answer=self._bye_answered, on_silence=lambda _why, at: self._gone(at))
                return
        self._gone(now)

    def _gone(self, now: float) -> None:
        if self.phase is Phase.GONE:
            return
        self.phase = Phase.GONE
        self.referrals.drop(now)
        self.changes.drop(now)
        self.lifetime.stop()
        self._stop_unacked()
        # They know us as we know them: let go of, so that a call that has ended needs no garbage collector.
        del self.referrals, self.changes, self.lifetime
        if self.stack.dialogs.get(self._key) is self:
            del self.stack.dialogs[self._key]

    def _stop_unacked(self) -> None:
        if self._unacked is not None:
            self._unacked.stop()
            self._unacked = None

    # ── requests of the far end ────────────────────────────────────────────────────────────────────────────────────

    def requested(self, exchange: ServerExchange, now: float) -> None:
        request = exchange.request
        if (request.from_.tag or "") != self.dialog.remote_tag:
            self.respond(exchange, 481, now)
            return
        if not self.dialog.in_order(request):
            self.respond(exchange, 500, now, reason="CSeq out of order")
            return
        if request.method == "BYE":
            self._bye_received(exchange, now)
        elif self.phase in (Phase.LEAVING, Phase.GONE, Phase.CLOSING):
            self.respond(exchange, 481, now)
        elif unsupported := self.stack.unsupported(request):
            self.respond(exchange, 420, now, headers=(("Unsupported", ", ".join(unsupported)),))
        else:
            self._follow(exchange.flow)
            self._act(exchange, now)

    def _act(self, exchange: ServerExchange, now: float) -> None:
        request = exchange.request
        match request.method:
            case "INVITE":
                self.changes.invited(exchange, now)
            case "UPDATE":
                self.changes.updated(exchange, now)
            case "INFO":
                self._info(exchange, now)
            case "OPTIONS":
                self.respond(exchange, 200, now)
            case "REFER" if self.stack.config.takes_refer:
                self.referrals.received(exchange, now)
            case "REFER":
                self.respond(exchange, 603, now)
            case "SUBSCRIBE" if (request.headers.get("Event") or "").partition(";")[0].strip().lower() == "refer":
                self.referrals.subscribed(exchange, now)
            case "PRACK" | "NOTIFY":
                # Nothing provisional waits, and nothing was subscribed to.
                self.respond(exchange, 481, now)
            case "REGISTER" | "SUBSCRIBE" | "MESSAGE" | "PUBLISH":
                self.respond(exchange, 405, now)
            case _:
                self.respond(exchange, 501, now)

    def _bye_received(self, exchange: ServerExchange, now: float) -> None:
        self.respond(exchange, 200, now)
        if self.phase in (Phase.ANSWERED, Phase.CONFIRMED):
            text, cause = read_reason(exchange.request.headers)
            self._tell_end(by_far=True, status=200, reason=text, q850=cause)
        if self.phase is not Phase.LEAVING:
            self._gone(now)

    def _info(self, exchange: ServerExchange, now: float) -> None:
        request = exchange.request
        if not request.body:
            self.respond(exchange, 200, now)
            return
        if request.content_type not in ("application/dtmf-relay", "application/dtmf"):
            self.respond(exchange, 415, now)
            return
        self.respond(exchange, 200, now)
        key = read_key(request.content_type, request.body)
        if key is not None:
            self.stack.emit(KeyByInfo(leg=self.leg, digit=key[0], held_ms=key[1]))

    def respond(
        self,
        exchange: ServerExchange,
        status: int,
        now: float,
        *,
        reason: str = "",
        sdp: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        """Answer a request of this dialog."""
        response = self.stack.response(exchange.request, exchange.flow, status, reason=reason, sdp=sdp, headers=headers)
        exchange.respond(response, now)
        return response

    # ── offers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def offer(self, sdp: bytes, now: float) -> None:
        self.changes.offer(sdp, now)

    def accept_offer(self, sdp: bytes, now: float) -> None:
        self.changes.accept(sdp, now)

    def refuse_offer(self, status: int, now: float) -> None:
        self.changes.refuse(status, now)

    def tell_referrer(self, status: int, reason: str, now: float) -> None:
        self.referrals.tell(status, reason, now)

    # ── the way to the far end ─────────────────────────────────────────────────────────────────────────────────────

    def reach(self, use: Callable[[Target, float], None], now: float) -> None:
        """Have `use(target, now)` called with the place where requests go now."""
        dialog = self.dialog
        if self._inside == dialog.remote_target.host and not dialog.route_set and not self._lost:
            use(self._flow, now)
            return
        reach(self.stack.names, self.dialog, self._flow, lost=self._lost, use=use, now=now)

    def send_request(
        self,
        request: Request,
        now: float,
        *,
        on_answer: AnswerHandler,
        on_silence: SilenceHandler,
        on_sent: Callable[[ClientExchange], None] = lambda _exchange: None,
    ) -> None:
        """Send a request of this dialog in a transaction, as soon as its next hop is known."""

        def send(target: Target, at: float) -> None:
            self.stack.prepare(request, target)
            on_sent(
                self.stack.request(request, target, leg=self.leg, now=at, on_answer=on_answer, on_silence=on_silence)
            )

        self.reach(send, now)

    def remnants(self) -> tuple[Remnant, ...]:
        if self.phase in (Phase.LEAVING, Phase.GONE):
            return ()
        state = (self.dialog.remote_target, self._flow, self.dialog.local_cseq)
        if self._remnant is None or self._remnant[0] != state:
            self._remnant = (state, Remnant.of_dialog(self.dialog, self._flow, caller=self.caller))
        return (self._remnant[1],)

    def talks_with(self, tag: str) -> bool:
        return self.phase in (Phase.ANSWERED, Phase.CONFIRMED) and self.dialog.remote_tag == tag

    def flow_lost(self, flow: Flow, now: float) -> None:
        if flow == self._flow:
            self._lost = True

    def _follow(self, flow: Flow) -> None:
        """Go along when the far end comes by another way than before (a new connection, a new NAT binding)."""
        self._flow, self._lost = flow, False
