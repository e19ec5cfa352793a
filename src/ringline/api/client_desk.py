"""Where requests of app clients come in: whose they are, which session they come from, which of its calls they mean.

Nothing of another user can be told from what does not exist: both are 404, or refused alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from ringline.accounts import Token, User
from ringline.api.lobby import Lobby, forbidden, no_such
from ringline.api.problems import bad_request
from ringline.base import ApiError, ConversationId
from ringline.calls.membership import JOINED, Member
from ringline.engine.clients.apps import Apps
from ringline.engine.rooms import RoomOwner
from ringline.rtc import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user who makes a request."""

    token: Token
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with a body, and the session it comes from."""

    caller: Caller
    body: Mapping[str, Any]
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A conversation that lives, and the member that a user is in it."""

    room: RoomOwner
    member: Member


class ClientDesk:
    """What the resources of the client wire share."""

    def __init__(self, lobby: Lobby, apps: Apps) -> None:
        self.lobby = lobby
        self.apps = apps
        self.needs = lobby.desk.needs

    async def caller(self, request: Request) -> Caller:
        """Let a user in by its token.

        Raises:
            ApiError: 401, 403 or 429.
        """
        visitor = await self.lobby.visitor(request)
        if visitor.user is None:
            raise forbidden()
        return Caller(token=visitor.token, user=visitor.user)

    async def body(self, request: Request) -> dict[str, Any]:
        """A request's JSON object.

        Raises:
            ApiError: 400, 408, 413 or 415.
        """
        return await self.lobby.desk.read_object(request)

    async def asked(self, request: Request) -> Asked:
        """What a session of a user's asks for.

        Raises:
            ApiError: 400, 401, 403 (also when the session is over, or somebody else's), 408, 413, 415 or 429.
        """
        caller = await self.caller(request)
        body = await self.body(request)
        named = body.get("originating_session")
        if not isinstance(named, str) or not named:
            raise bad_request(("originating_session", "is required"))
        return Asked(caller=caller, body=body, session=self.own_session(caller, named))

    def own_session(self, caller: Caller, named: str) -> Session:
        """A session of the caller's by its id.

        Raises:
            ApiError: 403 when it is over, or somebody else's.
        """
        found = self.apps.clients.get(named)
        mine = (caller.token.application.id, caller.user.id)
        if found is None or (found.owner.application, found.owner.user) != mine:
            raise ApiError(403, "The session is not valid.", title="Forbidden.", code="session:error:invalid")
        return found

    def place(self, request: Request, caller: Caller, *, named: str | None = None) -> Place:
        """The conversation of the URL, if the user is in it, and the member it is there.

        `named` is the member the URL names; one of another user is as good as none.

        Raises:
            ApiError: 404.
        """
        conversation = ConversationId(request.path_params["conversation"])
        room = self.lobby.gatherings.find(caller.token.application.id, conversation)
        members = room.projector.members() if room is not None and room.projector is not None else ()
        mine = [one for one in members if one.person.id == caller.user.id]
        if room is None or not mine:
            raise no_such("conversation", "Conversation")
        if named is not None:
            mine = [one for one in mine if one.id == named]
            if not mine:
                raise no_such("conversation", "Member", code="conversation:error:member-not-found")
        return Place(room=room, member=min(mine, key=lambda one: (not self.apps.knows(one.leg), one.state != JOINED)))
