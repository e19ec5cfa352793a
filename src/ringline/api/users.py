"""`/users`: make them, list them, look at one, change it, delete it; the conversations and sessions of one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from ringline.accounts import User
from ringline.api.conversation_shapes import V01, V1
from ringline.api.conversations import JsonObject, at_most
from ringline.api.cursors import PageQuery
from ringline.api.fields import Body, Date, Flag, Text, one_of, read, refused, whole
from ringline.api.lobby import Lobby, Visitor, forbidden, given_query, routed
from ringline.base import ApiError, uuid4
from ringline.calls.membership import Member
from ringline.chronicle import ConversationRecord
from ringline.engine.ports import Found, Row

_KINDS: Final = ("pstn", "sip", "vbc", "websocket", "sms", "mms", "whatsapp", "viber", "messenger")
_MOST_CHANNELS: Final = 20
_TAKEN: Final = (
    "The request failed because the user name already exists. Please provide a unique user name and try again."
)


def _check_name(name: str) -> str:
    if not 1 <= len(name) <= 100:
        raise refused("must have 1 to 100 characters")
    if name == "me" or name.startswith("USR-"):
        raise refused("must not be `me` or begin with `USR-`")
    return name


def _check_channels(value: dict[str, Any]) -> dict[str, Any]:
    for kind, entries in value.items():
        if kind not in _KINDS:
            raise refused(f"must have only: {', '.join(_KINDS)}")
        if not isinstance(entries, list) or len(entries) > _MOST_CHANNELS:
            raise refused(f"must have an array of at most {_MOST_CHANNELS} for {kind}")
        if any(not isinstance(one, dict) for one in entries):
            raise refused(f"must have objects for {kind}")
    if len(str(value)) > 20_000:
        raise refused("is too large")
    return value


class UserProperties(Body):
    """`properties` of a user."""

    custom_data: JsonObject | None = None
    ttl: Annotated[int | None, whole(0)] = None


class UserBody(Body):
    """What is said of a user."""

    name: Annotated[Text, AfterValidator(_check_name)] | None = None
    display_name: Annotated[Text, at_most(200)] | None = None
    image_url: Annotated[Text, at_most(2048)] | None = None
    properties: UserProperties | None = None
    channels: Annotated[dict[str, Any], AfterValidator(_check_channels)] | None = None


class UserQuery(PageQuery):
    """The query of the list."""

    name: Text | None = None


class MembershipQuery(PageQuery):
    """The query of a user's conversations."""

    state: Annotated[str | None, one_of("INVITED", "JOINED", "LEFT", upper=True)] = None
    order_by: Annotated[str, one_of("created", "custom_sort_key")] = "created"
    date_start: Date | None = None
    include_custom_data: Flag = False


class Users:
    """The resource `users`."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    def router(self) -> APIRouter:
        router = APIRouter()
        routed(router, "/users", self.list, "GET")
        routed(router, "/users", self.create, "POST")
        routed(router, "/users/{user}", self.show, "GET")
        routed(router, "/users/{user}", self.change, "PATCH", "PUT")
        routed(router, "/users/{user}", self.delete, "DELETE")
        routed(router, "/users/{user}/conversations", self.conversations, "GET")
        routed(router, "/users/{user}/sessions", self.sessions, "GET")
        return router

    async def list(self, request: Request) -> Response:
        """The application's users, page by page."""
        visitor = await self._lobby.visitor(request, admin=True)
        query = read(UserQuery, given_query(request))
        window = self._lobby.window(query, visitor, "users")
        found = await self._lobby.chronicle.users(visitor.application.id, window, name=query.name)
        write = partial(visitor.shapes.user, brief=True)
        return self._lobby.page(request, visitor, found, window, query, "users", kind="users", write=write)

    async def create(self, request: Request) -> Response:
        """Make a user; 409 when there is one of that name."""
        visitor = await self._lobby.visitor(request, admin=True)
        asked = read(UserBody, await self._lobby.desk.read_object(request, may_be_empty=True))
        needs = self._lobby.desk.needs
        name = asked.name or f"NAM-{uuid4(needs.random)}"
        now = needs.clock.wallclock()
        user = User(
            id=f"USR-{uuid4(needs.random)}",
            application=visitor.application.id,
            name=name,
            created_at=now,
            updated_at=now,
            display_name=asked.display_name,
            image_url=asked.image_url,
            properties=_properties(asked) or {},
            channels=asked.channels or {},
        )
        self._take_name(visitor, name)
        await self._lobby.chronicle.save_user(user)
        status = 201 if visitor.shapes.version == V1 else 200
        return JSONResponse(visitor.shapes.made_user(user), status)

    async def show(self, request: Request) -> Response:
        """One user."""
        visitor = await self._lobby.visitor(request)
        named = request.path_params["user"]
        automatic = await self._lobby.chronicle.automatic_person(visitor.application.id, named)
        if automatic is not None and visitor.user is None:
            known = await self._lobby.chronicle.user(visitor.application.id, named)
            if known is None:
                return JSONResponse(visitor.shapes.automatic_user(automatic["id"], automatic["name"]))
        return JSONResponse(visitor.shapes.user(await self._user(request, visitor)))

    async def change(self, request: Request) -> Response:
        """Change a user: PUT replaces all but the name, PATCH what the body names."""
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request, may_be_empty=True)
        user = await self._user(request, visitor)
        asked = read(UserBody, body)
        if asked.name is not None and asked.name != user.name:
            self._take_name(visitor, asked.name)
            self._lobby.user_names.drop(user.application, user.name)
        given = body if request.method != "PUT" else dict.fromkeys(UserBody.model_fields)
        properties = _properties(asked)
        changed = replace(
            user,
            name=asked.name or user.name,
            display_name=asked.display_name if "display_name" in given else user.display_name,
            image_url=asked.image_url if "image_url" in given else user.image_url,
            properties=properties or {} if "properties" in given else user.properties,
            channels=asked.channels or {} if "channels" in given else user.channels,
            updated_at=self._lobby.desk.needs.clock.wallclock(),
        )
        await self._lobby.chronicle.save_user(changed)
        return JSONResponse(visitor.shapes.made_user(changed))

    async def delete(self, request: Request) -> Response:
        """Delete a user: its tokens are good for nothing from now on."""
        visitor = await self._lobby.visitor(request, admin=True)
        user = await self._user(request, visitor)
        self._lobby.user_names.drop(user.application, user.name)
        await self._lobby.chronicle.delete_user(user.application, user.id)
        return JSONResponse({}) if visitor.shapes.version == V01 else Response(status_code=204)

    async def conversations(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        query = read(MembershipQuery, given_query(request))
        user = await self._user(request, visitor)
        scope = f"conversations of {user.id}"
        window = self._lobby.window(query, visitor, scope)
        found = await self._lobby.chronicle.memberships(
            user.application, user.id, window, state=query.state, start=query.date_start
        )

        def write(pair: tuple[ConversationRecord, Member]) -> dict[str, Any]:
            record, member = pair
            item = visitor.shapes.conversation(record)
            if not query.include_custom_data:
                item["properties"] = {key: one for key, one in item["properties"].items() if key != "custom_data"}
            return {**item, "_embedded": {"id": member.id, "state": member.state}}

        kind = "conversations"
        return self._lobby.page(request, visitor, found, window, query, scope, kind=kind, write=write)

    async def sessions(self, request: Request) -> Response:
        visitor = await self._lobby.visitor(request)
        query = read(PageQuery, given_query(request))
        user = await self._user(request, visitor)
        scope = f"sessions of {user.id}"
        window = self._lobby.window(query, visitor, scope)
        apps = self._lobby.apps
        known = apps.clients.of(user.application, user.id) if apps is not None else ()
        ttl = round(apps.clients.grace_s) if apps is not None else 0
        ids = [one.id for one in known]
        if window.descending != window.backwards:
            ids.reverse()
        if window.after is not None and window.after[-1] in ids:
            ids = ids[ids.index(str(window.after[-1])) + 1 :]
        ids = ids[window.offset : window.offset + window.limit]
        account = next(iter(self._lobby.desk.needs.directory.accounts()), "ringline")
        who = {"user": {"id": user.id, "name": user.name}, "api_key": account}
        rows = [Row(key=(one,), value={"id": one, "_embedded": who, "properties": {"ttl": ttl}}) for one in ids]
        found = Found(reversed(rows) if window.backwards else rows)
        found.total = len(known)
        return self._lobby.page(request, visitor, found, window, query, scope, kind="sessions", write=dict)

    async def _user(self, request: Request, visitor: Visitor) -> User:
        """The user of the URL; a user sees only itself."""
        named = request.path_params["user"]
        mine = visitor.user
        if mine is not None and named not in (mine.id, mine.name, "me"):
            raise forbidden()
        return mine if mine is not None else await self._lobby.user_named(visitor, named)

    def _take_name(self, visitor: Visitor, name: str) -> None:
        """Have the name, before anybody else can."""
        names = self._lobby.user_names
        if names.exists(visitor.application.id, name):
            raise ApiError(400, _TAKEN, title="Bad request.", code="user:error:duplicate-name")
        names.add(visitor.application.id, name)


def _properties(asked: UserBody) -> dict[str, Any] | None:
    return asked.properties.model_dump(exclude_none=True) if asked.properties is not None else None
