"""The SIP user agent: messages and commands in, messages and events about legs out. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ringline.agent.admission import InviteContext, RegisterContext
from ringline.agent.bindings import Binding
from ringline.agent.config import AgentConfig, OutgoingInvite
from ringline.agent.events import AgentEvent, Failed, Lookup, Send
from ringline.agent.fork import Fork
from ringline.agent.gate import Gate
from ringline.agent.outgoing import Outgoing
from ringline.agent.peers import Peers
from ringline.agent.remnants import Remnant, end
from ringline.agent.stack import Stack
from ringline.base import LegId, Random, RemoteProtocolError
from ringline.sip import (
    Admission,
    Credentials,
    Destination,
    Flow,
    KeptSums,
    Request,
    Response,
    parse,
    salvage,
)


class UserAgent:
    """Any number of calls, both ways, over any number of flows.

    Drain `poll` until None after every other method, and call `tick` at `deadline`. Commands about legs that are
    unknown, or no longer in the right state, do nothing: they and the far end's messages cross.
    """

    def __init__(
        self,
        config: AgentConfig,
        random: Random,
        admit: Callable[[InviteContext], Admission],
        secrets: Callable[[str], str | KeptSums | None],
        *,
        registers: Callable[[RegisterContext], Admission] | None = None,
        trusts: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        """`admit` says who may call, `registers` who may register (None: nobody), `secrets` the password of a user
        name or what is kept of it, `trusts` whether an address is that of a known trunk, which is answered without
        limit. All are asked while a message is read.
        """
        self._stack = Stack(config, random)
        self._gate = Gate(self._stack, admit, secrets, registers, trusts)
        self.peers = Peers(self._stack)
        "Trunks under watch."

    @property
    def draining(self) -> bool:
        """While true, new calls and OPTIONS get 503; calls in progress go on."""
        return self._gate.draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self._gate.draining = value

    @property
    def call_count(self) -> int:
        """Legs in any phase."""
        return len(self._stack.legs)

    def gauges(self) -> Mapping[str, int]:
        """Figures for metrics: legs, dialogs, bindings, client and server transactions, alarms."""
        registrar = self._gate.registrar
        return {
            **self._stack.gauges(),
            "bindings": len(registrar.bindings) if registrar is not None else 0,
            "messages_dropped": self._gate.flood.dropped,
        }

    def bindings(self, user: str) -> tuple[Binding, ...]:
        """Where a user registered, the preferred place first."""
        registrar = self._gate.registrar
        return registrar.bindings.of(user) if registrar is not None else ()

    def forget_bindings(self, user: str) -> None:
        """A user is no more, and so are his registrations."""
        if (registrar := self._gate.registrar) is not None:
            registrar.forget(user)

    def restore_bindings(self, user: str, bindings: Iterable[Binding], *, now: float) -> int:
        """Go on with what an earlier process knew of where a user is; give how many devices can still be reached."""
        registrar = self._gate.registrar
        return registrar.restore(user, bindings, now) if registrar is not None else 0

    # ── time and bytes ─────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, data: bytes, flow: Flow, *, now: float) -> None:
        """Take one message: a datagram, or one frame of a connection. What cannot be read is refused or dropped."""
        if not self._gate.lets_pass(flow, now) and not self._stack.awaits(data):
            return
        try:
            message = parse(data)
        except RemoteProtocolError as error:
            broken = salvage(data)
            if broken is not None and not self._gate.shuns(flow, now) and not self._is_repeat(broken):
                self._gate.refuse(broken, flow, error.sip_status, now)
            return
        if isinstance(message, Response):
            self._response(message, flow, now)
        else:
            self._request(message, flow, now)

    def connection_lost(self, flow: Flow | Destination, *, now: float) -> None:
        """A connection is gone, or a destination could not be connected to."""
        for exchange in self._stack.clients_to(flow):
            exchange.transport_failed(now)
        self.peers.target_lost(flow.remote, now)
        if isinstance(flow, Flow):
            if self._gate.registrar is not None:
                self._gate.registrar.bindings.flow_lost(flow)
            for leg in list(self._stack.legs.values()):
                leg.flow_lost(flow, now)

    def deadline(self) -> float | None:
        """When `tick` is wanted next; None while nothing waits."""
        return self._stack.agenda.deadline()

    def tick(self, *, now: float) -> None:
        """Do what is due."""
        self._stack.agenda.run(now)

    def poll(self) -> Send | AgentEvent | None:
        """The next thing to send or to know."""
        return self._stack.poll()

    def found(self, lookup: Lookup, destinations: tuple[Destination, ...], *, now: float) -> None:
        """Answer a `Lookup`: the destinations to try in order, none when the name is unknown."""
        self._stack.names.answer(lookup, destinations, now)

    # ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, invite: OutgoingInvite, *, now: float) -> None:
        """Call somebody. Ends in `Answered` or `Failed`."""
        if leg in self._stack.legs:
            return
        try:
            Outgoing(self._stack, leg, invite, now)
        except RemoteProtocolError as error:
            self._stack.emit(Failed(leg=leg, status=None, reason=str(error), q850=None, why="unreachable"))

    def dial_all(self, leg: LegId, invites: Sequence[OutgoingInvite], *, now: float) -> None:
        """Call several devices of one person at once: the first that answers has the call, the others stop ringing."""
        if leg not in self._stack.legs:
            Fork(self._stack, leg, invites, now)

    def ring(self, leg: LegId, *, now: float) -> None:
        """Tell a caller that it rings (180)."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.ring(now)

    def progress(self, leg: LegId, sdp: bytes, *, now: float) -> None:
        """Open early media to a caller (183)."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.progress(sdp, now)

    def answer(self, leg: LegId, sdp: bytes, *, now: float) -> None:
        """Answer a caller (200), repeated until he acknowledges; `Confirmed` follows, or `Ended` after 64*T1."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.answer(sdp, now)

    def knows(self, leg: LegId, codecs: tuple[str, ...]) -> None:
        """Name the codecs this leg could speak: a re-INVITE without SDP is answered with an offer of all of them."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.codecs = codecs

    def refuse(
        self, leg: LegId, status: int, reason: str = "", *, retry_after_s: int | None = None, now: float
    ) -> None:
        """Turn down a call that was let in; one that is answered already is hung up."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.refuse(status, reason, retry_after_s, now)

    def hang_up(self, leg: LegId, reason: str | None = None, *, now: float) -> None:
        """End a leg in any state: 603 to a caller not answered, CANCEL while ringing, else BYE.

        `Ended` or `Failed` comes at once; what is still to be said to the far end is said without the leg.
        """
        if (found := self._stack.legs.get(leg)) is not None:
            found.hang_up(reason, now)

    def offer(self, leg: LegId, sdp: bytes, *, now: float) -> None:
        """Change the session by a re-INVITE: `OfferAnswered` or `OfferRefused` follows."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.offer(sdp, now)

    def accept_offer(self, leg: LegId, sdp: bytes, *, now: float) -> None:
        """Answer an `OfferReceived`."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.accept_offer(sdp, now)

    def refuse_offer(self, leg: LegId, status: int = 488, *, now: float) -> None:
        """Refuse an `OfferReceived`; what was agreed stays in force."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.refuse_offer(status, now)

    def tell_referrer(self, leg: LegId, status: int, reason: str = "", *, now: float) -> None:
        """Answer a `ReferReceived`: 300 and more refuses it, anything below accepts it and says how far it is."""
        if (found := self._stack.legs.get(leg)) is not None:
            found.tell_referrer(status, reason, now)

    # ── a sudden end ───────────────────────────────────────────────────────────────────────────────────────────────

    def remnant(self, leg: LegId, before: Remnant | None = None) -> Remnant | None:
        """What has to be known to end this leg, should this process die; None when there is nothing left to say.

        `before` is what was known last: it finds the dialogs of a leg that has ended while its far ends are not told
        yet, and the branches of a fork that another one has won.
        """
        live = self._stack.legs.get(leg)
        found = [live]
        if before is not None:
            found += [each for part in before.parts if (each := self._stack.dialogs.get(part.key)) is not live]
        if found == [live]:  # mostly the leg is its own dialog
            return Remnant.of(live.remnants()) if live is not None else None
        legs = {id(each): each for each in found if each is not None}.values()
        return Remnant.of(remnant for each in legs for remnant in each.remnants())

    def end_remnant(self, leg: LegId, remnant: Remnant, credentials: Credentials | None = None, *, now: float) -> None:
        """End a leg of an earlier process: BYE, CANCEL or a final refusal.

        Raises:
            RemoteProtocolError: the remnant cannot be used.
        """
        end(self._stack, leg, remnant, credentials, now)

    # ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _response(self, response: Response, flow: Flow, now: float) -> None:
        try:
            response.check()
            exchange = self._stack.find_client(response)
        except RemoteProtocolError:
            return
        if exchange is not None:
            exchange.receive(response, flow, now)

    def _request(self, request: Request, flow: Flow, now: float) -> None:
        try:
            request.check()
        except RemoteProtocolError as error:
            if not self._gate.shuns(flow, now) and not self._is_repeat(request):
                self._gate.refuse(request, flow, error.sip_status, now, reason=str(error).replace("\n", " "))
            return
        method = request.method
        if method == "ACK":
            self._ack(request, now)
        elif (exchange := self._stack.find_server(request, method)) is not None:
            exchange.receive(request, now)
        elif method == "CANCEL":
            self._cancel(request, flow, now)
        elif request.to.tag is not None:
            self._in_dialog(request, flow, now)
        else:
            self._gate.receive(request, flow, now)

    def _is_repeat(self, broken: Request) -> bool:
        """Whether what cannot be read is a damaged copy of a request at hand: a refusal would end what goes on."""
        try:
            # Either of the two places may be the damaged one.
            methods = (broken.method, broken.cseq[1])
            return any(self._stack.find_server(broken, method) is not None for method in methods)
        except RemoteProtocolError:
            return False

    def _ack(self, request: Request, now: float) -> None:
        exchange = self._stack.find_server(request, "INVITE")
        if exchange is not None:
            exchange.receive(request, now)
        elif (leg := self._stack.dialogs.get((request.call_id, request.to.tag or ""))) is not None:
            leg.acknowledged(request, now)

    def _cancel(self, request: Request, flow: Flow, now: float) -> None:
        exchange = self._stack.find_server(request, "INVITE")
        if exchange is None:
            self._gate.refuse(request, flow, 481, now)
            return
        self._stack.answer_stateless(request, flow, 200)
        if exchange.on_cancel is not None:
            exchange.on_cancel(request, now)

    def _in_dialog(self, request: Request, flow: Flow, now: float) -> None:
        leg = self._stack.dialogs.get((request.call_id, request.to.tag or ""))
        if leg is None:
            self._gate.receive_stray(request, flow, now)
        elif not self._stack.has_room(flow):
            self._gate.refuse(request, flow, 503, now)
        else:
            leg.requested(self._stack.serve(request, flow, leg=leg.leg), now)
