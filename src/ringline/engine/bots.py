"""WebSocket servers as endpoints: voice bots that hear the call and speak into it."""

from __future__ import annotations

import json
from typing import Any, Final

from ringline import __version__
from ringline.accounts import Account
from ringline.base import ApplicationId, LegId, get_log
from ringline.calls import events
from ringline.calls.parties import Party
from ringline.engine.engine import Engine
from ringline.engine.ports import (
    Media,
    SocketClosed,
    SocketCounters,
    SocketEvent,
    SocketFailed,
    SocketOpened,
    SocketOverflowed,
    SocketPlan,
    SocketRemarked,
    Sockets,
)
from ringline.webhooks import sign

log = get_log(__name__)
NORMAL: Final = 1000
GOING_AWAY: Final = 1001
OVERFLOW: Final = "WebSocket buffer overflow"
_CAUSES: Final = {"unreachable": "no-route", "timeout": "no-response", "refused": "internal"}
_FRAMES_PER_SECOND: Final = 50


class Bots:
    """The endpoint of kind `websocket`."""

    def __init__(self, *, engine: Engine, sockets: Sockets, media: Media) -> None:
        self.stopping = False
        "Set when the platform ends: sockets are told that we go away."
        self._engine = engine
        self._sockets = sockets
        self._media = media
        sockets.listen(self.heard)

    # ── what the engine asks ───────────────────────────────────────────────────────────────────────────────────────

    def dial(self, leg: LegId, to: Party, from_: Party, application: ApplicationId) -> None:
        headers = [("User-Agent", f"Ringline/{__version__}")]
        authorization = to.details.get("authorization")
        if authorization is not None:
            value = self._authorization(authorization, application)
            if value is None:
                why = "webhooks are not signed here, so there is no token for the socket"
                self._engine.report(events.LegFailed(leg=leg, cause="internal", why=why))
                return
            headers.append(("Authorization", value))
        content_type = str(to.details.get("content-type", "audio/l16;rate=16000"))
        self._sockets.open(
            leg,
            SocketPlan(
                url=to.address,
                rate_hz=int(content_type.rpartition("=")[2]),
                hello=hello(content_type, to.headers),
                headers=tuple(headers),
            ),
        )

    def alert(self, leg: LegId) -> None:
        """Nobody calls in by WebSocket."""

    def open_early(self, leg: LegId) -> None:
        """As above."""

    def answer(self, leg: LegId) -> None:
        """As above."""

    def release(self, leg: LegId, *, sip_code: int | None, far_is_gone: bool) -> None:
        counters = self._sockets.counters(leg)
        if counters is not None:
            self._engine.trace(leg, {"what": "audio", "text": in_words(counters)})
        self._sockets.close(leg, GOING_AWAY if self.stopping else NORMAL)
        self._media.close(leg)

    def show_key(self, leg: LegId, digit: str, held_ms: int) -> None:
        text = json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": held_ms}, separators=(",", ":"))
        self._sockets.say(leg, text)

    # ── what the sockets tell ──────────────────────────────────────────────────────────────────────────────────────

    def heard(self, event: SocketEvent) -> None:
        """Take an event of a socket."""
        report, leg = self._engine.report, event.leg
        match event:
            case SocketOpened():
                report(events.LegAnswered(leg=leg))
            case SocketFailed(cause=cause, why=why):
                log.info("a WebSocket could not be opened", leg=leg, cause=cause, why=why)
                report(events.LegFailed(leg=leg, cause=_CAUSES[cause], why=why))
            case SocketClosed(why=why):
                report(events.LegDisconnected(leg=leg, why=why))
            case SocketOverflowed():
                report(events.LegTroubled(leg=leg, reason=OVERFLOW))
            case SocketRemarked(what=what):
                self._engine.trace(leg, {"what": "audio", "text": what})

    def _authorization(self, wanted: dict[str, Any], application: ApplicationId) -> str | None:
        """The header's value; None when there is no secret to sign with."""
        if wanted.get("type") == "custom":
            return str(wanted["value"])
        account: Account | None = next(iter(self._engine.directory.accounts().values()), None)
        if account is None or not account.signature_secret:
            return None
        token = sign(
            secret=account.signature_secret,
            api_key=account.api_key,
            application_id=application,
            body=b"",
            wallclock=self._engine.clock.wallclock(),
            random=self._engine.random,
        )
        return f"Bearer {token}"


def hello(content_type: str, headers: Any) -> str:
    """The first message: the endpoint's headers beside our own two fields, which they cannot replace."""
    own = {"event": "websocket:connected", "content-type": content_type}
    given = {name: value for name, value in headers.items() if name not in own}
    return json.dumps(own | given, separators=(",", ":"), ensure_ascii=False)


def in_words(counters: SocketCounters) -> str:
    """What a socket's audio amounted to, for a call's timeline."""
    told = {
        "sent": counters.sent,
        "received": counters.received,
        "most waiting": counters.most_buffered,
        "dropped for want of room": counters.overflowed,
        "cleared": counters.cleared,
        "not read in time": counters.unread,
        "left out by us": counters.skipped,
    }
    parts = [f"{what} {frames / _FRAMES_PER_SECOND:.1f} s" for what, frames in told.items() if frames]
    if counters.ignored:
        parts.append(f"{counters.ignored} messages ignored")
    return "WebSocket: " + (", ".join(parts) or "no audio")
