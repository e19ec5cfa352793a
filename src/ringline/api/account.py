"""`/account/get-balance`: a constant, so that clients that ask for it go on."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.api.resource import Desk


class AccountResource:
    """The resource `account`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/account/get-balance", self.balance, methods=["GET"])
        return router

    async def balance(self, request: Request) -> Response:
        self._desk.gate.account_of_numbers(request)
        return JSONResponse({"value": self._desk.needs.options.balance, "autoReload": False})
