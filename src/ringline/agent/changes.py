"""Changing a session that stands: re-INVITE and UPDATE, theirs and ours (RFC 3261 section 14, RFC 3311)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ringline.agent.agenda import Alarm
from ringline.agent.body import read_sdp
from ringline.agent.events import OfferAnswered, OfferReceived, OfferRefused
from ringline.agent.exchange import ClientExchange, ServerExchange
from ringline.base import RemoteProtocolError, integer
from ringline.sdp import SessionDescription, held_by, same_again
from ringline.sip import DigestClient, Flow, Response

if TYPE_CHECKING:
    from ringline.agent.session import Session

_MOST_GLARES: Final = 10


class Changes:
    """At most one change at a time, theirs or ours; a second of ours waits."""

    def __init__(self, session: Session, local_sdp: bytes | None, remote_sdp: bytes | None) -> None:
        self._session = session
        self._local = local_sdp
        self._remote = remote_sdp
        self._theirs: ServerExchange | None = None
        self._ours: ClientExchange | None = None
        self._sent: bytes | None = None
        self._wanted: bytes | None = None
        self._retry: Alarm | None = None
        self._glares = 0
        self._auth: DigestClient | None = None
        self._dropped = False
        self._floor: int | None = None
        "The version of the SDP we repeated on our own account; what follows has to count on from there."

    # ── theirs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def invited(self, exchange: ServerExchange, now: float) -> None:
        """A re-INVITE came."""
        session = self._session
        if not self._may_begin(exchange, now):
            return
        try:
            sdp = read_sdp(exchange.request)
            session.dialog.refresh(exchange.request)
        except RemoteProtocolError as error:
            session.respond(exchange, error.sip_status, now)
            return
        if sdp is None:
            self._offer_again(exchange, now)
            return
        session.respond(exchange, 100, now)
        self._received(exchange, sdp)

    def updated(self, exchange: ServerExchange, now: float) -> None:
        """An UPDATE came; without SDP it only refreshes."""
        session = self._session
        try:
            sdp = read_sdp(exchange.request)
            if sdp is not None and not self._may_begin(exchange, now):
                return
            session.dialog.refresh(exchange.request)
        except RemoteProtocolError as error:
            session.respond(exchange, error.sip_status, now)
            return
        if sdp is None:
            session.respond(exchange, 200, now)
        else:
            self._received(exchange, sdp)

    def accept(self, sdp: bytes, now: float) -> None:
        """Our answer to their offer."""
        exchange, self._theirs = self._theirs, None
        if exchange is None:
            return
        sdp = self._local = self._counted(sdp)
        response = self._session.respond(exchange, 200, now, sdp=sdp)
        if exchange.request.method == "INVITE":
            self._session.await_ack(exchange, response, offered=False, now=now)
        else:
            self.proceed(now)

    def refuse(self, status: int, now: float) -> None:
        """Their offer is refused; what was agreed stays."""
        exchange, self._theirs = self._theirs, None
        if exchange is not None:
            self._session.respond(exchange, status if 400 <= status <= 699 else 488, now)
            self.proceed(now)

    def note_remote(self, sdp: bytes | None) -> None:
        """What the far end said last."""
        self._remote = sdp or self._remote

    def _may_begin(self, exchange: ServerExchange, now: float) -> bool:
        session = self._session
        if self._ours is not None:
            session.respond(exchange, 491, now)
            return False
        if self._theirs is not None or session.waits_for_ack:
            wait = str(integer(session.stack.random, 10))
            session.respond(exchange, 500, now, headers=(("Retry-After", wait),))
            return False
        return True

    def _received(self, exchange: ServerExchange, sdp: bytes) -> None:
        self._theirs = exchange
        self._remote = sdp
        self._session.stack.emit(OfferReceived(leg=self._session.leg, sdp=sdp))

    def _offer_again(self, exchange: ServerExchange, now: float) -> None:
        """A re-INVITE without SDP asks for an offer: we make the one in force again; a hold by them ends with it."""
        session = self._session
        if self._local is None:
            session.respond(exchange, 488, now)
            return
        try:
            held = self._remote is not None and held_by(SessionDescription.parse(self._remote))
            again = same_again(SessionDescription.parse(self._local), resume=held)
        except RemoteProtocolError:
            session.respond(exchange, 488, now)
            return
        self._floor = again.origin.version
        self._local = bytes(again)
        response = session.respond(exchange, 200, now, sdp=self._local)
        session.await_ack(exchange, response, offered=True, now=now)

    def _counted(self, sdp: bytes) -> bytes:
        """The same SDP with a version above any we made up in between (RFC 3264 section 8)."""
        if self._floor is None:
            return sdp
        try:
            description = SessionDescription.parse(sdp)
        except RemoteProtocolError:
            return sdp
        self._floor = max(self._floor + 1, description.origin.version)
        return bytes(description.with_version(self._floor))

    # ── ours ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def offer(self, sdp: bytes, now: float) -> None:
        """Offer a change as soon as nothing else is going on; a newer wish replaces one that still waits."""
        self._wanted = sdp
        self.proceed(now)

    def proceed(self, now: float) -> None:
        """Begin what waits, if nothing else is going on."""
        session = self._session
        busy = self._theirs is not None or self._ours is not None or session.waits_for_ack
        if self._wanted is None or busy or self._retry is not None or not self._alive():
            return
        self._sent, self._wanted = self._counted(self._wanted), None
        self._auth = DigestClient(session.credentials) if session.credentials else None
        self._invite(None, now)

    def drop(self, now: float) -> None:
        """The session ends: nobody waits for a change any more."""
        self._dropped = True
        self._wanted = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        exchange, self._theirs = self._theirs, None
        if exchange is not None:
            self._session.respond(exchange, 487, now)
        if self._ours is not None:
            # It still gets its ACK, but a far end that never answers must not be waited for without end.
            stack = self._session.stack
            stack.agenda.at(now + stack.config.timers.patience, self._ours.give_up)
            self._ours = None

    def _alive(self) -> bool:
        return not self._dropped

    def _invite(self, challenge: Response | None, now: float) -> None:
        session = self._session
        invite = session.dialog.request("INVITE")
        if challenge is not None and (
            self._auth is None or not self._auth.authorize(invite, challenge, session.stack.random)
        ):
            self._refused(challenge.status, now)
            return
        invite.headers.add("Content-Type", "application/sdp")
        invite.body = self._sent or b""
        target = session.target()
        session.stack.prepare(invite, target.transport)
        self._ours = session.stack.request(
            invite, target, leg=session.leg, now=now, on_answer=self._answered, on_silence=self._unanswered
        )

    def _answered(self, response: Response, flow: Flow, now: float) -> None:
        session = self._session
        status = response.status
        if status < 200:
            return
        if status < 300:
            self._acknowledge(response, now)
            if self._ours is None or self._ours.request.cseq != response.cseq:
                return
            self._ours = None
            if self._alive():
                self._accepted(response, now)
            return
        self._ours = None
        if not self._alive():
            return
        if status == 491 and self._glares < _MOST_GLARES:
            self._glares += 1
            self._retry = session.stack.agenda.at(now + self._glare_pause(), self._again)
        elif status in (401, 407):
            self._invite(response, now)
        elif status in (408, 481):
            session.fail(status, now, response.reason)
        else:
            self._refused(status, now)

    def _accepted(self, response: Response, now: float) -> None:
        session = self._session
        self._glares = 0
        try:
            session.dialog.refresh(response)
            sdp = read_sdp(response)
        except RemoteProtocolError:
            sdp = None
        self._local = self._sent
        self.note_remote(sdp)
        session.stack.emit(OfferAnswered(leg=session.leg, sdp=sdp))
        self.proceed(now)

    def _refused(self, status: int, now: float) -> None:
        self._session.stack.emit(OfferRefused(leg=self._session.leg, status=status))
        self.proceed(now)

    def _acknowledge(self, response: Response, now: float) -> None:
        session = self._session
        ack = session.dialog.request("ACK", cseq=response.cseq[0])
        target = session.target()
        session.stack.prepare(ack, target.transport)
        if self._ours is not None:
            session.stack.trace(session.leg, "out", ack, target)
        session.stack.send(bytes(ack), target)

    def _unanswered(self, why: str, now: float) -> None:
        self._ours = None
        if self._alive():
            self._session.fail(408, now, why)

    def _glare_pause(self) -> float:
        """Seconds to wait after a 491: the owner of the Call-ID waits longer (RFC 3261 section 14.1)."""
        random = self._session.stack.random
        return 2.1 + integer(random, 191) / 100 if self._session.caller else integer(random, 201) / 100

    def _again(self, now: float) -> None:
        self._retry = None
        if self._wanted is None:
            self._wanted = self._sent
        self.proceed(now)
