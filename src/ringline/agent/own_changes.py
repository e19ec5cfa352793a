"""The changes of a session that we ask for: offers by re-INVITE, refreshes by UPDATE where the far end takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ringline.agent.agenda import Alarm
from ringline.agent.body import read_sdp
from ringline.agent.events import OfferAnswered, OfferRefused
from ringline.agent.exchange import ClientExchange
from ringline.agent.reach import Target
from ringline.agent.spoken import Spoken
from ringline.base import RemoteProtocolError, integer
from ringline.sip import DigestClient, Response, accepted_terms

if TYPE_CHECKING:
    from ringline.agent.session import Session

_MOST_GLARES: Final = 10
_NOT_UPDATE: Final = (405, 415, 420, 501)


@dataclass(slots=True, eq=False)
class _Change:
    """One request of ours, over its retries with credentials."""

    sdp: bytes | None
    refreshing: bool
    "Nobody asked for it but the session timer."
    auth: DigestClient | None
    exchange: ClientExchange | None = None

    @property
    def method(self) -> str:
        return "UPDATE" if self.sdp is None else "INVITE"


class OwnChanges:
    """At most one at a time; after a glare it is tried again (RFC 3261 section 14.1)."""

    def __init__(self, session: Session, spoken: Spoken) -> None:
        self._session = session
        self._spoken = spoken
        self._current: _Change | None = None
        self._wanted: bytes | None = None
        self._refresh_wanted = False
        self._retry: Alarm | None = None
        self._glares = 0
        self._dropped = False

    @property
    def offering(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self._current is not None and self._current.sdp is not None

    def want(self, sdp: bytes) -> None:
        """An offer to make; it replaces one that still waits."""
        self._wanted = sdp

    def want_refresh(self) -> None:
        """The session timer wants a sign of life."""
        self._refresh_wanted = True

    def proceed(self, now: float) -> None:
        """Begin what waits, if nothing of ours is going on."""
        if self._current is not None or self._retry is not None or self._dropped:
            return
        refreshing = self._wanted is None
        if self._wanted is not None:
            sdp: bytes | None = self._spoken.counted(self._wanted)
        elif not self._refresh_wanted:
            return
        else:
            # A re-INVITE that only refreshes repeats what is in force, version and all (RFC 4028 section 7.4).
            sdp = None if self._session.takes_update else self._spoken.local
            if sdp is None and not self._session.takes_update:
                return
        # Either of them is a sign of life.
        self._wanted, self._refresh_wanted = None, False
        credentials = self._session.credentials
        change = _Change(sdp, refreshing, DigestClient(credentials) if credentials else None)
        self._send(change, None, now)

    def drop(self, now: float) -> None:
        """The session ends."""
        self._dropped = True
        self._wanted = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        change, self._current = self._current, None
        if change is not None:
            self._give_up_later(change, now)

    def _give_up_later(self, change: _Change, now: float) -> None:
        """It still gets its ACK, but a far end that never answers must not be waited for without end."""
        stack = self._session.stack
        if change.exchange is not None:
            stack.agenda.at(now + stack.config.timers.patience, change.exchange.give_up)

    def _send(self, change: _Change, challenge: Response | None, now: float) -> None:
        session = self._session
        request = session.dialog.request(change.method)
        if challenge is not None and (
            change.auth is None or not change.auth.authorize(request, challenge, session.stack.random)
        ):
            self._refused(change, challenge.status, now)
            return
        for name, value in session.lifetime.asked():
            request.headers.add(name, value)
        if change.sdp is not None:
            request.headers.add("Content-Type", "application/sdp")
            request.body = change.sdp
        self._current = change

        def sent(exchange: ClientExchange) -> None:
            change.exchange = exchange
            if self._dropped:
                self._give_up_later(change, now)

        session.send_request(
            request,
            now,
            on_answer=lambda response, _flow, at: self._answered(change, response, at),
            on_silence=lambda why, at: self._unanswered(change, why, at),
            on_sent=sent,
        )

    # ── what comes back ────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, change: _Change, response: Response, now: float) -> None:
        status = response.status
        if status < 200:
            return
        mine = change is self._current and change.exchange is not None
        mine = mine and change.exchange is not None and change.exchange.request.cseq == response.cseq
        if status < 300 and change.method == "INVITE":
            self._acknowledge(response, now, traced=mine)
        if not mine:
            return
        self._current = None
        if status < 300:
            self._accepted(change, response, now)
        else:
            self._failed(change, response, now)

    def _accepted(self, change: _Change, response: Response, now: float) -> None:
        session = self._session
        self._glares = 0
        try:
            session.dialog.refresh(response)
            sdp = read_sdp(response)
        except RemoteProtocolError:
            sdp = None
        session.lifetime.settle(accepted_terms(response), now)
        if change.sdp is not None:
            self._spoken.local = change.sdp
            self._spoken.note_remote(sdp)
            session.stack.emit(OfferAnswered(leg=session.leg, sdp=sdp))
        session.changes.proceed(now)

    def _failed(self, change: _Change, response: Response, now: float) -> None:
        session = self._session
        status = response.status
        if status == 491 and self._glares < _MOST_GLARES:
            self._glares += 1
            self._retry = session.stack.agenda.at(now + self._glare_pause(), lambda at: self._again(change, at))
        elif status in (401, 407):
            self._send(change, response, now)
        elif status in (408, 481):
            session.fail(status, now, response.reason)
        elif status == 422 and (least := response.number("Min-SE")) is not None and self._glares < _MOST_GLARES:
            self._glares += 1
            session.lifetime.stretch(least)
            self._again(change, now)
        elif status in _NOT_UPDATE and change.method == "UPDATE":
            session.takes_update = False
            self._again(change, now)
        else:
            self._refused(change, status, now)

    def _refused(self, change: _Change, status: int, now: float) -> None:
        """What was agreed stays. A refresh that is refused leaves the session to its end."""
        self._current = None
        if not change.refreshing:
            self._session.stack.emit(OfferRefused(leg=self._session.leg, status=status))
        self._session.changes.proceed(now)

    def _acknowledge(self, response: Response, now: float, *, traced: bool) -> None:
        session = self._session
        stack = session.stack
        ack = session.dialog.request("ACK", cseq=response.cseq[0])

        def send(target: Target, _now: float) -> None:
            stack.prepare(ack, target)
            if traced:
                stack.trace(session.leg, "out", ack, target)
            stack.send(bytes(ack), target)

        session.reach(send, now)

    def _unanswered(self, change: _Change, why: str, now: float) -> None:
        if change is self._current:
            self._current = None
            self._session.fail(408, now, why)

    def _glare_pause(self) -> float:
        """Seconds to wait after a 491: the owner of the Call-ID waits longer (RFC 3261 section 14.1)."""
        random = self._session.stack.random
        return 2.1 + integer(random, 191) / 100 if self._session.caller else integer(random, 201) / 100

    def _again(self, change: _Change, now: float) -> None:
        self._retry = None
        if change.refreshing:
            self._refresh_wanted = True
        elif self._wanted is None:
            self._wanted = change.sdp
        self._session.changes.proceed(now)
