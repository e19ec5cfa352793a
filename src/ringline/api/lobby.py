"""What the resources of the conversation service share: who asks, about which conversation, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ringline.accounts import Application, Token, User
from ringline.api.conversation_shapes import V01, VERSIONS, Frame, Shapes
from ringline.api.cursors import Cursors, PageQuery
from ringline.api.dependencies import ConversationService
from ringline.api.fields import empty_is_absent
from ringline.api.problems import FORBIDDEN
from ringline.api.resource import Desk, expect_json
from ringline.base import ApiError, ConversationId
from ringline.calls.membership import Actor, Member
from ringline.chronicle import ConversationRecord
from ringline.engine.ports import Found, Window
from ringline.engine.rooms import RoomOwner

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who makes a request."""

    token: Token
    user: User | None
    "Set for a user's own token: it acts as this user only."
    shapes: Shapes

    @property
    def application(self) -> Application:
        return self.token.application


class Lobby:
    """Where requests about conversations and users come in."""

    def __init__(self, desk: Desk, service: ConversationService) -> None:
        self.desk = desk
        self.gatherings = service.gatherings
        self.chronicle = service.chronicle
        self.user_names = service.user_names
        self.apps = service.apps
        accounts = desk.needs.directory.accounts().values()
        secret = next((account.signature_secret for account in accounts), "") or desk.needs.random.bytes(32).hex()
        self.cursors = Cursors(hashlib.blake2b(b"cursors" + secret.encode("utf-8", "surrogatepass")).digest())

    async def visitor(self, request: Request, *, admin: bool = False) -> Visitor:
        """Let somebody in. `admin`: only an application itself, none of its users.

        Raises:
            ApiError: 401, 403, 406 or 429.
        """
        token = self.desk.gate.application(request, voice=False)
        expect_json(request)
        user = None
        if token.sub is not None:
            user = await self.chronicle.user(token.application.id, token.sub)
            if user is None:
                raise ApiError(401, "You did not provide a valid token. Please provide a valid token.")
        if admin and user is not None:
            raise forbidden()
        version = request.url.path.split("/", 2)[1]
        return Visitor(token=token, user=user, shapes=Shapes(version, self.desk.base_url(request)))

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    async def record(self, request: Request, visitor: Visitor) -> ConversationRecord:
        """The conversation the URL names, live or over.

        Raises:
            ApiError: 404 if there is none or it is not the application's, 403 if the user has never been in it.
        """
        found = await self.chronicle.conversation(ConversationId(request.path_params["conversation"]))
        if found is None or found.application != visitor.application.id or (found.lasts and found.state == "DELETED"):
            raise no_such("conversation", "Conversation")
        if visitor.user is not None and not await self.chronicle.is_member(found.id, visitor.user.id):
            raise forbidden()
        return found

    async def room(self, request: Request, visitor: Visitor, *, join: bool = False, idle: bool = False) -> RoomOwner:
        """The conversation the URL names, if it lives.

        `join`: a user who is not in it may ask, too. `idle`: it may be one that everybody has left.

        Raises:
            ApiError: 404 or 403.
        """
        conversation = ConversationId(request.path_params["conversation"])
        room = self.gatherings.find(visitor.application.id, conversation)
        if room is None or room.projector is None:
            raise no_such("conversation", "Conversation")
        if not idle and room.projector.record.state == "INACTIVE" and request.method not in ("GET", "DELETE"):
            # Who was in it has left: a script may still bring somebody, REST may only look at it and delete it.
            detail = "The conversation is not active."
            raise ApiError(400, detail, title="Bad request.", code="conversation:error:not-allowed")
        user = visitor.user
        if user is not None and not join and not any(one.person.id == user.id for one in room.projector.members()):
            raise forbidden()
        return room

    def actor(self, visitor: Visitor, room: RoomOwner) -> Actor | None:
        """The user who acts, as member; None: the application."""
        if visitor.user is None:
            return None
        members = room.projector.members() if room.projector is not None else ()
        mine = next((one.id for one in members if one.person.id == visitor.user.id), None)
        return Actor(user=visitor.user.id, member=mine)

    async def member(self, room_id: ConversationId, member: str, room: RoomOwner | None) -> Member:
        """A member by id, one that has left too.

        Raises:
            ApiError: 404.
        """
        known = room.projector.member(member) if room is not None and room.projector is not None else None
        found = known or await self.chronicle.member(room_id, member)
        if found is None:
            raise no_such("conversation", "Member", code="conversation:error:member-not-found")
        return found

    async def user_named(self, visitor: Visitor, named: str) -> User:
        """A user by id or name.

        Raises:
            ApiError: 404.
        """
        found = await self.chronicle.user(visitor.application.id, named)
        if found is None:
            raise no_such("user", "User")
        return found

    # ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def window(self, query: PageQuery, visitor: Visitor, scope: str) -> Window:
        """The stretch of a list that is asked for; `scope` tells this list from all others."""
        if visitor.shapes.version == V01:
            return Window(
                limit=query.page_size, descending=query.order == "desc", offset=query.record_index, counted=True
            )
        return self.cursors.window(query, f"{visitor.application.id} {scope}")

    def page(
        self,
        request: Request,
        visitor: Visitor,
        found: Found[_T],
        window: Window,
        query: PageQuery,
        scope: str,
        *,
        kind: str,
        write: Callable[[_T], Mapping[str, Any]],
    ) -> Response:
        """A page of a list of things of a kind, each written as `write` says."""
        path = request.url.path.rstrip("/")
        url = self.desk.base_url(request) + path
        given = given_query(request)
        if visitor.shapes.version == V01:
            links = self.cursors.by_index(found.total, query=query, url=url, given=given)
            values = [row.value for row in found]
        else:
            whose = f"{visitor.application.id} {scope}"
            values, links = self.cursors.page(found, window, query=query, scope=whose, url=url, given=given)
        frame = Frame(links=links, size=query.page_size, index=query.record_index, total=found.total)
        return JSONResponse(visitor.shapes.page(kind, [write(value) for value in values], frame))


def given_query(request: Request) -> Mapping[str, str]:
    """The query as it was sent, without the parameters that have no value."""
    return empty_is_absent(request.query_params)


def routed(router: APIRouter, path: str, endpoint: Any, *methods: str, versions: Sequence[str] = VERSIONS) -> None:
    """Serve a path under every version."""
    for version in versions:
        router.add_api_route(f"/{version}{path}", endpoint, methods=list(methods))


def forbidden() -> ApiError:
    """403 of the conversation service."""
    return ApiError(403, FORBIDDEN, code="system:error:permission")


def no_such(thing: str, shown: str, *, code: str | None = None) -> ApiError:
    """There is none, or it is another application's: nobody can tell the difference."""
    detail = f"{shown} does not exist, or you do not have access."
    return ApiError(404, detail, code=code or f"{thing}:error:not-found")
