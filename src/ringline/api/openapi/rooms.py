"""The conversation service: conversations, members, events, users, legs, in the versions that are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringline.api.openapi.errors import refusals
from ringline.api.openapi.parts import (
    CONVERSATION,
    DATE,
    TIME,
    UUID,
    Json,
    answer,
    arr,
    body,
    flag,
    in_path,
    obj,
    operation,
    query,
    ref,
    text,
    whole,
    wish,
    words,
)

_TOKEN: Final[list[Json]] = [{"token": []}]
_VERSIONS: Final = ("v1", "v0.2", "v0.1")
_LINK: Final = obj("href", href=text())
_LINKS: Final = obj(first=_LINK, self=_LINK, next=_LINK, prev=_LINK)
_MAYBE_TIME: Final[Json] = {"anyOf": [TIME, {"type": "null"}]}
_MAYBE: Final[Json] = {"type": ["string", "null"]}
_PAGING: Final = [
    query("page_size", whole(1, 100, default=10)),
    query("order", words("asc", "desc", any_case=True)),
    query("cursor", text(), "From `next` or `prev` of another page."),
]
_ROOM: Final = in_path("conversation", CONVERSATION)
_MEMBER: Final = in_path("member", text("`MEM-…`, or `me`."))
_EVENT: Final = in_path("event", text("A whole number."))
_USER: Final = in_path("user", text("`USR-…`, or the name."))

SCHEMAS: Final[Mapping[str, Json]] = {
    "RoomProblem": obj(
        "type title detail code instance",
        type={"type": "string", "pattern": "^https://"},
        title=text(),
        detail=text(),
        code=text("As in `user:error:not-found`."),
        instance=text(),
        invalid_parameters=arr(obj("name reason", name=text(), reason=text())),
    ),
    "Conversation": obj(
        "id name state sequence_number timestamp properties _links",
        id=CONVERSATION,
        name=text(),
        display_name=_MAYBE,
        image_url=_MAYBE,
        state=words("ACTIVE", "INACTIVE", "DELETED"),
        sequence_number={"type": "integer", "minimum": 0},
        timestamp=obj("created", created=TIME, updated=TIME, destroyed=_MAYBE_TIME),
        properties={"type": "object"},
        numbers=arr({"type": "object"}),
        _links=obj("self", self=_LINK),
    ),
    "ConversationWish": wish(
        name=text(minLength=1, maxLength=100),
        display_name=text(maxLength=50),
        image_url=text(maxLength=2048),
        properties={"type": "object"},
        numbers=arr({"type": "object"}),
        callback={"type": "object"},
    ),
    "Member": obj(
        "id conversation_id state _embedded timestamp _links",
        id=text(pattern="^MEM-"),
        conversation_id=CONVERSATION,
        state=words("INVITED", "JOINED", "LEFT", "UNKNOWN"),
        _embedded=obj("user", user={"type": "object"}),
        timestamp={"type": "object"},
        initiator={"type": ["object", "null"]},
        channel={"type": ["object", "null"]},
        media={"type": ["object", "null"]},
        knocking_id=_MAYBE,
        invited_by=_MAYBE,
        _links={"type": "object"},
    ),
    "MemberWish": wish(
        "state user channel",
        state=words("invited", "joined", any_case=True),
        user={"anyOf": [obj("id", id=text()), obj("name", name=text())]},
        channel=obj("type", type=words("app", "phone", "sip", "websocket", "vbc", any_case=True)),
        media={"type": "object"},
        knocking_id=text(),
        member_id_inviting=text(),
    ),
    "MemberChange": wish("state", state=words("joined", "left", any_case=True), reason={"type": "object"}),
    "Event": obj(
        "type body timestamp _embedded",
        id={"type": "integer", "minimum": 1},
        type=text(),
        body={"type": "object"},
        timestamp=TIME,
        to=text(),
        _embedded={"type": "object"},
        _links=obj("self", self=_LINK),
        **{"from": text()},
    ),
    "EventWish": wish(
        "type", type=text("As in `message`, `audio:say`, `custom:order`."), body={"type": "object"}, to=text()
    ),
    "User": obj(
        "id name",
        id=text(pattern="^USR-"),
        name=text(),
        display_name=text(),
        image_url=text(),
        properties={"type": "object"},
        channels={"type": "object"},
        _links={"type": "object"},
    ),
    "UserWish": wish(
        name=text(),
        display_name=text(maxLength=200),
        image_url=text(maxLength=2048),
        properties={"type": "object"},
        channels={"type": "object"},
    ),
    "RoomRecording": wish(
        "action",
        action=words("start", "stop", any_case=True),
        event_url=arr(text()),
        event_method=words("GET", "POST", any_case=True),
        split=words("conversation"),
        channels=whole(1, 32),
        format=words("mp3", "wav", "ogg", "vorbis", any_case=True),
        retention_ttl=whole(1, 400, default=31, about="Days."),
        timeout=whole(1, 7200, default=7200, about="Seconds."),
        transcription={"type": "object"},
    ),
    "PlayMessage": obj("message uuid", message=text(), uuid=text()),
}


def _page(kind: str, schema: Json) -> Json:
    """A page; a list of events has the array itself in `_embedded`."""
    embedded = arr(schema) if kind == "events" else obj(kind, **{kind: arr(schema)})
    return obj("page_size _embedded _links", page_size={"type": "integer"}, _embedded=embedded, _links=_LINKS)


def _errors(*statuses: int) -> Mapping[str, Json]:
    found = dict(refusals("voice", 400, 403, 404, 406, *statuses))
    for one in found.values():
        one["content"] = {"application/json": {"schema": ref("RoomProblem")}}
    return found


def _operations(version: str) -> Mapping[str, Mapping[str, Json]]:
    newest = version == "v1"
    mark = "" if newest else version.replace(".", "").capitalize()

    def one(
        name: str,
        summary: str,
        status: int,
        schema: Json | None,
        *parameters: Json,
        sent: str | None = None,
        tag: str = "",
    ) -> Json:
        # The older versions have shapes of their own.
        shown = schema if newest or schema is None else {"type": "object"}
        answers = {status: answer(summary + ".", shown)}
        if not newest:
            answers |= {other: answer(summary + ".", {"type": "object"}) for other in (200, 201) if other != status}
        made = operation(
            name + mark,
            summary,
            tag=tag or "Conversations",
            security=_TOKEN,
            parameters=list(parameters),
            request=body(ref(sent), required=sent not in ("UserWish", "ConversationWish"))
            if sent is not None
            else None,
            answers=answers,
            errors=_errors(*((408, 409, 413, 415) if sent is not None else ())),
        )
        return made if newest else {**made, "deprecated": True}

    def user(
        name: str, summary: str, status: int, schema: Json | None, *parameters: Json, sent: str | None = None
    ) -> Json:
        return one(name, summary, status, schema, *parameters, sent=sent, tag="Users")

    room, member, event = ref("Conversation"), ref("Member"), ref("Event")
    change_member = one("changeMember", "Join or leave", 200, member, _ROOM, _MEMBER, sent="MemberChange")
    change_user = user("changeUser", "Change a user", 200, ref("User"), _USER, sent="UserWish")
    dates = [query("date_start", DATE), query("date_end", DATE)]
    found: dict[str, dict[str, Any]] = {
        "/conversations": {
            "get": one("listConversations", "List conversations", 200, _page("conversations", room), *_PAGING, *dates),
            "post": one("createConversation", "Make a conversation", 201, room, sent="ConversationWish"),
        },
        "/conversations/{conversation}": {
            "get": one("getConversation", "Look at a conversation", 200, room, _ROOM),
            "put": one("changeConversation", "Change a conversation", 200, room, _ROOM, sent="ConversationWish"),
            "delete": one("deleteConversation", "Delete a conversation", 204, None, _ROOM),
        },
        "/conversations/{conversation}/record": {
            "put": one(
                "recordConversation", "Start or stop a recording", 200, ref("Nothing"), _ROOM, sent="RoomRecording"
            )
        },
        "/conversations/{conversation}/members": {
            "get": one("listMembers", "List members", 200, _page("members", member), _ROOM, *_PAGING),
            "post": one("createMember", "Invite or join somebody", 201, member, _ROOM, sent="MemberWish"),
        },
        "/conversations/{conversation}/members/{member}": {
            "get": one("getMember", "Look at a member", 200, member, _ROOM, _MEMBER),
            "patch": change_member,
            "put": _as_put(change_member),
            "delete": one("deleteMember", "Have a member leave", 200, {"type": "object"}, _ROOM, _MEMBER),
        },
        "/conversations/{conversation}/events": {
            "get": one(
                "listEvents",
                "List events",
                200,
                _page("events", event),
                _ROOM,
                *_PAGING,
                query("event_type", text("At most five, apart by commas.")),
                query("start_id", whole(0)),
                query("end_id", whole(0)),
                query("exclude_deleted_events", flag()),
            ),
            "post": one("createEvent", "Post an event; some act", 201, event, _ROOM, sent="EventWish"),
        },
        "/conversations/{conversation}/events/{event}": {
            "get": one("getEvent", "Look at an event", 200, event, _ROOM, _EVENT),
            "delete": one("deleteEvent", "Delete an event", 204, None, _ROOM, _EVENT),
        },
        "/users": {
            "get": user("listUsers", "List users", 200, _page("users", ref("User")), *_PAGING, query("name", text())),
            "post": user("createUser", "Make a user", 201, ref("User"), sent="UserWish"),
        },
        "/users/{user}": {
            "get": user("getUser", "Look at a user", 200, ref("User"), _USER),
            "patch": change_user,
            "put": _as_put(change_user),
            "delete": user("deleteUser", "Delete a user", 204, None, _USER),
        },
        "/users/{user}/conversations": {
            "get": user(
                "listConversationsOfUser",
                "List the conversations of a user",
                200,
                _page("conversations", {"type": "object"}),
                _USER,
                *_PAGING,
                query("state", words("INVITED", "JOINED", "LEFT", any_case=True)),
                query("order_by", words("created", "custom_sort_key", any_case=True)),
                query("date_start", DATE),
                query("include_custom_data", flag()),
            )
        },
        "/users/{user}/sessions": {
            "get": user(
                "listSessions",
                "List the sessions of a user",
                200,
                _page("sessions", {"type": "object"}),
                _USER,
                *_PAGING,
            )
        },
    }
    for kind, sent in (("talk", "StartTalk"), ("stream", "StartStream")):
        start = one(f"{kind}Conversation", f"Start {kind}", 200, ref("PlayMessage"), _ROOM, sent=sent)
        stop = one(f"{kind}ConversationStop", f"Stop {kind}", 200, ref("PlayMessage"), _ROOM)
        path = f"/conversations/{{conversation}}/{kind}"
        found[path] = {"put": start, "post": {**start, "operationId": start["operationId"] + "Post"}, "delete": stop}
    if version in ("v1", "v0.1"):
        index = [query("page_size", whole(1, 100, default=10)), query("record_index", whole(0, default=0)), _PAGING[1]]
        found["/legs"] = {"get": one("listLegs", "List legs", 200, {"type": "object"}, *index)}
        found["/legs/{uuid}"] = {"delete": one("deleteLeg", "Hang up", 200, {"type": "object"}, in_path("uuid", UUID))}
    return found


def _as_put(made: Json) -> Json:
    return {**made, "operationId": made["operationId"] + "Put"}


PATHS: Final[Mapping[str, Mapping[str, Json]]] = {
    f"/{version}{path}": methods for version in _VERSIONS for path, methods in _operations(version).items()
}
