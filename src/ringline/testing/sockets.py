"""WebSocket servers and app users: far ends of calls that are no phones, but speak and listen like one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ringline.calls import events
from ringline.testing.calls import CallState, PhoneCall
from ringline.testing.conduct import Conduct
from ringline.testing.phones import Phone

if TYPE_CHECKING:
    from ringline.testing.application import WebApplication
    from ringline.testing.exchange import Exchange

HANDSHAKE_S: Final = 6.0
"A WebSocket server that says nothing is given up after so long."


class SocketServer(Phone):
    """An application's WebSocket server: a bot that hears the call and speaks into it.

    Without further orders it accepts every socket at once. It speaks (`says`) and listens (`hears`) as a phone does.
    """

    def __init__(self, exchange: Exchange, uri: str) -> None:
        super().__init__(exchange, uri, uri, kind="websocket")
        self._conducts_itself(Conduct(rings=False, answers_after_s=0.0))

    @property
    def headers(self) -> Mapping[str, Any]:
        """The `headers` of the endpoint object with which it was called last."""
        headers: Mapping[str, Any] = self.call.details.get("headers", {})
        return headers

    def accepts(self, *, after_s: float = 0.0) -> None:
        """Open every socket so long after it is asked for."""
        self._conducts_itself(Conduct(rings=False, answers_after_s=after_s))

    def refuses(self) -> None:
        """Nobody listens at its port."""
        self._fails("no-route", "connection refused")

    def answers_with(self, status: int) -> None:
        """Answer the handshake with an HTTP status other than 101."""
        self._fails("internal", f"the server answered {status}")

    def hangs(self) -> None:
        """Take the connection, and never answer."""
        self._fails("no-response", "no answer to the handshake", after_s=HANDSHAKE_S)

    def closes(self, *, why: str = "the application closed the socket") -> None:
        """Drop the open socket (or die)."""
        self.call.ended_by = "phone"
        self._exchange.engine.report(events.LegDisconnected(leg=self.leg, why=why))

    def overflows(self) -> None:
        """Send more audio ahead than is kept for it (about a minute)."""
        self._exchange.engine.report(events.LegTroubled(leg=self.leg, reason="WebSocket buffer overflow"))

    def _fails(self, cause: str, why: str, *, after_s: float = 0.0) -> None:
        self._conducts_itself(Conduct(rings=False, refuses_after_s=after_s, cause=cause, why=why))


class User(Phone):
    """A user of the application with the client app open; without further orders it lets the app ring."""

    def __init__(self, exchange: Exchange, name: str) -> None:
        super().__init__(exchange, name, name, kind="app")
        self._conducts_itself(Conduct(rings=False))

    async def calls_in(
        self, app: WebApplication, *, to: str = "", context: Mapping[str, Any] | None = None
    ) -> PhoneCall:
        """Call the application (`serverCall`); `context` is what the app gives along."""
        call = self._exchange.call_application(self, app.id, to=to, context=context)
        await asyncio.sleep(0)
        return call

    def accepts(self, *, after_s: float = 1.0) -> None:
        """Take every call."""
        self._conducts_itself(Conduct(rings=False, answers_after_s=after_s))

    def declines(self, *, after_s: float = 1.0) -> None:
        """Press the red button."""
        self._conducts_itself(Conduct(rings=False, refuses_after_s=after_s, cause="declined", why="declined"))

    def is_logged_out(self) -> None:
        """No app of this user is open."""
        self._conducts_itself(
            Conduct(rings=False, refuses_after_s=0.0, cause="unavailable", why="the user has no session")
        )

    def _conducts_itself(self, conduct: Conduct) -> None:
        self._conduct = conduct
        if not self.is_free and self.call.outbound and self.call.state is CallState.CALLING:
            self._exchange.after_ringing(self.call)
