"""Transfers that a far end asks for in its dialog: REFER, and the NOTIFYs that say how it goes (RFC 3515)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ringline.agent.agenda import Alarm
from ringline.agent.events import ReferReceived
from ringline.agent.exchange import ServerExchange
from ringline.base import RemoteProtocolError
from ringline.sip import Flow, Response, read_refer, status_text

if TYPE_CHECKING:
    from ringline.agent.session import Session

_ACTIVE_S: Final = 300
"A transfer is decided long before that: nobody has to subscribe again."
_LAST_WORD_S: Final = 2.0
"So long the BYE waits for the answer to the last NOTIFY: what comes after it is refused by many phones."


class Referral:
    """One accepted REFER: an implicit subscription to how it goes."""

    def __init__(self, session: Session, exchange: ServerExchange, *, quiet: bool, named: bool) -> None:
        """`named`: its NOTIFYs say whose they are, as those of every REFER but the first one of a dialog must."""
        self._session = session
        self._event = f"refer;id={exchange.request.cseq[0]}" if named else "refer"
        self._quiet = quiet
        self._due: str | None = None
        "The status line that is to be told next: a later one replaces it."
        self._line = "SIP/2.0 100 Trying"
        self._ends = False
        self._sending = False
        self._over = False
        self.on_over: Callable[[float], None] | None = None

    @property
    def decided(self) -> bool:
        """The last word about it has been said, or is about to be."""
        return self._ends or self._over

    @property
    def busy(self) -> bool:
        """Its last word is on its way."""
        return self._ends and not self._over

    def tell(self, status: int, reason: str, now: float) -> None:
        """Say how far it is; a final status is the last that is said."""
        if self.decided:
            return
        self._line = self._due = f"SIP/2.0 {status} {reason or status_text(status)}"
        self._ends = status >= 200
        self._proceed(now)

    def again(self, now: float, *, ends: bool) -> None:
        """The far end has renewed its subscription, or ends it: it is told how far it is (RFC 6665 section 4.1.2)."""
        self._due, self._ends = self._line, self._ends or ends
        self._proceed(now)

    def _proceed(self, now: float) -> None:
        if self._sending or self._over or self._due is None:
            return
        if self._quiet:
            self._close(now) if self._ends else None
            return
        line, self._due, last = self._due, None, self._ends
        self._sending = True
        notify = self._session.dialog.request("NOTIFY")
        notify.headers.add("Event", self._event)
        state = "terminated;reason=noresource" if last else f"active;expires={_ACTIVE_S}"
        notify.headers.add("Subscription-State", state)
        notify.headers.add("Content-Type", "message/sipfrag;version=2.0")
        notify.body = f"{line}\r\n".encode()

        def answered(response: Response, _flow: Flow, at: float) -> None:
            if response.status >= 200:
                done(at, refused=response.status >= 300)

        def done(at: float, *, refused: bool) -> None:
            self._sending = False
            if last or refused:
                self._close(at)
            else:
                self._proceed(at)

        self._session.send_request(notify, now, on_answer=answered, on_silence=lambda _why, at: done(at, refused=True))

    def _close(self, now: float) -> None:
        self._over = True
        if self.on_over is not None:
            on_over, self.on_over = self.on_over, None
            on_over(now)


class Referrals:
    """The REFERs of one dialog: one after the other."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: tuple[ServerExchange, bool] | None = None
        "A REFER that waits for our word; whether it wants to hear no more than that."
        self._current: Referral | None = None
        self._count = 0
        self._alarm: Alarm | None = None

    def received(self, exchange: ServerExchange, now: float) -> None:
        """A REFER came: `ReferReceived` tells of it, and `tell` answers it."""
        session = self._session
        try:
            wish = read_refer(exchange.request)
        except RemoteProtocolError as error:
            session.respond(exchange, 400, now, reason=str(error))
            return
        if self._asked is not None or (self._current is not None and not self._current.decided):
            session.respond(exchange, 491, now)
            return
        replaced = session.stack.find_dialog(wish.replaces) if wish.replaces is not None else None
        if wish.replaces is not None and replaced is None:
            # A 481 would say that this dialog is gone.
            session.respond(exchange, 603, now, reason="Replaces names no call of yours")
            return
        self._asked = (exchange, wish.quiet)
        session.stack.emit(
            ReferReceived(
                leg=session.leg,
                target=str(wish.target),
                replaces=replaced,
                referred_by=str(wish.referred_by.uri.without_secrets()) if wish.referred_by is not None else None,
            )
        )

    def tell(self, status: int, reason: str, now: float) -> None:
        """Accept a REFER (any status below 300) and say how far it is, or refuse it."""
        if self._asked is not None:
            (exchange, quiet), self._asked = self._asked, None
            if status >= 300:
                self._session.respond(exchange, status, now, reason=reason)
                return
            headers = (("Refer-Sub", "false"),) if quiet else ()
            self._session.respond(exchange, 200 if quiet else 202, now, headers=headers)
            self._current = Referral(self._session, exchange, quiet=quiet, named=self._count > 0)
            self._count += 1
        if self._current is not None:
            self._current.tell(status, reason, now)

    def subscribed(self, exchange: ServerExchange, now: float) -> None:
        """The far end renews or ends its subscription to how its REFER goes."""
        current = self._current
        if current is None or current.decided:
            self._session.respond(exchange, 481, now)
            return
        ends = exchange.request.number("Expires") == 0
        expires = (("Expires", "0" if ends else str(_ACTIVE_S)),)
        self._session.respond(exchange, 200, now, headers=expires)
        current.again(now, ends=ends)

    def drop(self, now: float) -> None:
        """The dialog is over: a REFER that still waits is told so."""
        if self._asked is not None:
            (exchange, _), self._asked = self._asked, None
            self._session.respond(exchange, 487, now)
        if self._alarm is not None:
            self._alarm.cancel()

    def after_last_word(self, then: Callable[[float], None], now: float) -> None:
        """Have `then` called once the outcome of a transfer is known to the far end; at once when nothing waits."""
        current = self._current
        if current is None or not current.busy:
            then(now)
            return
        current.on_over = then
        self._alarm = self._session.stack.agenda.at(now + _LAST_WORD_S, then)
