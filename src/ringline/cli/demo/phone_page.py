"""The phone in the browser: one page, and a token for the demo's own user, made on request and good for an hour."""

from __future__ import annotations

import ipaddress
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import jwt
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from ringline.base import ApiError, ApplicationId

if TYPE_CHECKING:
    from ringline.cli.demo.parts import Demo
    from ringline.server.platform import Platform

PAGE: Final = Path(__file__).with_name("phone.html")
BROWSER_USER: Final = "browser"
"The user of the demo application that the page logs in as."
_GOOD_S: Final = 3600
_OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_PATHS: Final = ("users", "conversations", "sessions", "knocking", "legs", "rtc")


class PhonePage:
    """Serves the page to everybody; gives tokens only to pages of this machine that were loaded from here."""

    def __init__(self, demo: Demo) -> None:
        self.platform: Platform | None = None
        "Set once it is up."
        self._demo = demo

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/phone", self.page, methods=["GET"])
        router.add_api_route("/phone/token", self.offers_tokens, methods=["GET"])
        router.add_api_route("/phone/token", self.token, methods=["POST"])
        return router

    async def page(self) -> Response:
        headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
        return FileResponse(PAGE, media_type="text/html", headers=headers)

    async def offers_tokens(self, request: Request) -> Response:
        """Whether the page may sign in by a click."""
        _must_be_here(request)
        return JSONResponse({"user": BROWSER_USER})

    async def token(self, request: Request) -> Response:
        """A token of the demo's user, who is made with the first one."""
        _must_be_here(request)
        # A page of another origin cannot send this without being asked about first, and the answer is no.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise ApiError(
                415, "Invalid Content-Type header provided. Must be one of the following: 'application/json'"
            )
        if self.platform is None:
            raise ApiError(503, "Ringline is starting")
        application = ApplicationId(self._demo.application_id)
        user = await self.platform.make_user(application, BROWSER_USER)
        now = int(time.time())
        claims = {
            "application_id": application,
            "iat": now,
            "exp": now + _GOOD_S,
            "jti": str(uuid.uuid4()),
            "sub": user.name,
            "acl": {"paths": {f"/*/{name}/**": {} for name in _PATHS}},
        }
        token = jwt.encode(claims, self._demo.key_file.read_bytes(), algorithm="RS256")
        return JSONResponse({"token": token, "user": user.name}, headers={"Cache-Control": "no-store"})


def _must_be_here(request: Request) -> None:
    """See that the request comes from this machine, to a name of this machine, from a page of ours.

    Raises:
        ApiError: 403. A name of a stranger's that leads here (DNS rebinding) is none of ours.
    """
    client = request.client.host if request.client is not None else ""
    try:
        local = ipaddress.ip_address(client).is_loopback
    except ValueError:
        local = False
    host = request.url.hostname or ""
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not (local and host in _OWN_NAMES and same):
        raise ApiError(403, "Tokens of the demo are given to pages of this machine only")
