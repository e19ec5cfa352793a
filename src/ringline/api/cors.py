"""Lets pages of any origin use what browsers use: no cookie is looked at, only the token that a request carries."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHS: Final = ("/v0.2/", "/v0.3/", "/v2/rtc")
_ALLOWED: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-max-age", b"86400"),
]


class Cors:
    """Answers preflights, and marks all answers, errors too, on the paths of the client wire."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope["path"]).startswith(_PATHS):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await send(
                {"type": "http.response.start", "status": 204, "headers": [*_ALLOWED, (b"content-length", b"0")]}
            )
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _ALLOWED[0]]
            await send(message)

        await self._app(scope, receive, send_marked)
