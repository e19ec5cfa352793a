"""The server of `python -m bench.rest`: a whole platform, and one route more, the floor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from ringline.accounts import Token
from ringline.api import Dependencies, create_app
from ringline.server.logs import write_logs
from ringline.server.platform import Platform
from ringline.server.settings import Settings


def create_app_with_floor(needs: Dependencies, *, also: Sequence[APIRouter] = ()) -> FastAPI:
    """The API, and before all its routes `GET /floor`: verify the token as every request does, answer a constant."""

    async def floor(request: Request) -> JSONResponse:
        token = needs.tokens.verify(request.headers.get("authorization"), wallclock=needs.clock.wallclock())
        return JSONResponse({"status": "ok"}, 200 if isinstance(token, Token) else 401)

    app = create_app(needs, also=also)
    app.add_api_route("/floor", floor, methods=["GET"])
    app.router.routes.insert(0, app.router.routes.pop())
    return app


async def main(settings: Settings) -> None:
    """Serve until killed."""
    platform = Platform(settings)
    with patch("ringline.server.platform.create_app", create_app_with_floor):
        await platform.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    write_logs("json", "WARNING")
    asyncio.run(main(Settings.load(Path(sys.argv[1]), {})))
