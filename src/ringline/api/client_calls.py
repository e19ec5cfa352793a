"""The calls of app clients: audio, knocking, answering, media reconnects, sessions (client SDK reference, 9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from ringline.api.client_desk import Asked, ClientDesk
from ringline.api.problems import bad_request
from ringline.base import ApiError, LegId, read_leg_id
from ringline.engine.clients.apps import no_such_leg

LONGEST_SDP: Final = 32_768
"Characters of a session description; a browser's has about 2,000."
MOST_CONTEXT: Final = 16_384
"Characters of what an app gives along with a call, as JSON."


class ClientCalls:
    """What an app does to begin, answer and mend calls."""

    def __init__(self, desk: ClientDesk) -> None:
        self._desk = desk
        self._apps = desk.apps

    def router(self) -> APIRouter:
        router = APIRouter()
        add = router.add_api_route
        add("/v0.3/legs", self.reserve, methods=["POST"])
        add("/v0.3/knocking", self.knock, methods=["POST"])
        add("/v0.3/knocking/{knock}", self.forget_knock, methods=["DELETE"])
        add("/v0.3/conversations/{conversation}/rtc/{leg}/answer", self.answer, methods=["POST"])
        add("/v0.3/conversations/{conversation}/rtc/{leg}/offer", self.reconnect, methods=["POST"])
        add("/v0.2/sessions/{session}", self.refresh, methods=["PUT"])
        add("/v2/rtc/metrics", self.metrics, methods=["POST"])
        return router

    async def reserve(self, request: Request) -> Response:
        """Open audio for a call to come."""
        asked = await self._desk.asked(request)
        offer = description(asked.body, "offer")
        if (why := self._desk.needs.refuses_calls()) is not None:
            raise ApiError(503, why)
        leg, answer = self._apps.reserve(asked.session, offer)
        return JSONResponse({"rtc_id": leg, "sdp": answer})

    async def knock(self, request: Request) -> Response:
        """Call the application: answered once it has said what to do."""
        asked = await self._desk.asked(request)
        channel = asked.body.get("channel")
        leg = _leg(channel.get("id") if isinstance(channel, Mapping) else None)
        if (why := self._desk.needs.refuses_calls()) is not None:
            raise ApiError(503, why)
        knock = await self._apps.knock(asked.session, leg, context_of(asked.body))
        return JSONResponse({"id": knock}, background=after(self._apps.let_go_on, leg))

    async def forget_knock(self, request: Request) -> Response:
        """A knock is answered before its app has its id: there is nothing left to take back."""
        await self._desk.caller(request)
        return JSONResponse({})

    async def answer(self, request: Request) -> Response:
        """Answer a call that this session has claimed."""
        asked, leg = await self._asked_of_leg(request)
        self._apps.take_answer(asked.session, leg, description(asked.body, "answer"))
        return JSONResponse({"id": leg})

    async def reconnect(self, request: Request) -> Response:
        """New audio for a call that goes on; our answer follows as an event."""
        asked, leg = await self._asked_of_leg(request)
        answer = self._apps.reconnect(asked.session, leg, description(asked.body, "offer"))
        return JSONResponse({"id": leg}, background=after(self._apps.tell_answer, asked.session, leg, answer))

    async def refresh(self, request: Request) -> Response:
        """The session goes on with the token of this request."""
        caller = await self._desk.caller(request)
        session = self._desk.own_session(caller, request.path_params["session"])
        self._apps.clients.refresh(session, caller.token.expires)
        return JSONResponse({"session_id": session.id})

    async def metrics(self, request: Request) -> Response:
        """What a client reports of its reconnects is read and not kept."""
        token = self._desk.lobby.desk.gate.bearer(request)
        if token.sub is None:
            raise ApiError(403, "Only users report these.", code="system:error:permission")
        await self._desk.body(request)
        return Response(status_code=200)

    async def _asked_of_leg(self, request: Request) -> tuple[Asked, LegId]:
        """What is asked for the leg of the URL, in a conversation in which the user is."""
        asked = await self._desk.asked(request)
        self._desk.place(request, asked.caller)
        return asked, _leg(request.path_params["leg"])


def description(body: Mapping[str, Any], kind: str) -> str:
    """The session description in a body: a text, or an object that has it as `sdp`.

    Raises:
        ApiError: 400.
    """
    inside = body.get("body")
    given = inside.get(kind) if isinstance(inside, Mapping) else None
    sdp = given.get("sdp") if isinstance(given, Mapping) else given
    if not isinstance(sdp, str) or not sdp.strip():
        raise bad_request((f"body.{kind}", "must be a session description"))
    if len(sdp) > LONGEST_SDP:
        raise bad_request((f"body.{kind}", f"must have at most {LONGEST_SDP} characters"))
    return sdp


def context_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the app gives along with its call.

    Raises:
        ApiError: 400.
    """
    properties = body.get("properties")
    given = properties.get("custom_data") if isinstance(properties, Mapping) else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise bad_request(("properties.custom_data", "must be an object"))
    if len(json.dumps(given)) > MOST_CONTEXT:
        raise bad_request(("properties.custom_data", f"must have at most {MOST_CONTEXT} characters"))
    return given


def after(act: Callable[..., None], *arguments: Any) -> BackgroundTask:
    """Something that is done on the event loop once the answer is out: the app must know that it was heard before it
    is told what follows."""

    async def do() -> None:
        act(*arguments)

    return BackgroundTask(do)


def _leg(written: object) -> LegId:
    leg = read_leg_id(written) if isinstance(written, str) else None
    if leg is None:
        raise no_such_leg()
    return leg
