"""Serves the demo's webhooks on loopback, and keeps every event it is told in a file of JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from ringline.base import ConfigError, get_log, iso_ms
from ringline.cli.demo.menu import Menu, Script

log = get_log(__name__)
_MOST_BODY: Final = 256 * 1024
_MOST_FILE: Final = 16 * 1024 * 1024
"Beyond it the file begins anew; the old one is kept beside it."


class MenuServer:
    """The web server of the demo application."""

    def __init__(self, events_file: Path) -> None:
        self._events_file = events_file
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, menu: Callable[[str], Menu], *, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; return the base URL. `menu` makes the application that answers at a URL.

        Raises:
            ConfigError: the port is taken.
        """
        app = web.Application(client_max_size=_MOST_BODY)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        self._routes(app, menu)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}", where="demo", key="port") from error
        self._runner = runner
        self.url = f"http://{host}:{runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _routes(self, app: web.Application, menu: Callable[[str], Menu]) -> None:
        def answers(act: Callable[[Menu, Mapping[str, Any]], Script]) -> Callable[..., Any]:
            async def handle(request: web.Request) -> web.Response:
                webhook = await _read(request)
                await self._keep(request.path, webhook)
                script = act(menu(self.url), webhook)
                return web.json_response(script) if script else web.Response(status=204)

            return handle

        app.router.add_get("/answer", answers(lambda one, webhook: one.answer(webhook)))
        app.router.add_post("/menu", answers(lambda one, webhook: one.menu(webhook)))
        app.router.add_post("/recorded", answers(lambda one, webhook: one.recorded(webhook)))
        app.router.add_post("/connected", answers(lambda one, webhook: one.connected(webhook)))
        app.router.add_post("/event", answers(lambda one, webhook: []))

    async def _keep(self, path: str, webhook: Mapping[str, Any]) -> None:
        line = json.dumps({"at": iso_ms(datetime.now(UTC)), "path": path, "webhook": webhook}, ensure_ascii=False)
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            log.warning("an event of the demo was not kept", why=error.strerror)

    def _append(self, line: str) -> None:
        file = self._events_file
        if file.is_file() and file.stat().st_size > _MOST_FILE:
            file.replace(file.with_suffix(".old.jsonl"))
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="replace") as out:
            out.write(line + "\n")


async def _read(request: web.Request) -> Mapping[str, Any]:
    """What a webhook says: the query of a GET, the JSON object of a POST."""
    if request.method == "GET":
        return dict(request.query)
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="this is no JSON") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="this is no JSON object")
    return body
