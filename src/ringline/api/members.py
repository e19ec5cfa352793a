"""`/conversations/{id}/members`: who is in a conversation; inviting, calling, joining, leaving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.background import BackgroundTask

from ringline.api.conversation_shapes import V01
from ringline.api.create_call import bars_extensions
from ringline.api.cursors import PageQuery
from ringline.api.fields import Body, Flag, Text, one_of, read, whole
from ringline.api.lobby import Lobby, Visitor, forbidden, given_query, no_such, routed
from ringline.api.problems import bad_request
from ringline.base import ApiError
from ringline.calls.actions import party
from ringline.calls.membership import INVITED, JOINED, Actor, Member, Person
from ringline.calls.parties import Party
from ringline.engine.gatherings import NewMember
from ringline.engine.rooms import RoomOwner
from ringline.ncco import Endpoint, NccoError, endpoint_from_json

_CALLED: Final = ("phone", "sip", "websocket", "vbc", "app")
"Channels over which a call can be made."
_KINDS: Final = (*_CALLED, "sms", "mms", "whatsapp", "viber", "messenger", "whatsapp-voice")


class UserReference(Body):
    """A user by id or name."""

    id: Text | None = None
    name: Text | None = None


class AudioSettings(Body):
    """`media.audio_settings`."""

    enabled: Flag | None = None
    earmuffed: Flag = False
    muted: Flag = False


class MediaBody(Body):
    """`media`."""

    audio: Flag = False
    audio_settings: AudioSettings = AudioSettings()


class ChannelBody(Body):
    """`channel`: how the member is reached."""

    type: Annotated[str, one_of(*_KINDS)]
    to: dict[str, Any] | None = None
    from_: Annotated[dict[str, Any] | None, Field(alias="from")] = None
    ring_timeout: Annotated[int, whole(1000, 120_000)] = 60_000
    "Milliseconds."
    max_length: Annotated[int, whole(1000, 7_200_000)] = 7_200_000
    "Milliseconds."


class MemberBody(Body):
    """A new member."""

    state: Annotated[str, one_of("invited", "joined")]
    user: UserReference
    channel: ChannelBody
    media: MediaBody = MediaBody()
    knocking_id: Text | None = None
    member_id_inviting: Text | None = None


class Reason(Body):
    """Why a member leaves."""

    code: Text | None = None
    text: Text | None = None


class MemberChange(Body):
    """A member joins or leaves."""

    state: Annotated[str, one_of("joined", "left")]
    reason: Reason = Reason()


class Members:
    """The resource `members`."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby

    def router(self) -> APIRouter:
        router = APIRouter()
        routed(router, "/conversations/{conversation}/members", self.list, "GET")
        routed(router, "/conversations/{conversation}/members", self.create, "POST")
        routed(router, "/conversations/{conversation}/members/{member}", self.show, "GET")
        routed(router, "/conversations/{conversation}/members/{member}", self.change, "PATCH", "PUT")
        routed(router, "/conversations/{conversation}/members/{member}", self.delete, "DELETE")
        return router

    async def list(self, request: Request) -> Response:
        """Who is in the conversation, page by page."""
        visitor = await self._lobby.visitor(request)
        query = read(PageQuery, given_query(request))
        record = await self._lobby.record(request, visitor)
        scope = f"members {record.id}"
        window = self._lobby.window(query, visitor, scope)
        found = await self._lobby.chronicle.members(record.id, window)
        write = partial(visitor.shapes.member, record.id)
        return self._lobby.page(request, visitor, found, window, query, scope, kind="members", write=write)

    async def show(self, request: Request) -> Response:
        """One member."""
        visitor = await self._lobby.visitor(request)
        record = await self._lobby.record(request, visitor)
        room = self._lobby.gatherings.find(visitor.application.id, record.id)
        wanted = request.path_params["member"]
        if wanted == "me":
            mine = self._mine(visitor, room)
            if mine is None:
                raise no_such("conversation", "Member", code="conversation:error:member-not-found")
            wanted = mine
        member = await self._lobby.member(record.id, wanted, room)
        return JSONResponse(visitor.shapes.member(record.id, member))

    async def create(self, request: Request) -> Response:
        """Invite or join somebody, and call him where a channel is named."""
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request)
        await self._lobby.desk.needs.pace()
        room = await self._lobby.room(request, visitor, join=True)
        new = await self._new(visitor, _modern(body))
        actor = self._lobby.actor(visitor, room)
        if visitor.user is not None and visitor.user.id != new.person.id and (actor is None or actor.member is None):
            raise forbidden()  # only who is in it may bring others
        inviting = body.get("member_id_inviting")
        if actor is None and isinstance(inviting, str) and room.projector is not None:
            inviter = room.projector.member(inviting)
            actor = Actor(user=inviter.person.id, member=inviter.id) if inviter is not None else None
        if new.to is not None and (why := self._lobby.desk.needs.refuses_calls()) is not None:
            raise ApiError(503, why)
        member = self._lobby.gatherings.add_member(room, new, by=actor)
        return JSONResponse(visitor.shapes.member(room.id, member), 200 if visitor.shapes.version == V01 else 201)

    async def change(self, request: Request) -> Response:
        """Have a member join or leave."""
        visitor = await self._lobby.visitor(request)
        body = await self._lobby.desk.read_object(request)
        room = await self._lobby.room(request, visitor, idle=True)  # what a member may do depends on its own state
        member = await self._theirs(request, visitor, room)
        action = body.get("action")
        if "state" not in body and isinstance(action, str):
            body["state"] = {"join": "joined", "leave": "left"}.get(action, action)
        asked = read(MemberChange, body)
        actor = self._lobby.actor(visitor, room)
        if asked.state == "joined":
            changed = self._lobby.gatherings.join(room, member, by=actor)
        else:
            reason = asked.reason.model_dump(exclude_none=True)
            changed = self._lobby.gatherings.leave(room, member, reason, by=actor)
        return JSONResponse(visitor.shapes.member(room.id, changed))

    async def delete(self, request: Request) -> Response:
        """Have a member leave."""
        visitor = await self._lobby.visitor(request)
        room = await self._lobby.room(request, visitor)
        member = await self._theirs(request, visitor, room)
        apps = self._lobby.apps
        if visitor.user is not None and apps is not None and apps.knows(member.leg):
            # A user hangs up, or declines: its app must know that it was heard before it is told of the end.
            reason = farewell(request)
            return JSONResponse({}, background=BackgroundTask(_later, apps.hang_up, member, reason))
        self._lobby.gatherings.leave(room, member, {}, by=self._lobby.actor(visitor, room))
        return JSONResponse({})

    # ── inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _mine(self, visitor: Visitor, room: RoomOwner | None) -> str | None:
        actor = self._lobby.actor(visitor, room) if room is not None else None
        return actor.member if actor is not None else None

    async def _theirs(self, request: Request, visitor: Visitor, room: RoomOwner) -> Member:
        """The member of the URL; a user may only change its own."""
        wanted = request.path_params["member"]
        wanted = (self._mine(visitor, room) or wanted) if wanted == "me" else wanted
        member = await self._lobby.member(room.id, wanted, room)
        if visitor.user is not None and member.person.id != visitor.user.id:
            raise forbidden()
        return member

    async def _new(self, visitor: Visitor, body: Mapping[str, Any]) -> NewMember:
        asked = read(MemberBody, body)
        named = asked.user.id or asked.user.name
        if not named:
            raise bad_request(("user", "must have id or name"))
        user = await self._lobby.user_named(visitor, named)
        channel = asked.channel
        settings = asked.media.audio_settings
        joined = asked.state == "joined"
        to = from_ = None
        if joined and asked.media.audio and channel.type in _CALLED and channel.to:
            to = self._party(visitor, channel.type, channel.to)
            from_ = _caller(channel.from_ or {})
        return NewMember(
            person=Person(
                id=user.id,
                name=user.name,
                display_name=user.display_name,
                image_url=user.image_url,
                custom_data=user.properties.get("custom_data") or {},
            ),
            state=JOINED if joined else INVITED,
            channel=_shown(body.get("channel", {}), channel.type),
            to=to,
            from_=from_,
            audio=asked.media.audio,
            enabled=settings.enabled if settings.enabled is not None else asked.media.audio,
            muted=settings.muted,
            earmuffed=settings.earmuffed,
            knocking_id=asked.knocking_id,
            ring_limit_s=channel.ring_timeout / 1000,
            length_limit_s=channel.max_length / 1000,
        )

    def _party(self, visitor: Visitor, kind: str, to: Mapping[str, Any]) -> Party:
        mapped, may = self._lobby.desk.needs.options.vbc_extensions, visitor.application.calls_extensions
        if kind == "vbc" and (why := bars_extensions(mapped, not may)) is not None:
            raise bad_request(("channel.type", why))
        try:
            endpoint: Endpoint = endpoint_from_json({"type": kind, **to})
        except NccoError as error:
            raise bad_request(
                *((f"channel.to{_below(fault.pointer)}", f"must be {fault.expected}") for fault in error.faults)
            ) from None
        return party(endpoint)


def farewell(request: Request) -> dict[str, str]:
    """The reason for leaving that the query gives."""
    given = request.query_params
    return {name: given[f"reason_{name}"][:200] for name in ("code", "text") if given.get(f"reason_{name}")}


async def _later(act: Callable[..., None], *arguments: Any) -> None:
    """Do something on the event loop once the answer is out."""
    act(*arguments)


def _below(pointer: str) -> str:
    return "".join(f".{part}" for part in pointer.split("/") if part)


def _caller(party: Mapping[str, Any]) -> Party:
    """Who calls, as the channel says it; nobody in particular if it does not."""
    for kind, key in (("phone", "number"), ("sip", "uri"), ("app", "user")):
        value = party.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return Party(kind=kind, address=str(value).strip().removeprefix("+")[:250])
    return Party(kind="phone", address="")


def _shown(channel: Any, kind: str) -> dict[str, Any]:
    """The channel as it was asked for, with all that a reader expects in it.

    Ends of type `app` are not made up: the official Java library knows no such end, and refuses the whole member.
    """
    known = dict(channel) if isinstance(channel, Mapping) else {}
    ends = {} if kind == "app" else {"from": {"type": kind}, "to": {"type": kind}}
    return {
        **ends,
        "headers": {},
        "leg_ids": [],
        "legs": [],
        **known,
        "type": kind,
    }


def _modern(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of v0.1 in the words of v1."""
    made = dict(body)
    action = made.get("action")
    if "state" not in made and isinstance(action, str):
        made["state"] = {"invite": "invited", "join": "joined"}.get(action, action)
    for old, new in (("user_id", "id"), ("user_name", "name")):
        if "user" not in made and isinstance(made.get(old), str):
            made["user"] = {new: made[old]}
    return made
