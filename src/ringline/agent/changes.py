"""Changing a session that stands: re-INVITE and UPDATE, theirs and ours (RFC 3261 section 14, RFC 3311)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringline.agent.body import read_sdp
from ringline.agent.events import OfferReceived
from ringline.agent.exchange import ServerExchange
from ringline.agent.own_changes import OwnChanges
from ringline.agent.spoken import Spoken
from ringline.base import RemoteProtocolError, integer
from ringline.sip import SHORTEST_S, Request

if TYPE_CHECKING:
    from ringline.agent.session import Session


class Changes:
    """At most one change at a time, theirs or ours; a second of ours waits."""

    def __init__(self, session: Session, local_sdp: bytes | None, remote_sdp: bytes | None) -> None:
        self._session = session
        self._spoken = Spoken(local_sdp, remote_sdp)
        self._own = OwnChanges(session, self._spoken)
        self._theirs: ServerExchange | None = None

    # ── theirs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def invited(self, exchange: ServerExchange, now: float) -> None:
        """A re-INVITE came."""
        session = self._session
        if not self._may_begin(exchange, now) or not self._acceptable(exchange, now):
            return
        try:
            sdp = read_sdp(exchange.request)
            session.dialog.refresh(exchange.request)
        except RemoteProtocolError as error:
            session.respond(exchange, error.sip_status, now)
            return
        if sdp is not None:
            session.respond(exchange, 100, now)
            self._received(exchange, sdp)
            return
        again = self._spoken.again(session.codecs)
        if again is None:
            session.respond(exchange, 488, now)
            return
        response = session.respond(
            exchange, 200, now, sdp=again, headers=session.lifetime.accept(exchange.request, now)
        )
        session.await_ack(exchange, response, offered=True, now=now)

    def updated(self, exchange: ServerExchange, now: float) -> None:
        """An UPDATE came; without SDP it only refreshes."""
        session = self._session
        try:
            sdp = read_sdp(exchange.request)
            if sdp is not None and not self._may_begin(exchange, now):
                return
            if not self._acceptable(exchange, now):
                return
            session.dialog.refresh(exchange.request)
        except RemoteProtocolError as error:
            session.respond(exchange, error.sip_status, now)
            return
        if sdp is None:
            session.respond(exchange, 200, now, headers=session.lifetime.accept(exchange.request, now))
        else:
            self._received(exchange, sdp)

    def accept(self, sdp: bytes, now: float) -> None:
        """Our answer to their offer."""
        exchange, self._theirs = self._theirs, None
        if exchange is None:
            return
        session = self._session
        sdp = self._spoken.local = self._spoken.counted(sdp)
        response = session.respond(exchange, 200, now, sdp=sdp, headers=session.lifetime.accept(exchange.request, now))
        if exchange.request.method == "INVITE":
            session.await_ack(exchange, response, offered=False, now=now)
        else:
            self.proceed(now)

    def refuse(self, status: int, now: float) -> None:
        """Their offer is refused; what was agreed stays."""
        exchange, self._theirs = self._theirs, None
        if exchange is not None:
            self._session.respond(exchange, status if 400 <= status <= 699 else 488, now)
            self.proceed(now)

    def cancelled(self, cancel: Request, now: float) -> None:
        """They take their re-INVITE back before we answered it."""
        if self._theirs is not None and self._theirs.request.cseq[0] == cancel.cseq[0]:
            self.refuse(487, now)

    def note_remote(self, sdp: bytes | None) -> None:
        """What the far end said last."""
        self._spoken.note_remote(sdp)

    def _may_begin(self, exchange: ServerExchange, now: float) -> bool:
        session = self._session
        # Where only the ACK is lost they shall come again by themselves, as after a glare (RFC 5407 section 3.1.4).
        if self._own.offering or (session.waits_for_ack and self._theirs is None):
            session.respond(exchange, 491, now)
            return False
        if self._theirs is not None:
            wait = str(integer(session.stack.random, 10))
            session.respond(exchange, 500, now, headers=(("Retry-After", wait),))
            return False
        return True

    def _acceptable(self, exchange: ServerExchange, now: float) -> bool:
        session = self._session
        try:
            session.lifetime.check(exchange.request)
        except RemoteProtocolError as error:
            least = (("Min-SE", str(SHORTEST_S)),) if error.sip_status == 422 else ()
            session.respond(exchange, error.sip_status, now, headers=least)
            return False
        return True

    def _received(self, exchange: ServerExchange, sdp: bytes) -> None:
        self._theirs = exchange
        exchange.on_cancel = self.cancelled
        self._spoken.remote = sdp
        self._session.stack.emit(OfferReceived(leg=self._session.leg, sdp=sdp))

    # ── ours ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def offer(self, sdp: bytes, now: float) -> None:
        """Offer a change as soon as nothing else is going on; a newer wish replaces one that still waits."""
        self._own.want(sdp)
        self.proceed(now)

    def refresh(self, now: float) -> None:
        """Show that the call is alive, as soon as nothing else is going on."""
        self._own.want_refresh()
        self.proceed(now)

    def proceed(self, now: float) -> None:
        """Begin what waits, if nothing else is going on."""
        if self._theirs is None and not self._session.waits_for_ack:
            self._own.proceed(now)

    def drop(self, now: float) -> None:
        """The session ends: nobody waits for a change any more."""
        exchange, self._theirs = self._theirs, None
        if exchange is not None:
            self._session.respond(exchange, 487, now)
        self._own.drop(now)
