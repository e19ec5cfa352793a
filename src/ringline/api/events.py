"""`/conversations/{id}/events`: list them, look at one, make one happen, delete one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator

from ringline.api.conversation_shapes import V01
from ringline.api.cursors import PageQuery
from ringline.api.fields import Body, Flag, Text, read, refused, whole
from ringline.api.lobby import Lobby, Visitor, forbidden, given_query, no_such, routed
from ringline.api.posting import event_of, read_type
from ringline.base import ApiError, uuid4
from ringline.calls.membership import Member
from ringline.chronicle import is_deletable
from ringline.engine.ports import EventFilter
from ringline.engine.rooms import RoomOwner

_MOST_TYPES: Final = 5


def _read_types(value: object) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise refused("must be a string")
    types = tuple(one for one in (part.strip() for part in value.split(",")) if one)
    if len(types) > _MOST_TYPES:
        raise refused(f"must name at most {_MOST_TYPES} types")
    return types


class EventQuery(PageQuery):
    """The query of the list."""

    event_type: Annotated[tuple[str, ...], BeforeValidator(_read_types)] = ()
    start_id: Annotated[int | None, whole(0)] = None
    end_id: Annotated[int | None, whole(0)] = None
    exclude_deleted_events: Flag = False


class EventBody(Body):
    """A new event."""

    type: Annotated[str, BeforeValidator(read_type)]
    to: Text | None = None


class Events:
    """The resource `events`."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    def router(self) -> APIRouter:
        router = APIRouter()
        routed(router, "/conversations/{conversation}/events", self.list, "GET")
        routed(router, "/conversations/{conversation}/events", self.create, "POST")
        routed(router, "/conversations/{conversation}/events/{event}", self.show, "GET")
        routed(router, "/conversations/{conversation}/events/{event}", self.delete, "DELETE")
        return router

    async def list(self, request: Request) -> Response:
        """What has happened in the conversation, page by page."""
        visitor = await self._lobby.visitor(request)
        query = read(EventQuery, given_query(request))
        record = await self._lobby.record(request, visitor)
        wanted = EventFilter(
            types=query.event_type,
            start_id=query.start_id,
            end_id=query.end_id,
            deleted=not query.exclude_deleted_events,
        )
        scope = f"events {record.id}"
        window = self._lobby.window(query, visitor, scope)
        found = await self._lobby.chronicle.entries(record.id, window, wanted)
        write = partial(visitor.shapes.event, record.id)
        return self._lobby.page(request, visitor, found, window, query, scope, kind="events", write=write)

    async def show(self, request: Request) -> Response:
        """One event."""
        visitor = await self._lobby.visitor(request)
        record = await self._lobby.record(request, visitor)
        entry = await self._lobby.chronicle.entry(record.id, _number(request))
        if entry is None:
            raise no_such("event", "Event")
        return JSONResponse(visitor.shapes.event(record.id, entry))

    async def create(self, request: Request) -> Response:
        """Make an event happen."""
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request)
        room = await self._lobby.room(request, visitor)
        asked = read(EventBody, body)
        member = self._from(visitor, room, body.get("from"))
        to = self._to(room, asked.to)
        content = body.get("body")
        gatherings = self._lobby.gatherings
        event = event_of(
            asked.type, content, member=member, to=to, room=room, new_id=uuid4(self._lobby.desk.needs.random)
        )
        entry = gatherings.post(room, event, asked.type)
        status = 200 if visitor.shapes.version == V01 else 201
        return JSONResponse(visitor.shapes.made_event(room.id, entry), status)

    async def delete(self, request: Request) -> Response:
        """Take an event's body away; that it was there stays known."""
        visitor = await self._lobby.visitor(request)
        room = await self._lobby.room(request, visitor)
        entry = await self._lobby.chronicle.entry(room.id, _number(request))
        if entry is None:
            raise no_such("event", "Event")
        if visitor.user is not None and (entry.person is None or entry.person.id != visitor.user.id):
            raise forbidden()
        if not is_deletable(entry.type):
            raise ApiError(
                400,
                "Only messages and custom events can be deleted.",
                title="Bad request.",
                code="event:error:delete-not-allowed",
            )
        actor = self._lobby.actor(visitor, room)
        self._lobby.gatherings.erase(room, entry.id, member=actor.member if actor is not None else entry.member)
        return JSONResponse({}) if visitor.shapes.version == V01 else Response(status_code=204)

    def _from(self, visitor: Visitor, room: RoomOwner, named: object) -> Member | None:
        """The member in whose name it happens: a user's own, or the one the application names."""
        projector = room.projector
        assert projector is not None
        if visitor.user is not None:
            mine = self._lobby.actor(visitor, room)
            member = projector.member(mine.member) if mine is not None and mine.member is not None else None
            if member is None or (named is not None and named != member.id):
                raise forbidden()
            return member
        if named is None:
            return None
        member = projector.member(named) if isinstance(named, str) else None
        if member is None:
            raise _not_a_member("from")
        return member

    def _to(self, room: RoomOwner, named: str | None) -> Member | None:
        if not named:
            return None
        member = room.projector.member(named) if room.projector is not None else None
        if member is None:
            raise _not_a_member("to")
        return member


def _number(request: Request) -> int:
    written = request.path_params["event"]
    if not written.isascii() or not written.isdigit() or len(written) > 9:
        raise no_such("event", "Event")
    return int(written)


def _not_a_member(field: str) -> ApiError:
    reason = "is not a member of this conversation"
    return ApiError(400, "Input validation failure.", title="Bad request.", parameters=((field, reason),))
