"""The ground all legs stand on: what goes out, what is due, which transactions and dialogs there are."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import deque
from collections.abc import Callable

from ringline.agent.agenda import Agenda, Alarm
from ringline.agent.config import AgentConfig
from ringline.agent.events import AgentEvent, Send, Traced
from ringline.agent.exchange import AnswerHandler, ClientExchange, ServerExchange, ServerKey, SilenceHandler
from ringline.agent.leg import Leg
from ringline.base import LegId, Random, RemoteProtocolError, token
from ringline.sip import (
    MAGIC_COOKIE,
    Destination,
    Dialog,
    Flow,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    Request,
    Response,
    Uri,
    Via,
    respond,
    status_text,
)

Target = Flow | Destination
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
ACCEPT = "application/sdp, application/dtmf-relay, application/dtmf"
_LINE_LENGTH = 200


class Stack:
    """Transactions, dialogs, legs, alarms and the outbox of one user agent."""

    def __init__(self, config: AgentConfig, random: Random) -> None:
        self.config = config
        self.random = random
        self.agenda = Agenda()
        self.legs: dict[LegId, Leg] = {}
        self.dialogs: dict[tuple[str, str], Leg] = {}
        "By Call-ID and our tag."
        self._out: deque[Send | AgentEvent] = deque()
        self._clients: dict[tuple[str, str], ClientExchange] = {}
        self._servers: dict[ServerKey, ServerExchange] = {}
        self._per_source: dict[str, int] = {}
        self._merges: set[tuple[str, str, int]] = set()
        self._tag_key = random.bytes(16)

    def gauges(self) -> dict[str, int]:
        """How much of everything there is."""
        return {
            "legs": len(self.legs),
            "dialogs": len(self.dialogs),
            "client_transactions": len(self._clients),
            "server_transactions": len(self._servers),
            "alarms": len(self.agenda),
        }

    # ── out ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def poll(self) -> Send | AgentEvent | None:
        return self._out.popleft() if self._out else None

    def send(self, data: bytes, target: Target) -> None:
        self._out.append(Send(data, target))

    def emit(self, event: AgentEvent) -> None:
        self._out.append(event)

    def trace(self, leg: LegId | None, direction: str, message: Request | Response, flow: Target) -> None:
        line = (
            f"{message.method} {_shown(message.uri)}"
            if isinstance(message, Request)
            else f"{message.status} {message.reason}"
        )
        call_id = message.headers.get("Call-ID") or ""
        self.emit(Traced(leg=leg, direction=direction, line=line[:_LINE_LENGTH], call_id=call_id, flow=flow))

    def rearm(self, alarm: Alarm | None, when: float | None, call: Callable[[float], None]) -> Alarm | None:
        """Move an alarm to a new moment, leaving it alone when nothing changed."""
        if alarm is not None and alarm.call is not None:
            if alarm.when == when:
                return alarm
            alarm.cancel()
        return None if when is None else self.agenda.at(when, call)

    # ── requests of ours ───────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, request: Request, transport: str) -> None:
        """Put our Via, Contact and name into a request."""
        request.headers.prepend("Via", self.via(transport))
        if request.method in ("INVITE", "UPDATE"):
            request.headers.set("Contact", self.contact(transport))
            request.headers.set("Allow", ALLOW)
        request.headers.set("User-Agent", self.config.user_agent)

    def request(
        self,
        request: Request,
        target: Target,
        *,
        leg: LegId | None,
        now: float,
        on_answer: AnswerHandler,
        on_silence: SilenceHandler,
        patience: float | None = None,
    ) -> ClientExchange:
        """Send a prepared request in a transaction of its own."""
        timers = self.config.timers
        transaction = (
            InviteClient(request, reliable=target.reliable, timers=timers, patience=patience)
            if request.method == "INVITE"
            else NonInviteClient(request, reliable=target.reliable, timers=timers)
        )
        key = (request.via.branch or "", request.method)
        exchange = ClientExchange(self, key, transaction, target, leg=leg, on_answer=on_answer, on_silence=on_silence)
        self._clients[key] = exchange
        exchange.start(now)
        return exchange

    def find_client(self, response: Response) -> ClientExchange | None:
        return self._clients.get((response.via.branch or "", response.cseq[1]))

    def forget_client(self, exchange: ClientExchange) -> None:
        if self._clients.get(exchange.key) is exchange:
            del self._clients[exchange.key]

    def clients_to(self, target: Target) -> list[ClientExchange]:
        """The requests that are on their way to a target, or were sent over this connection to it."""
        return [exchange for exchange in self._clients.values() if _leads_to(exchange.target, target)]

    def via(self, transport: str) -> str:
        host, port = self._public(transport)
        branch = MAGIC_COOKIE + token(self.random, 20)
        return f"SIP/2.0/{transport.upper()} {_bracketed(host)}:{port};branch={branch};rport"

    def contact(self, transport: str) -> str:
        host, port = self._public(transport)
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"<sip:ringline@{_bracketed(host)}:{port}{suffix}>"

    def route(self, dialog: Dialog, flow: Flow) -> Target:
        """Where requests of a dialog go.

        A connection is kept. Datagrams go to the first route or the contact when that is an address; back to where the
        peer's came from when it is a name, or a private address seen from outside (a phone behind NAT).
        """
        if flow.reliable:
            return flow
        hop = dialog.next_hop()
        try:
            address = ipaddress.ip_address(hop.host)
            seen = ipaddress.ip_address(flow.remote[0].partition("%")[0])
        except ValueError:
            return flow
        if address.is_unspecified or (address.is_private and not seen.is_private):
            return flow
        if hop.transport == "tcp":
            return Destination("tcp", hop.host, hop.port or 5060)
        return Flow("udp", flow.local, (hop.host, hop.port or 5060))

    def reconnect(self, dialog: Dialog, flow: Flow) -> Destination:
        """Where to connect to after the connection of a dialog is gone."""
        hop = dialog.next_hop()
        try:
            host = str(ipaddress.ip_address(hop.host))
        except ValueError:
            host = flow.remote[0]
        return Destination("tcp", host, hop.port or 5060)

    def _public(self, transport: str) -> tuple[str, int]:
        contacts = self.config.contacts
        return contacts.get(transport) or next(iter(contacts.values()))

    # ── requests to us ─────────────────────────────────────────────────────────────────────────────────────────────

    def server_key(self, request: Request, method: str) -> ServerKey:
        """What tells the transactions of others apart (RFC 3261 section 17.2.3)."""
        via = request.via
        if via.branch and via.branch.startswith(MAGIC_COOKIE):
            return (via.branch, via.host.lower(), str(via.port), method)
        return (request.call_id, request.from_.tag or "", str(request.cseq[0]), str(via), method)

    def find_server(self, request: Request, method: str) -> ServerExchange | None:
        return self._servers.get(self.server_key(request, method))

    def has_room(self, flow: Flow) -> bool:
        """Whether one more server transaction may be kept for this source."""
        config = self.config
        return (
            len(self._servers) < config.max_transactions
            and self._per_source.get(flow.remote[0], 0) < config.max_transactions_per_source
        )

    def serve(self, request: Request, flow: Flow, *, leg: LegId | None) -> ServerExchange:
        """Keep a transaction for a request."""
        timers = self.config.timers
        merge_key: tuple[str, str, int] | None = None
        transaction: InviteServer | NonInviteServer
        if request.method == "INVITE":
            transaction = InviteServer(request, reliable=flow.reliable, timers=timers)
            merge_key = self.merge_key(request)
            self._merges.add(merge_key)
        else:
            transaction = NonInviteServer(request, reliable=flow.reliable, timers=timers)
        key = self.server_key(request, request.method)
        exchange = ServerExchange(
            self, key, transaction, flow, reply_target(request, flow), leg=leg, merge_key=merge_key
        )
        self._servers[key] = exchange
        self._per_source[flow.remote[0]] = self._per_source.get(flow.remote[0], 0) + 1
        self.trace(leg, "in", request, flow)
        return exchange

    def forget_server(self, exchange: ServerExchange) -> None:
        if self._servers.get(exchange.key) is not exchange:
            return
        del self._servers[exchange.key]
        if exchange.merge_key is not None:
            self._merges.discard(exchange.merge_key)
        source = exchange.flow.remote[0]
        left = self._per_source.get(source, 0) - 1
        if left > 0:
            self._per_source[source] = left
        else:
            self._per_source.pop(source, None)

    def merge_key(self, request: Request) -> tuple[str, str, int]:
        return (request.call_id, request.from_.tag or "", request.cseq[0])

    def is_merged(self, request: Request) -> bool:
        """Whether the same INVITE is already here by another way (RFC 3261 section 8.2.2.2)."""
        return self.merge_key(request) in self._merges

    def response(
        self,
        request: Request,
        flow: Flow,
        status: int,
        *,
        reason: str = "",
        to_tag: str | None = None,
        sdp: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        """A complete response; Contact and Allow where the standard wants them."""
        response = respond(request, status, reason or status_text(status), to_tag=to_tag, received=flow.remote)
        if request.method in ("INVITE", "UPDATE") and 100 < status < 300:
            response.headers.add("Contact", self.contact(flow.transport))
        if status in (405, 501) or (status // 100 == 2 and request.method in ("INVITE", "OPTIONS", "UPDATE")):
            response.headers.add("Allow", ALLOW)
        if status == 415 or (status == 200 and request.method == "OPTIONS"):
            response.headers.add("Accept", ACCEPT)
        for name, value in headers:
            response.headers.add(name, value)
        response.headers.add("Server", self.config.user_agent)
        if sdp is not None:
            response.headers.add("Content-Type", "application/sdp")
            response.body = sdp
        return response

    def answer_stateless(
        self,
        request: Request,
        flow: Flow,
        status: int,
        *,
        reason: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer and keep nothing: a repeat gets the same answer again (RFC 3261 section 8.2.7)."""
        if request.method == "ACK":
            return
        try:
            tag = hashlib.blake2b(
                "|".join(self.server_key(request, "")).encode("utf-8", "replace"), key=self._tag_key, digest_size=8
            )
            response = self.response(request, flow, status, reason=reason, to_tag=tag.hexdigest(), headers=headers)
            target = reply_target(request, flow)
        except RemoteProtocolError:
            # Without a Via, From, To, Call-ID and CSeq that can be read nobody could make use of an answer.
            return
        self.trace(None, "in", request, flow)
        self.trace(None, "out", response, target)
        self.send(bytes(response), target)


def reply_target(request: Request, flow: Flow) -> Flow:
    """Where the answer goes: back over the connection, or to the address the datagram came from.

    The port is the source's, except for a peer that asks for no `rport` and truthfully names its address: that one
    listens where its Via says (RFC 3261 section 18.2.2, RFC 3581).
    """
    if flow.reliable:
        return flow
    via: Via = request.via
    if "rport" not in via.params and via.host == flow.remote[0]:
        return Flow(flow.transport, flow.local, (flow.remote[0], via.port or 5060))
    return flow


def _leads_to(target: Target, lost: Target) -> bool:
    if target == lost:
        return True
    same_end = target.transport == lost.transport and target.remote == lost.remote
    return lost.reliable and isinstance(target, Destination) and same_end


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _shown(uri: str) -> str:
    try:
        return str(Uri.parse(uri).without_secrets())
    except RemoteProtocolError:
        return "?"
