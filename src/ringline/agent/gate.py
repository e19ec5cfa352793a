"""The door: requests outside any dialog, checked, admitted or turned away without keeping anything for strangers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ringline.agent.admission import Admission, Admit, Challenge, InviteContext, Refuse
from ringline.agent.body import read_sdp
from ringline.agent.events import IncomingCall
from ringline.agent.guard import Guard
from ringline.agent.incoming import Incoming
from ringline.agent.stack import Stack
from ringline.base import RemoteProtocolError, new_leg_id, token
from ringline.sip import Dialog, DigestServer, Flow, Missing, Request, Stale, Verified, Wrong

_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization"})
_NEEDS_DIALOG: Final = frozenset({"BYE", "UPDATE", "INFO", "PRACK"})
_NOT_HERE: Final = frozenset({"REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REFER"})
_COUNTED: Final = (401, 403, 407)


class Gate:
    """Decides what becomes of a request that belongs to nothing we know."""

    def __init__(
        self, stack: Stack, admit: Callable[[InviteContext], Admission], secrets: Callable[[str], str | None]
    ) -> None:
        self.draining = False
        self.guard = Guard()
        self._stack = stack
        self._admit = admit
        self._secrets = secrets
        self._digest = DigestServer(stack.config.realm, stack.random, algorithms=stack.config.digest_algorithms)

    def receive(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request without dialog that is neither ACK nor CANCEL nor a repeat."""
        if self.guard.blocked(flow.remote[0], now=now):
            return
        if request.method == "INVITE":
            self._invite(request, flow, now)
            return
        if request.method == "OPTIONS":
            status = self._options(request)
        elif request.method in _NEEDS_DIALOG:
            status = 481
        elif request.method in _NOT_HERE:
            status = 405
        else:
            status = 501
        self.refuse(request, flow, status, now)

    def receive_stray(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request for a dialog that is not, or no longer, here."""
        if not self.guard.blocked(flow.remote[0], now=now):
            self.refuse(request, flow, 481, now)

    def refuse(self, request: Request, flow: Flow, status: int, now: float, *, reason: str = "") -> None:
        """Answer a stranger, at a limited rate, and keep nothing."""
        headers = (("Retry-After", str(self._stack.config.retry_after_s)),) if status == 503 else ()
        if self.guard.may_answer(flow.remote[0], now=now):
            self._stack.answer_stateless(request, flow, status, reason=reason, headers=headers)

    def _options(self, request: Request) -> int:
        if request.headers.get("Max-Forwards") == "0":
            return 483
        return 503 if self.draining else 200

    # ── INVITE ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _invite(self, request: Request, flow: Flow, now: float) -> None:
        stack = self._stack
        try:
            dialog, sdp = self._examine(request)
            context = self._context(request, flow, None)
        except RemoteProtocolError as error:
            if error.sip_status == 420:
                unsupported = ", ".join(request.headers.tokens("Require"))
                if self.guard.may_answer(flow.remote[0], now=now):
                    stack.answer_stateless(request, flow, 420, headers=(("Unsupported", unsupported),))
            else:
                self.refuse(request, flow, error.sip_status, now)
            return
        admission: Admission | None = self._admit(context)
        if isinstance(admission, Challenge):
            admission = self._prove(request, flow, now)
        match admission:
            case Admit(identity):
                self._open(request, flow, dialog, sdp, context, identity, now)
            case Refuse(status, reason):
                if status in _COUNTED:
                    self.guard.failed(flow.remote[0], now=now)
                self.refuse(request, flow, status if 400 <= status <= 699 else 403, now, reason=reason)
            case _:
                pass

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
        if request.headers.tokens("Require"):
            raise RemoteProtocolError("no extension is supported", sip_status=420)
        sdp = read_sdp(request)
        return Dialog.accept(request, to_tag=token(stack.random, 12)), sdp

    def _prove(self, request: Request, flow: Flow, now: float) -> Admission | None:
        """Check who it claims to be; None when the answer is another challenge."""
        source = flow.remote[0]
        verdict = self._digest.verify(
            request.headers.all("Authorization"),
            method=request.method,
            source=source,
            secrets=self._secrets,
            now=now,
        )
        match verdict:
            case Verified(username):
                self.guard.proved(source, now=now)
                admission = self._admit(self._context(request, flow, username))
                return Refuse(403) if isinstance(admission, Challenge) else admission
            case Wrong():
                self.guard.failed(source, now=now)
            case Stale() | Missing():
                pass
        if self.guard.may_answer(source, now=now):
            challenges = self._digest.challenges(source, now=now, stale=isinstance(verdict, Stale))
            if _gives_up_over_sha256(request):
                challenges = [value for value in challenges if "algorithm=MD5," in value] or challenges
            headers = tuple(("WWW-Authenticate", value) for value in challenges)
            self._stack.answer_stateless(request, flow, 401, headers=headers)
        return None

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
                from_user=from_.uri.user or "",
                from_host=from_.uri.host,
                from_display=from_.display,
                anonymous=_is_anonymous(request),
                headers=context.headers,
                sdp=sdp,
                call_id=request.call_id,
            )
        )


def _shown_headers(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in request.headers if name.lower() not in _SECRET_HEADERS)


def _gives_up_over_sha256(request: Request) -> bool:
    """Whether this phone ends the call at a challenge it does not know, wherever it stands (RFC 7616 section 3.3 wants
    it passed over). So does baresip before 3.11, which is in Debian 12.
    """
    name, _, version = (request.headers.get("User-Agent") or "").partition(" v")
    numbers = version.partition(" ")[0].split(".")[:2]
    known = len(numbers) == 2 and all(each.isascii() and each.isdigit() and len(each) < 5 for each in numbers)
    return name == "baresip" and known and (int(numbers[0]), int(numbers[1])) < (3, 11)


def _is_anonymous(request: Request) -> bool:
    """Whether the caller hides: by Privacy (RFC 3323) or by the From that RFC 3261 section 8.1.1.3 proposes."""
    privacy = {word.strip().lower() for value in request.headers.all("Privacy") for word in value.split(";")}
    if privacy & {"id", "user", "header"}:
        return True
    uri = request.from_.uri
    return not uri.user or uri.user.lower() == "anonymous" or uri.host.lower() == "anonymous.invalid"
