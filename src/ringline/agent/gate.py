"""The door: requests outside any dialog, checked, admitted or turned away without keeping anything for strangers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringline.agent.admission import InviteContext, RegisterContext
from ringline.agent.body import read_sdp
from ringline.agent.events import IncomingCall
from ringline.agent.flood import Flood
from ringline.agent.guard import Guard
from ringline.agent.incoming import Incoming
from ringline.agent.login import Login
from ringline.agent.registrar import Registrar
from ringline.agent.stack import Stack
from ringline.base import RemoteProtocolError, new_leg_id, token
from ringline.sip import (
    SHORTEST_S,
    Admission,
    Admit,
    Challenge,
    Dialog,
    Flow,
    KeptSums,
    Refuse,
    Request,
    answer_terms,
    asserted_identity,
    is_anonymous,
    read_diversions,
    read_history,
    read_replaces,
)

_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization"})
_NEEDS_DIALOG: Final = frozenset({"BYE", "UPDATE", "INFO", "PRACK", "NOTIFY"})
_NOT_HERE: Final = frozenset({"REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER"})
_COUNTED: Final = (401, 403, 407)


class Gate:
    """Decides what becomes of a request that belongs to nothing we know."""

    def __init__(
        self,
        stack: Stack,
        admit: Callable[[InviteContext], Admission],
        secrets: Callable[[str], str | KeptSums | None],
        registers: Callable[[RegisterContext], Admission] | None,
        trusts: Callable[[str], bool],
    ) -> None:
        """Without `registers` nobody can register here (405)."""
        self.draining = False
        self._stack = stack
        self._admit = admit
        self.flood = Flood(stack.config.flood, trusts)
        self._login = Login(stack, Guard(), self.flood, secrets, trusts)
        self.registrar = Registrar(stack, self._login, registers) if registers is not None else None

    def receive(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request without dialog that is neither ACK nor CANCEL nor a repeat."""
        if self.shuns(flow, now):
            return
        if request.method == "INVITE":
            self._invite(request, flow, now)
            return
        if request.method == "REGISTER" and self.registrar is not None and not self.draining:
            self.registrar.receive(request, flow, now)
            return
        if request.method == "REGISTER" and self.draining:
            status = 503
        elif request.method == "OPTIONS":
            status = self._options(request)
            if status == 420:
                self.refuse(request, flow, 420, now, headers=self._explained(request, 420))
                return
        elif request.method in _NEEDS_DIALOG:
            # A NOTIFY that only keeps a NAT open is welcome; nothing else was subscribed to.
            kept = request.method == "NOTIFY" and (request.headers.get("Event") or "").lower() == "keep-alive"
            status = 200 if kept else 481
        elif request.method in _NOT_HERE:
            status = 405
        else:
            status = 501
        self.refuse(request, flow, status, now)

    def receive_stray(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request for a dialog that is not, or no longer, here."""
        if not self.shuns(flow, now):
            self.refuse(request, flow, 481, now)

    def shuns(self, flow: Flow, now: float) -> bool:
        """Whether this source failed too often to be answered at present."""
        return self._login.shuns(flow, now)

    def lets_pass(self, flow: Flow, now: float) -> bool:
        """Whether a message of this source is read at all."""
        return self._login.lets_pass(flow, now)

    def refuse(
        self,
        request: Request,
        flow: Flow,
        status: int,
        now: float,
        *,
        reason: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer and keep nothing; strangers at a limited rate."""
        if status == 503:
            headers = (*headers, ("Retry-After", str(self._stack.config.retry_after_s)))
        if self._login.may_answer(flow, now):
            self._stack.answer_stateless(request, flow, status, reason=reason, headers=headers)

    def _options(self, request: Request) -> int:
        # Max-Forwards of 0 is no obstacle at the end of the way (RFC 4475 section 3.3.11).
        if self._stack.unsupported(request):
            return 420
        return 503 if self.draining else 200

    # ── INVITE ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _invite(self, request: Request, flow: Flow, now: float) -> None:
        try:
            dialog, sdp = self._examine(request)
            context = self._context(request, flow, None)
        except RemoteProtocolError as error:
            self.refuse(request, flow, error.sip_status, now, headers=self._explained(request, error.sip_status))
            return
        admission = self._admit(context)
        if isinstance(admission, Challenge):
            username = self._login.prove(request, flow, now)
            if username is None:
                return  # the answer was another challenge
            context = self._context(request, flow, username)
            admission = self._admit(context)
            admission = Refuse(403) if isinstance(admission, Challenge) else admission
        match admission:
            case Admit(identity):
                self._open(request, flow, dialog, sdp, context, identity, now)
            case Refuse(status, reason):
                if status in _COUNTED:
                    self._login.failed(flow, now)
                self.refuse(request, flow, status if 400 <= status <= 699 else 403, now, reason=reason)

    def _examine(self, request: Request) -> tuple[Dialog, bytes | None]:
        """See whether we could take this call at all.

        Raises:
            RemoteProtocolError: with the status to answer.
        """
        stack = self._stack
        if request.headers.get("Max-Forwards") == "0":
            raise RemoteProtocolError("too many hops", sip_status=483)
        if stack.is_merged(request):
            raise RemoteProtocolError("the same INVITE came by two ways", sip_status=482)
        if stack.unsupported(request):
            raise RemoteProtocolError("an extension is not supported", sip_status=420)
        if not _takes_sdp(request):
            raise RemoteProtocolError("no answer that we can give is wanted", sip_status=406)
        answer_terms(request, wanted_s=stack.config.session_expires_s)
        if stack.config.takes_refer:
            read_replaces(request)
        sdp = read_sdp(request)
        return Dialog.accept(request, to_tag=token(stack.random, 12)), sdp

    def _explained(self, request: Request, status: int) -> tuple[tuple[str, str], ...]:
        """The header that goes with a refusal and says what would be taken instead."""
        if status == 420:
            return (("Unsupported", ", ".join(self._stack.unsupported(request))),)
        return (("Min-SE", str(SHORTEST_S)),) if status == 422 else ()

    def _context(self, request: Request, flow: Flow, username: str | None) -> InviteContext:
        return InviteContext(
            source=flow,
            request_uri=request.target,
            from_=request.from_,
            to=request.to,
            username=username,
            headers=_shown_headers(request),
        )

    def _open(
        self,
        request: Request,
        flow: Flow,
        dialog: Dialog,
        sdp: bytes | None,
        context: InviteContext,
        identity: str,
        now: float,
    ) -> None:
        """Let a call in."""
        stack = self._stack
        if self.draining or len(stack.legs) >= stack.config.max_calls or not stack.has_room(flow):
            retry = (("Retry-After", str(stack.config.retry_after_s)),)
            stack.answer_stateless(request, flow, 503, headers=retry)
            return
        named = read_replaces(request) if stack.config.takes_refer else None
        replaced = stack.find_dialog(named) if named is not None else None
        if named is not None and (replaced is None or named.early_only):
            # Only answered calls change phones here (RFC 3891 section 3).
            stack.answer_stateless(request, flow, 486 if replaced is not None else 481)
            return
        leg = new_leg_id(stack.random)
        exchange = stack.serve(request, flow, leg=leg)
        exchange.respond(stack.response(request, flow, 100), now)
        Incoming(stack, leg, exchange, dialog, offer=sdp)
        from_ = context.from_
        uri = context.request_uri
        stack.emit(
            IncomingCall(
                leg=leg,
                identity=identity,
                source=flow,
                request_uri=request.uri,
                to_user=uri.user or "",
                to_host=uri.host,
                header_user=context.to.uri.user or "",
                from_user=from_.uri.user or "",
                from_host=from_.uri.host,
                from_display=from_.display,
                anonymous=is_anonymous(request.headers, from_),
                asserted=asserted_identity(request.headers),
                diversions=read_diversions(request.headers),
                history=read_history(request.headers),
                headers=context.headers,
                sdp=sdp,
                call_id=request.call_id,
                username=context.username,
                replaces=replaced,
            )
        )


def _shown_headers(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in request.headers if name.lower() not in _SECRET_HEADERS)


def _takes_sdp(request: Request) -> bool:
    """Whether the caller's Accept, if there is one, has room for SDP (RFC 3261 section 20.1)."""
    kinds = [value.partition(";")[0].strip() for value in request.headers.tokens("Accept")]
    return not kinds or any(kind in ("application/sdp", "application/*", "*/*", "multipart/mixed") for kind in kinds)
