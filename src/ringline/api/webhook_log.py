"""`/ringline/v1/calls/{uuid}/webhooks`: what was sent to the application about a call, and what came back."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.api.resource import Desk, expect_json
from ringline.engine.delivery.delivery_log import entry


class WebhookLog:
    """The delivery log of a call: one entry a request, oldest first, attempts that failed included."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/ringline/v1/calls/{uuid}/webhooks", self.show, methods=["GET"])
        return router

    async def show(self, request: Request) -> Response:
        """`GET`, with a token of the application that owns the call."""
        token = self._desk.gate.application(request)
        expect_json(request)
        leg = await self._desk.leg(request, token)
        lines = await self._desk.needs.records.traces(leg.uuid)
        entries = [found for line in lines if (found := entry(line)) is not None]
        return JSONResponse({"uuid": leg.uuid, "count": len(entries), "_embedded": {"webhooks": entries}})
