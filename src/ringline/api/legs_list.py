"""`/legs`: the legs of an application as the conversation service shows them, and hanging one up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.api.fields import Body, Order, read, whole
from ringline.api.legs import ENDED
from ringline.api.lobby import Lobby, given_query, routed
from ringline.base import ApiError, LegId, iso_ms, read_leg_id
from ringline.calls.events import HangUpAsked
from ringline.engine.ports import LegFilter, LegRecord


class LegListQuery(Body):
    """The query of the list."""

    page_size: Annotated[int, whole(1, 100)] = 10
    record_index: Annotated[int, whole(0)] = 0
    order: Order = "asc"


class LegList:
    """The resource `legs`. A leg's id is its call's `uuid`."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._needs = lobby.desk.needs

    def router(self) -> APIRouter:
        router = APIRouter()
        routed(router, "/legs", self.list, "GET", versions=("v1", "v0.1"))
        routed(router, "/legs/{uuid}", self.delete, "DELETE", versions=("v1", "v0.1"))
        return router

    async def list(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request, admin=True)
        query = read(LegListQuery, given_query(request))
        legs, count = await self._needs.records.legs(
            LegFilter(
                application=visitor.application.id,
                order=query.order,
                offset=query.record_index,
                limit=query.page_size,
            )
        )
        base = visitor.shapes.base
        href = f"{base}/legs?page_size={query.page_size}&record_index={query.record_index}&order={query.order}"
        page = {
            "count": count,
            "page_size": query.page_size,
            "record_index": query.record_index,
            "_links": {"self": {"href": href}},
            "_embedded": {"legs": [_write(leg, base) for leg in legs]},
        }
        return JSONResponse(page)

    async def delete(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request, admin=True)
        uuid = read_leg_id(request.path_params["uuid"])
        view = self._needs.calls.view(uuid) if uuid is not None else None
        if view is not None and view.application == visitor.application.id:
            self._needs.calls.report(HangUpAsked(leg=view.uuid))
            return JSONResponse({})
        record = await self._needs.records.leg(uuid if uuid is not None else LegId(""))
        if record is not None and record.application == visitor.application.id:
            raise ApiError(400, "The leg has ended already.", title="Bad request.", code="leg:error:complete")
        raise ApiError(404, "Leg does not exist, or you do not have access.", code="leg:error:not-found")


def _write(leg: LegRecord, base: str) -> dict[str, Any]:
    kind = (leg.from_ if leg.direction == "inbound" else leg.to).get("type", "phone")
    ended = leg.status in ENDED
    body: dict[str, Any] = {
        "uuid": leg.uuid,
        "type": kind,
        "conversation_uuid": leg.conversation,
        "status": leg.status,
        "state": "terminated" if ended else "active",
        "from": leg.from_,
        "to": leg.to,
        "start_time": iso_ms(leg.start_time) if leg.start_time is not None else "",
        "end_time": iso_ms(leg.end_time) if leg.end_time is not None else "",
        "_links": {"self": {"href": f"{base}/legs/{leg.uuid}"}},
    }
    if kind == "app":
        body["rtc"] = {"session_id": "", "state": body["state"]}
    return body
