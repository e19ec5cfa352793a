"""The whole API as one ASGI application."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Lifespan

from ringline.api.account import AccountResource
from ringline.api.applications import Applications
from ringline.api.audit import AuditLog
from ringline.api.calls import Calls
from ringline.api.clients import clients_of
from ringline.api.conversations import Conversations
from ringline.api.cors import Cors
from ringline.api.dependencies import Dependencies
from ringline.api.description import Description
from ringline.api.events import Events
from ringline.api.files import Files
from ringline.api.legs_list import LegList
from ringline.api.live_media import LiveMedia
from ringline.api.lobby import Lobby
from ringline.api.media import Media
from ringline.api.members import Members
from ringline.api.middleware import Frame, trace_of
from ringline.api.numbers import Numbers
from ringline.api.problems import family_of, problem
from ringline.api.psip import Psip
from ringline.api.resource import Desk
from ringline.api.secrets import Secrets
from ringline.api.users import Users
from ringline.api.webhook_log import WebhookLog
from ringline.base import ApiError, ProviderError, get_log

log = get_log(__name__)


def create_app(
    needs: Dependencies, *, also: Sequence[APIRouter] = (), lifespan: Lifespan[FastAPI] | None = None
) -> FastAPI:
    """Build the API. `also` are routers of others that are served beside it, such as health and metrics.

    Serve it with uvicorn on as many listeners as are wanted; it keeps uvicorn's `Date` header, which shows clients how
    far their clock is off.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    desk = Desk(needs)
    routers = [
        Calls(desk).router(),
        LiveMedia(desk).router(),
        Files(desk).router(),
        Applications(desk).router(),
        Numbers(desk).router(),
        AccountResource(desk).router(),
        Secrets(desk).router(),
        Psip(desk).router(),
        Media(desk).router(),
        AuditLog(desk).router(),
        WebhookLog(desk).router(),
        Description(desk).router(),
        *_of_conversations(desk),
        *also,
    ]
    for router in routers:
        app.include_router(router)
    routes = app.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return _answer(request, error)

    async def not_served(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code != 405:
            return _answer(request, ApiError(error.status_code, "There is nothing at this path"))
        answer = _answer(request, ApiError(405, f"Request method '{request.method[:20]}' not supported"))
        allowed = {
            method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()
        }
        answer.headers["Allow"] = ", ".join(sorted(allowed))
        return answer

    async def backend_failed(request: Request, error: Exception) -> Response:
        log.error("a backend failed a request", trace=trace_of(request.scope), why=str(error))
        return _answer(request, ApiError(503, "A part of the platform is not available just now"))

    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(HTTPException, not_served)
    app.add_exception_handler(ProviderError, backend_failed)
    app.add_middleware(Frame, clock=needs.clock, random=needs.random, measure=needs.measure)
    app.add_middleware(Cors)
    return app


def _of_conversations(desk: Desk) -> list[APIRouter]:
    service = desk.needs.conversations
    if service is None:
        return []
    lobby = Lobby(desk, service)
    return [
        *clients_of(lobby),
        *(resource(lobby).router() for resource in (Conversations, Members, Events, Users, LegList)),
    ]


def _answer(request: Request, error: ApiError) -> Response:
    path = request.scope["path"]
    return problem(error, family=family_of(path), trace=trace_of(request.scope), reading=request.method == "GET")
