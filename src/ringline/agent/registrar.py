"""The registrar: phones and PBXs say where they are (RFC 3261 section 10.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ringline.agent.admission import RegisterContext
from ringline.agent.agenda import Alarm
from ringline.agent.bindings import Binding, Bindings
from ringline.agent.events import Registered
from ringline.agent.login import Login
from ringline.agent.stack import Stack
from ringline.base import RemoteProtocolError, token
from ringline.sip import (
    PING,
    Admission,
    Admit,
    Challenge,
    Contact,
    Flow,
    NameAddr,
    Refuse,
    Request,
    read_contacts,
)

SHORTEST_S: Final = 60
LONGEST_S: Final = 3600
USUAL_S: Final = 600
_EXTENSIONS: Final = ("path", "outbound")
_KEEP_ALIVE_S: Final = 25.0
_FLOW_TIMER_S: Final = 120


class Registrar:
    """Takes REGISTER requests; knows where its users are."""

    def __init__(self, stack: Stack, login: Login, registers: Callable[[RegisterContext], Admission]) -> None:
        self.bindings = Bindings(stack.agenda, self._lapsed)
        self._stack = stack
        self._login = login
        self._registers = registers
        self._keep_alive: Alarm | None = None

    def receive(self, request: Request, flow: Flow, now: float) -> None:
        """Take a REGISTER that is no repeat."""
        try:
            user = self._identify(request, flow, now)
            if user is None:
                return
            contacts = read_contacts(request.headers)
            changes = self._read(request, flow, user, contacts, now)
        except RemoteProtocolError as error:
            self._answer(request, flow, error.sip_status, now)
            return
        if contacts is None:
            self.bindings.clear(user)
        for binding in changes:
            if binding.expires_at > now:
                self.bindings.put(user, binding)
            else:
                self.bindings.drop(user, binding.key)
        self._accept(request, flow, user, changes, now)

    def restore(self, user: str, bindings: Iterable[Binding], now: float) -> int:
        """Take over what another process knew of a user; give how many devices can still be reached."""
        count = 0
        for binding in bindings:
            reachable = binding.expires_at > now and (binding.outlives_flow or not binding.flow.reliable)
            if reachable and self.bindings.has_room(user, [binding]):
                self.bindings.put(user, binding)
                count += 1
        self._start_keep_alive(now)
        return count

    def forget(self, user: str) -> None:
        """A user is no more: nobody who gets his name later shall inherit his phones."""
        if self.bindings.of(user):
            self.bindings.clear(user)
            self._lapsed(user)

    def _lapsed(self, user: str) -> None:
        self._stack.emit(Registered(user=user, contacts=len(self.bindings.of(user))))

    # ── who, and what ──────────────────────────────────────────────────────────────────────────────────────────────

    def _identify(self, request: Request, flow: Flow, now: float) -> str | None:
        """The user who may register here; None when the answer was a challenge.

        Raises:
            RemoteProtocolError: with the status to answer.
        """
        missing = [name for name in request.headers.tokens("Require") if name not in _EXTENSIONS]
        if missing:
            raise RemoteProtocolError("an extension is not supported", sip_status=420)
        admission = self._ask(request, flow, None)
        if isinstance(admission, Challenge):
            username = self._login.prove(request, flow, now)
            if username is None:
                return None
            admission = self._ask(request, flow, username)
        match admission:
            case Admit(identity):
                return identity
            case Refuse(status):
                if status in (401, 403, 407):
                    self._login.failed(flow, now)
                raise RemoteProtocolError("registration refused", sip_status=status)
            case _:
                raise RemoteProtocolError("registration refused", sip_status=403)

    def _ask(self, request: Request, flow: Flow, username: str | None) -> Admission:
        to = request.to.uri
        return self._registers(
            RegisterContext(source=flow, aor_user=to.user or "", host=request.target.host, username=username)
        )

    def _read(
        self, request: Request, flow: Flow, user: str, contacts: list[Contact] | None, now: float
    ) -> list[Binding]:
        """The bindings a request asks for; those that end now are to be taken out. All or nothing.

        Raises:
            RemoteProtocolError: with the status to answer.
        """
        header = request.number("Expires")
        if contacts is None:
            if header != 0:
                raise RemoteProtocolError("a Contact of * goes with Expires: 0")
            return []
        changes = [self._binding(request, flow, contact, header, now) for contact in contacts]
        for binding in changes:
            known = self.bindings.find(user, binding.key)
            if known is not None and known.call_id == binding.call_id and known.cseq >= binding.cseq:
                raise RemoteProtocolError("an older registration came later", sip_status=500)
        if not self._stack.has_room(flow):
            raise RemoteProtocolError("too much at once", sip_status=503)
        if not self.bindings.has_room(user, [each for each in changes if each.expires_at > now]):
            raise RemoteProtocolError("too many contacts", sip_status=503)
        return changes

    def _binding(self, request: Request, flow: Flow, contact: Contact, header: int | None, now: float) -> Binding:
        wanted = contact.expires if contact.expires is not None else header if header is not None else USUAL_S
        if 0 < wanted < SHORTEST_S:
            raise RemoteProtocolError("the interval is too brief", sip_status=423)
        via = request.via
        path = tuple(request.headers.split("Path"))
        for value in path:
            NameAddr.parse(value)
        return Binding(
            contact=contact,
            flow=flow,
            expires_at=now + min(wanted, LONGEST_S),
            call_id=request.call_id,
            cseq=request.cseq[0],
            path=path,
            symmetric="rport" in via.params,
            outbound=contact.reg_id is not None and "outbound" in request.headers.tokens("Supported"),
        )

    # ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _accept(self, request: Request, flow: Flow, user: str, changes: list[Binding], now: float) -> None:
        held = self.bindings.of(user)
        headers = [
            (
                "Contact",
                str(
                    Contact(
                        uri=each.contact.uri,
                        q=each.contact.q,
                        expires=max(1, round(each.expires_at - now)),
                        instance=each.contact.instance,
                        reg_id=each.contact.reg_id,
                    )
                ),
            )
            for each in held
        ]
        headers += [("Path", value) for value in request.headers.split("Path")]
        headers.append(("Supported", ", ".join(_EXTENSIONS)))
        if any(each.outbound for each in changes):
            # The phone has to keep its flow alive so often (RFC 5626 section 4.4).
            headers += [("Require", "outbound"), ("Flow-Timer", str(_FLOW_TIMER_S))]
        # In a transaction: a repeat must get this answer again, its digest would not be taken a second time.
        stack = self._stack
        exchange = stack.serve(request, flow, leg=None)
        tag = token(stack.random, 12)
        exchange.respond(stack.response(request, flow, 200, to_tag=tag, headers=tuple(headers)), now)
        if changes or "Contact" in request.headers:
            self._stack.emit(Registered(user=user, contacts=len(held)))
        self._start_keep_alive(now)

    def _start_keep_alive(self, now: float) -> None:
        if self._keep_alive is None and self.bindings.flows_behind_nat():
            self._keep_alive = self._stack.agenda.at(now + _KEEP_ALIVE_S, self._keep_open)

    def _answer(self, request: Request, flow: Flow, status: int, now: float) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if status == 423:
            headers = (("Min-Expires", str(SHORTEST_S)),)
        elif status == 420:
            missing = [name for name in request.headers.tokens("Require") if name not in _EXTENSIONS]
            headers = (("Unsupported", ", ".join(missing)),)
        if self._login.may_answer(flow, now):
            self._stack.answer_stateless(request, flow, status, headers=headers)

    def _keep_open(self, now: float) -> None:
        """Send something that means nothing through the NATs of our users."""
        flows = self.bindings.flows_behind_nat()
        for flow in flows:
            self._stack.send(PING, flow)
        self._keep_alive = self._stack.agenda.at(now + _KEEP_ALIVE_S, self._keep_open) if flows else None
