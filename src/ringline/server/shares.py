"""How much of the listeners requests and clients' sockets may have: neither can use up what the other needs."""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ringline.base import get_log

log = get_log(__name__)
MOST_REQUESTS: Final = 2000
"Requests that are answered at one time; an answer is a matter of milliseconds."
_RETRY_S: Final = 1


class Shares:
    """Stands before the application, on all of its ports: what is too much is told so at once, with 503."""

    def __init__(self, app: ASGIApp, *, sockets: int, requests: int = MOST_REQUESTS) -> None:
        """`sockets`: of clients, open at one time. They stay for hours, so their number is the operator's to say."""
        self._app = app
        self._most = {"http": requests, "websocket": sockets}
        self._open = {"http": 0, "websocket": 0}
        self._full = {"http": False, "websocket": False}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in self._open:
            await self._app(scope, receive, send)
            return
        if self._open[kind] >= self._most[kind]:
            self._tell(kind)
            await _refuse(scope, receive, send)
            return
        self._open[kind] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[kind] -= 1
            if self._open[kind] <= self._most[kind] // 2:
                self._full[kind] = False

    def _tell(self, kind: str) -> None:
        """Once; again only after it was half empty."""
        if not self._full[kind]:
            self._full[kind] = True
            log.warning("too many at one time: others are sent away", kind=kind, most=self._most[kind])


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    answer = PlainTextResponse("Too many at one time.", 503, headers={"Retry-After": str(_RETRY_S)})
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)
