"""The conversation service: conversations, members, events, users, legs, in the versions that are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.api.openapi import room_events, room_shapes
from ringline.api.openapi.errors import refusals
from ringline.api.openapi.parts import (
    CONVERSATION,
    DATE,
    UUID,
    Json,
    answer,
    body,
    flag,
    in_path,
    operation,
    query,
    ref,
    text,
    whole,
    words,
)
from ringline.api.openapi.room_shapes import page
from ringline.api.openapi.voice import TOKEN

_V1, _V02, _V01 = "v1", "v0.2", "v0.1"
_ROOM: Final = in_path("conversation", CONVERSATION)
_MEMBER: Final = in_path("member", text("`MEM-…`, or `me`."))
_EVENT: Final = in_path("event", text("A whole number."))
_USER: Final = in_path("user", text("`USR-…`, or the name."))
_SIZE: Final = query("page_size", whole(1, 100, default=10))
_ORDER: Final = query("order", words("asc", "desc", any_case=True))
_INDEX: Final = query("record_index", whole(0, default=0), "How many to pass over.")
_CURSOR: Final = query("cursor", text(), "From `next` or `prev` of another page.")
_DATES: Final = [query("date_start", DATE), query("date_end", DATE)]
_OF_BODIES: Final = {"Conversations": (402, 408, 409, 413, 415), "Users": (408, 413)}
"Refusals of operations that take a body; the Users API says 406 to another content type."
_MAY_BE_EMPTY: Final = ("UserWish", "ConversationWish")
_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ConversationWish": {"a room": {"display_name": "Support 42", "properties": {"ttl": 3600}}},
    "MemberWish": {"a user's app": {"state": "joined", "user": {"name": "jamie"}, "channel": {"type": "app"}}},
    "UserWish": {"a phone": {"display_name": "Jamie", "channels": {"pstn": [{"number": "447700900123"}]}}},
    "EventWish": {
        "speak": {"type": "audio:say", "body": {"text": "Hello everybody."}},
        "a message": {"type": "message", "body": {"message_type": "text", "text": "Hello."}},
    },
}

SCHEMAS: Final[Mapping[str, Json]] = {
    **room_shapes.SCHEMAS,
    **room_events.SCHEMAS,
    **{f"{name}OfUser": room_shapes.of_user(name) for name in ("Conversation", "ConversationV01")},
}


def _errors(*statuses: int) -> Mapping[str, Json]:
    """Refusals; all of the conversation service's look the same."""
    found = dict(refusals("voice", 400, 403, 404, 406, *statuses))
    for one in found.values():
        one["content"] = {"application/json": {"schema": ref("RoomProblem")}}
    return found


class _Version:
    """Writes the operations of one version."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.old = name == _V01
        self.paging = [_SIZE, _ORDER, _INDEX if self.old else _CURSOR]

    def shape(self, name: str) -> Json:
        """What this version shows of a thing."""
        return ref(f"{name}V01" if self.old else name)

    def one(
        self,
        name: str,
        summary: str,
        status: int,
        schema: Json | None,
        *parameters: Json,
        sent: str | None = None,
        tag: str = "Conversations",
    ) -> Json:
        mark = "" if self.name == _V1 else self.name.replace(".", "").capitalize()
        request = None
        if sent is not None:
            request = body(ref(sent), required=sent not in _MAY_BE_EMPTY, examples=_EXAMPLES.get(sent))
        made = operation(
            name + mark,
            summary,
            tag=tag,
            security=TOKEN,
            parameters=list(parameters),
            request=request,
            answers={status: answer(summary + ".", schema)},
            errors=_errors(*(_OF_BODIES[tag] if sent is not None else ())),
        )
        return made if self.name == _V1 else {**made, "deprecated": True}

    def gone(self, name: str, summary: str, *parameters: Json, tag: str = "Conversations") -> Json:
        """Deleting something: `v0.1` says so with an empty object."""
        status, schema = (200, ref("Nothing")) if self.old else (204, None)
        return self.one(name, summary, status, schema, *parameters, tag=tag)

    def conversations(self) -> dict[str, Mapping[str, Json]]:
        room = self.shape("Conversation")
        changed = ref("MadeThing") if self.old else room
        made = 200 if self.old else 201
        listed = page(self.name, "conversations", room)
        return {
            "/conversations": {
                "get": self.one("listConversations", "List conversations", 200, listed, *self.paging, *_DATES),
                "post": self.one("createConversation", "Make a conversation", made, changed, sent="ConversationWish"),
            },
            "/conversations/{conversation}": {
                "get": self.one("getConversation", "Look at a conversation", 200, room, _ROOM),
                "put": self.one(
                    "changeConversation", "Change a conversation", 200, changed, _ROOM, sent="ConversationWish"
                ),
                "delete": self.gone("deleteConversation", "Delete a conversation", _ROOM),
            },
            "/conversations/{conversation}/record": {
                "put": self.one(
                    "recordConversation", "Start or stop a recording", 200, ref("Nothing"), _ROOM, sent="RoomRecording"
                )
            },
            **{
                f"/conversations/{{conversation}}/{kind}": self.played(kind, sent)
                for kind, sent in (("talk", "StartTalk"), ("stream", "StartStream"))
            },
        }

    def played(self, kind: str, sent: str) -> Mapping[str, Json]:
        start = self.one(f"{kind}Conversation", f"Start {kind}", 200, ref("PlayMessage"), _ROOM, sent=sent)
        stop = self.one(f"{kind}ConversationStop", f"Stop {kind}", 200, ref("PlayMessage"), _ROOM)
        return {"put": start, "post": _also(start, "Post"), "delete": stop}

    def members(self) -> dict[str, Mapping[str, Json]]:
        member = self.shape("Member")
        listed = page(self.name, "members", member)
        change = self.one("changeMember", "Join or leave", 200, member, _ROOM, _MEMBER, sent="MemberChange")
        return {
            "/conversations/{conversation}/members": {
                "get": self.one("listMembers", "List members", 200, listed, _ROOM, *self.paging),
                "post": self.one(
                    "createMember",
                    "Invite or join somebody",
                    200 if self.old else 201,
                    member,
                    _ROOM,
                    sent="MemberWish",
                ),
            },
            "/conversations/{conversation}/members/{member}": {
                "get": self.one("getMember", "Look at a member", 200, member, _ROOM, _MEMBER),
                "patch": change,
                "put": _also(change, "Put"),
                "delete": self.one("deleteMember", "Have a member leave", 200, ref("Nothing"), _ROOM, _MEMBER),
            },
        }

    def events(self) -> dict[str, Mapping[str, Json]]:
        event = self.shape("Event")
        status, made = (200, ref("MadeEventV01")) if self.old else (201, event)
        filters = [
            query("event_type", text("At most five, apart by commas; `prefix:*` too.")),
            query("start_id", whole(0)),
            query("end_id", whole(0)),
            query("exclude_deleted_events", flag()),
        ]
        listed = page(self.name, "events", event)
        return {
            "/conversations/{conversation}/events": {
                "get": self.one("listEvents", "List events", 200, listed, _ROOM, *self.paging, *filters),
                "post": self.one("createEvent", "Post an event; some act", status, made, _ROOM, sent="EventWish"),
            },
            "/conversations/{conversation}/events/{event}": {
                "get": self.one("getEvent", "Look at an event", 200, event, _ROOM, _EVENT),
                "delete": self.gone("deleteEvent", "Delete an event", _ROOM, _EVENT),
            },
        }

    def users(self) -> dict[str, Mapping[str, Json]]:
        tag = "Users"
        made = self.shape("User") if self.name == _V1 else ref("MadeThing")
        listed = page(self.name, "users", self.shape("UserInList"))
        theirs = page(self.name, "conversations", ref("ConversationV01OfUser" if self.old else "ConversationOfUser"))
        change = self.one("changeUser", "Change a user", 200, made, _USER, sent="UserWish", tag=tag)
        filters = [
            query("state", words("INVITED", "JOINED", "LEFT", any_case=True)),
            query("order_by", words("created", "custom_sort_key", any_case=True)),
            query("date_start", DATE),
            query("include_custom_data", flag()),
        ]
        sessions = page(self.name, "sessions", ref("Session"))
        return {
            "/users": {
                "get": self.one("listUsers", "List users", 200, listed, *self.paging, query("name", text()), tag=tag),
                "post": self.one(
                    "createUser", "Make a user", 201 if self.name == _V1 else 200, made, sent="UserWish", tag=tag
                ),
            },
            "/users/{user}": {
                "get": self.one("getUser", "Look at a user", 200, self.shape("User"), _USER, tag=tag),
                "patch": change,
                "put": _also(change, "Put"),
                "delete": self.gone("deleteUser", "Delete a user", _USER, tag=tag),
            },
            "/users/{user}/conversations": {
                "get": self.one(
                    "listConversationsOfUser",
                    "List the conversations of a user",
                    200,
                    theirs,
                    _USER,
                    *self.paging,
                    *filters,
                    tag=tag,
                )
            },
            "/users/{user}/sessions": {
                "get": self.one(
                    "listSessions", "List the sessions of a user", 200, sessions, _USER, *self.paging, tag=tag
                )
            },
        }

    def legs(self) -> dict[str, Mapping[str, Json]]:
        if self.name == _V02:
            return {}
        gone = self.one("deleteLeg", "Hang up", 200, ref("Nothing"), in_path("uuid", UUID))
        return {
            "/legs": {"get": self.one("listLegs", "List legs", 200, ref("LegPage"), _SIZE, _INDEX, _ORDER)},
            "/legs/{uuid}": {"delete": gone},
        }

    def operations(self) -> Mapping[str, Mapping[str, Json]]:
        return {**self.conversations(), **self.members(), **self.events(), **self.users(), **self.legs()}


def _also(made: Json, method: str) -> Json:
    """The same by another method."""
    return {**made, "operationId": made["operationId"] + method}


PATHS: Final[Mapping[str, Mapping[str, Json]]] = {
    f"/{name}{path}": methods for name in (_V1, _V02, _V01) for path, methods in _Version(name).operations().items()
}
