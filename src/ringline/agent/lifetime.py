"""The session timer of a call: refreshed in time by one side, or ended as dead by the other (RFC 4028)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringline.agent.agenda import Alarm
from ringline.sip import SHORTEST_S, Request, SessionExpires, SessionTerms, answer_terms

if TYPE_CHECKING:
    from ringline.agent.session import Session


class Lifetime:
    """Knows what was agreed, asks for the refresh at half time, and ends what was not refreshed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._terms: SessionTerms | None = None
        self._refresh: Alarm | None = None
        self._end: Alarm | None = None

    def check(self, request: Request) -> None:
        """See whether what a request asks for can be agreed to.

        Raises:
            RemoteProtocolError: with the status to answer; 422 when it is too brief.
        """
        answer_terms(request, wanted_s=self._session.stack.config.session_expires_s)

    def accept(self, request: Request, now: float) -> tuple[tuple[str, str], ...]:
        """Agree to what a checked request asks for; returns the headers of the 2xx."""
        answer = answer_terms(request, wanted_s=self._session.stack.config.session_expires_s)
        if answer is None:
            self.settle(None, now)
            return ()
        terms, expires = answer
        self.settle(terms, now)
        # The far end must know that it has work to do (RFC 4028 section 9).
        require = () if terms.we_refresh else (("Require", "timer"),)
        return (("Session-Expires", str(expires)), *require)

    def asked(self) -> tuple[tuple[str, str], ...]:
        """The headers of a request of ours that refreshes the session; who refreshes stays who he is."""
        if self._terms is None:
            return ()
        expires = SessionExpires(self._terms.interval_s, "uac" if self._terms.we_refresh else "uas")
        return (("Session-Expires", str(expires)), ("Min-SE", str(SHORTEST_S)))

    def settle(self, terms: SessionTerms | None, now: float) -> None:
        """Begin to count anew by these terms."""
        self.stop()
        self._terms = terms
        if terms is None:
            return
        agenda = self._session.stack.agenda
        interval = terms.interval_s
        if terms.we_refresh:
            self._refresh = agenda.at(now + interval / 2, self._refresh_now)
        # Hung up a little before the end, so that both sides do not fall out of step (RFC 4028 section 10).
        self._end = agenda.at(now + interval - min(32.0, interval / 3), self._expired)

    def stretch(self, least_s: int) -> None:
        """The far end calls our interval too short (422)."""
        if self._terms is not None:
            self._terms = SessionTerms(max(self._terms.interval_s, least_s), self._terms.we_refresh)

    def stop(self) -> None:
        """Nobody counts any more."""
        for alarm in (self._refresh, self._end):
            if alarm is not None:
                alarm.cancel()
        self._refresh = self._end = None

    def _refresh_now(self, now: float) -> None:
        self._refresh = None
        self._session.changes.refresh(now)

    def _expired(self, now: float) -> None:
        self._end = None
        self._session.fail(408, now, "the session was not refreshed")
