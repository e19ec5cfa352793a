"""`/openapi.json` and `/docs`: the API described, for programs and for people. Both are open to everybody."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from ringline.api.openapi import document
from ringline.api.openapi.page import page
from ringline.api.resource import Desk


class Description:
    """The resource that describes the others."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/openapi.json", self.show, methods=["GET"])
        router.add_api_route("/docs", self.read, methods=["GET"])
        return router

    async def show(self, request: Request) -> Response:
        """The description as OpenAPI 3.1."""
        return JSONResponse(document(self._desk.base_url(request)))

    async def read(self, request: Request) -> Response:
        """The same as a page, which needs no script and nothing from elsewhere."""
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(_page(), headers=policy)


@cache
def _page() -> str:
    return page(document(""))
