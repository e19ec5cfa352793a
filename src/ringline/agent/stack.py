"""The ground all legs stand on: what goes out, what is due, which transactions and dialogs there are."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable

from ringline.agent.agenda import Agenda, Alarm
from ringline.agent.config import AgentConfig
from ringline.agent.events import AgentEvent, Send, Traced
from ringline.agent.exchange import AnswerHandler, ClientExchange, ServerExchange, ServerKey, SilenceHandler
from ringline.agent.leg import Leg
from ringline.agent.names import Names
from ringline.agent.reach import Target
from ringline.agent.widths import Widths
from ringline.base import LegId, Random, RemoteProtocolError, token
from ringline.sip import (
    MAGIC_COOKIE,
    Destination,
    Flow,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    Place,
    Places,
    Replaces,
    Request,
    Response,
    Uri,
    Via,
    respond,
    status_text,
)

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REGISTER, NOTIFY"
SUPPORTED = "100rel, timer"
ACCEPT = "application/sdp, application/dtmf-relay, application/dtmf"
_REFERS = ", REFER"
_REPLACES = ", replaces, norefersub"
_TARGETED = ("INVITE", "UPDATE", "REFER", "SUBSCRIBE")
"Requests whose success says where later ones go."
_LINE_LENGTH = 200
_OUR_BRANCH = re.compile(rb";branch=(z9hG4bK[0-9a-z]{20})\b")
_HEAD_BYTES = 600
_METHODS = ("INVITE", "CANCEL", "BYE", "REGISTER", "OPTIONS", "UPDATE", "PRACK", "NOTIFY")


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
        self._places = Places(Place(sip_host=""), config.places)
        self.names = Names(self.agenda, self.emit)
        takes_refer = config.takes_refer
        self._allow = ALLOW + (_REFERS if takes_refer else "")
        "What may be sent in a dialog; a stranger's OPTIONS is told of no REFER."
        self._supported = SUPPORTED + (_REPLACES if takes_refer else "")
        self._known = frozenset(self._supported.split(", "))
        self.widths = Widths(speaks_tcp="tcp" in config.contacts)

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

    def prepare(self, request: Request, target: Target) -> None:
        """Put our Via, Contact and name into a request."""
        request.headers.prepend("Via", self.via(target))
        if request.method in ("INVITE", "UPDATE", "NOTIFY"):
            request.headers.set("Contact", self.contact(target))
            request.headers.set("Allow", self._allow)
            request.headers.set("Supported", self._supported)
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

    def adopt(
        self,
        request: Request,
        target: Target,
        flow: Flow,
        *,
        now: float,
        on_answer: AnswerHandler,
        on_silence: SilenceHandler,
    ) -> ClientExchange:
        """Take over an INVITE that an earlier process has sent, as if a 100 had just come for it."""
        transaction = InviteClient(request, reliable=target.reliable, timers=self.config.timers)
        key = (request.via.branch or "", request.method)
        exchange = ClientExchange(self, key, transaction, target, leg=None, on_answer=on_answer, on_silence=on_silence)
        self._clients[key] = exchange
        exchange.receive(respond(request, 100, "Trying"), flow, now)
        return exchange

    def find_client(self, response: Response) -> ClientExchange | None:
        """The request of ours that this answers; a damaged copy with another Call-ID answers none."""
        exchange = self._clients.get((response.via.branch or "", response.cseq[1]))
        return exchange if exchange is not None and exchange.request.call_id == response.call_id else None

    def awaits(self, data: bytes) -> bool:
        """Whether this looks like the answer to a request of ours, without reading it."""
        found = _OUR_BRANCH.search(data, 0, _HEAD_BYTES) if data.startswith(b"SIP/2.0 ") else None
        return found is not None and any((found[1].decode(), method) in self._clients for method in _METHODS)

    def forget_client(self, exchange: ClientExchange) -> None:
        if self._clients.get(exchange.key) is exchange:
            del self._clients[exchange.key]

    def clients_to(self, target: Target) -> list[ClientExchange]:
        """The requests that are on their way to a target, or were sent over this connection to it."""
        return [exchange for exchange in self._clients.values() if _leads_to(exchange.target, target)]

    def via(self, target: Target) -> str:
        host, port = self._public(target)
        branch = MAGIC_COOKIE + token(self.random, 20)
        return f"SIP/2.0/{target.transport.upper()} {_bracketed(host)}:{port};branch={branch};rport"

    def contact(self, target: Target, *, user: str = "ringline", secure: bool = False) -> str:
        """Our Contact; a `secure` one is a SIPS URI."""
        host, port = self._public(target)
        if secure and target.transport == "tls":
            return f"<{Uri('sips', user, host, port)}>"
        # In URIs there is one word for WebSockets, with and without TLS (RFC 7118 section 5.2.4).
        word = "ws" if target.transport == "wss" else target.transport
        suffix = "" if word == "udp" else f";transport={word}"
        return f"<{Uri('sip', user, host, port)}{suffix}>"

    def _public(self, target: Target) -> tuple[str, int]:
        """Where a far end reaches us."""
        contacts = self.config.contacts
        host, port = contacts.get(target.transport) or next(iter(contacts.values()))
        place = self._places.of(target.remote[0])
        return place.sip_host or host, port

    def find_dialog(self, replaces: Replaces) -> LegId | None:
        """The leg of an answered call, as its far end names it; None when there is none."""
        found = self.dialogs.get((replaces.call_id, replaces.to_tag))
        return found.leg if found is not None and found.talks_with(replaces.from_tag) else None

    # ── requests to us ─────────────────────────────────────────────────────────────────────────────────────────────

    def server_key(self, request: Request, method: str) -> ServerKey:
        """What tells the transactions of others apart (RFC 3261 section 17.2.3)."""
        via = request.via
        # The cookie alone is no branch, but that of somebody who cannot count on it (RFC 4475 section 3.2.1).
        if via.branch and via.branch.startswith(MAGIC_COOKIE) and via.branch != MAGIC_COOKIE:
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

    def unsupported(self, request: Request) -> list[str]:
        """The extensions a request insists on and we do not have (RFC 3261 section 8.2.2.3)."""
        return [name for name in request.headers.tokens("Require") if name not in self._known]

    def forget_leg(self, leg: Leg) -> None:
        """The leg has ended, or another phase or branch took its place long ago."""
        if self.legs.get(leg.leg) is leg:
            del self.legs[leg.leg]

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
        if request.method in _TARGETED and 100 < status < 300:
            # Who was called by a SIPS URI answers with one (RFC 3261 section 12.1.1).
            secure = request.uri[:5].lower() == "sips:"
            response.headers.add("Contact", self.contact(flow, secure=secure))
        if status in (405, 501) or (status // 100 == 2 and request.method in ("INVITE", "OPTIONS", "UPDATE")):
            response.headers.add("Allow", ALLOW if request.method == "OPTIONS" else self._allow)
            if status < 300:
                response.headers.add("Supported", self._supported)
        if status == 415 or (status == 200 and request.method == "OPTIONS"):
            # Bodies are read as they are, and what we say to people is English (RFC 3261 sections 8.2.3 and 11.2).
            response.headers.add("Accept", ACCEPT)
            response.headers.add("Accept-Encoding", "identity")
            response.headers.add("Accept-Language", "en")
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
