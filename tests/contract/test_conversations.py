"""The references of users and conversations, table by table and row by row.

All rows ask one Ringline, one after the other; each test judges one answer. The bodies of events (section 5.1) are in
`test_conversation_events.py`, how posted events act (5.2) in `tests/scenarios/test_conversation_service.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import httpx
import pytest

from ringline.testing import Phones, Switchboard, WebApplication, scenario

from .house import BASE, opened
from .rows import Row, table

KINDS: Final = "https://developer.vonage.com/api/conversation#"
NOBODY: Final = "USR-00000000-1111-4222-8333-944455566677"
NOWHERE: Final = "CON-00000000-1111-4222-8333-944455566677"
ROOM: Final = "/v1/conversations/{room}"


def get(name: str, path: str, status: int = 200, **more: Any) -> Row:
    return Row(name=name, ask=f"GET {path}", status=status, **more)


def refusal(name: str, ask: str, status: int, code: str, title: str, detail: str = "", **more: Any) -> Row:
    says = {"code": code, "type": KINDS + code, "title": title, **({"detail": detail} if detail else {})}
    return Row(name=name, ask=ask, status=status, says=says, **more)


def post(name: str, path: str, body: Any, status: int = 201, **more: Any) -> Row:
    return Row(name=name, ask=f"POST {path}", json=body, status=status, **more)


def channel(kind: str, to: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": kind, **({"to": {"type": kind, **to}} if to is not None else {})}


def event(event_type: str, body: Any = None, status: int = 201, *, name: str = "", **more: Any) -> Row:
    """A row about an event that is posted."""
    sent = {"type": event_type, "body": body if body is not None else {}}
    return post(name or f"event {event_type}", f"{ROOM}/events", sent, status, **more)


# ── applications reference, chapter 4: users ───────────────────────────────────────────────────────────────────────

USERS: Final[Sequence[Row]] = (
    get(
        "list",
        "/v1/users",
        says={
            "page_size": 10,
            "_embedded.users.0.id": "{user}",
            "_embedded.users.0.name": "jamie",
            "_embedded.users.0.display_name": "Jamie",
            "_links.first.href": f"{BASE}/v1/users?page_size=10&order=asc",
            "_links.self.href": f"{BASE}/v1/users?page_size=10&order=asc",
        },
        lacks=["_links.next", "_links.prev"],
    ),
    *(get(f"order {order}", "/v1/users", query={"order": order}) for order in ("asc", "desc", "ASC", "DESC")),
    get("page_size 100", "/v1/users", query={"page_size": "100"}),
    get("page_size 101", "/v1/users", 400, query={"page_size": "101"}, fault="page_size"),
    get("page_size 0", "/v1/users", 400, query={"page_size": "0"}, fault="page_size"),
    get("name filter", "/v1/users", query={"name": "nobody"}, says={"_embedded.users": []}),
    post("POST", "/v1/users", {"name": "sam"}, says={"name": "sam"}),
    Row(name="POST without a body", ask="POST /v1/users", status=201),
    get("GET by id", "/v1/users/{user}", says={"id": "{user}", "_links.self.href": f"{BASE}/v1/users/{{user}}"}),
    get("GET by name", "/v1/users/jamie", says={"id": "{user}"}),
    Row(
        name="PATCH merges",
        ask="PATCH /v1/users/{user}",
        json={"image_url": "https://a.example/p.png"},
        status=200,
        says={"display_name": "Jamie", "image_url": "https://a.example/p.png"},
    ),
    Row(
        name="PATCH replaces channels",
        ask="PATCH /v1/users/{user}",
        json={
            "channels": {
                "pstn": [{"number": "447700900111"}],
                "sip": [{"uri": "sip:j@a.example", "username": "j", "password": "p"}],
                "vbc": [{"extension": "12"}],
                "websocket": [{"uri": "wss://a.example", "content-type": "audio/l16;rate=8000", "headers": {}}],
                "sms": [{"number": "447700900111"}],
                "mms": [{"number": "447700900111"}],
                "whatsapp": [{"number": "447700900111"}],
                "viber": [{"number": "447700900111"}],
                "messenger": [{"id": "12"}],
            },
            "properties": {"custom_data": {"a": 1}, "ttl": 60},
        },
        status=200,
        says={
            "channels.pstn.0.number": "447700900111",
            "channels.sip.0.username": "j",
            "channels.messenger.0.id": "12",
            "properties": {"custom_data": {"a": 1}, "ttl": 60},
        },
        lacks=["channels.sip.0.password"],
    ),
    post("name me", "/v1/users", {"name": "me"}, 400, fault="name"),
    post("name USR-", "/v1/users", {"name": "USR-x"}, 400, fault="name"),
    post("name of 101", "/v1/users", {"name": "n" * 101}, 400, fault="name"),
    refusal(
        "400 validation",
        "POST /v1/users",
        400,
        "http:error:validation-fail",
        "Bad request.",
        "Input validation failure.",
        json={"name": 7},
        fault="name",
    ),
    refusal(
        "400 duplicate",
        "POST /v1/users",
        400,
        "user:error:duplicate-name",
        "Bad request.",
        "The request failed because the user name already exists. Please provide a unique user name and try again.",
        json={"name": "jamie"},
    ),
    refusal(
        "404",
        f"GET /v1/users/{NOBODY}",
        404,
        "user:error:not-found",
        "Not found.",
        "User does not exist, or you do not have access.",
    ),
    refusal(
        "406",
        "POST /v1/users",
        406,
        "http:error:validation-fail",
        "Bad request.",
        "Invalid Content-Type.",
        headers={"Content-Type": "text/plain"},
        content="{}",
    ),
    get("conversations of a user", "/v1/users/{user}/conversations", says={"_embedded.conversations.0.id": "{room}"}),
    get(
        "conversations by state",
        "/v1/users/{user}/conversations",
        query={"state": "INVITED", "order_by": "created"},
        says={"_embedded.conversations.0._embedded": {"id": "{member}", "state": "INVITED"}},
    ),
    get(
        "conversations by another state",
        "/v1/users/{user}/conversations",
        query={"state": "LEFT"},
        says={"_embedded.conversations": []},
    ),
    get("sessions of a user", "/v1/users/{user}/sessions", says={"_embedded.sessions": []}),
    get("no beta", "/beta/users", 404),
    Row(name="v0.1 POST", ask="POST /v0.1/users", json={"name": "old"}, status=200, lacks=["name"]),
    get("v0.2 list", "/v0.2/users", query={"name": "jamie"}, says={"_embedded.data.users.0.name": "jamie"}),
)
REFUSED_STRANGERS: Final[Sequence[Row]] = (
    *(
        Row(name=f"conversations 401 {ask} before its body", ask=ask, json={}, status=401)
        for ask in (f"PUT {ROOM}/talk", f"PUT {ROOM}/stream", f"POST {ROOM}/members", f"PUT {ROOM}/record")
    ),
    *(
        refusal(f"{kind} 401 {name}", f"GET /v1/{kind}", 401, f"system:error:{code}", "Unauthorized.", headers=headers)
        for kind in ("users", "conversations")
        for name, headers, code in (
            ("no header", {}, "missing-token"),
            ("malformed", {"Authorization": "Bearer x.y.z"}, "invalid-token"),
        )
    ),
)
REFUSED_USERS: Final[Sequence[Row]] = (
    refusal("user token makes no users", "POST /v1/users", 403, "system:error:permission", "Forbidden.", json={}),
    refusal("user token lists no conversations", "GET /v1/conversations", 403, "system:error:permission", "Forbidden."),
    refusal("user token elsewhere", "GET /v1/conversations/{elsewhere}", 403, "system:error:permission", "Forbidden."),
    get("user token at home", ROOM, says={"id": "{room}"}),
    get("members/me", f"{ROOM}/members/me", says={"id": "{member}"}),
)

# ── conversations reference ────────────────────────────────────────────────────────────────────────────────────────

OBJECTS: Final[Sequence[Row]] = (
    get(
        "2.1 a conversation",
        ROOM,
        says={
            "id": "{room}",
            "name": "standup",
            "state": "ACTIVE",
            "timestamp.destroyed": None,
            "_links.self.href": BASE + ROOM,
        },
    ),
    post(
        "2.1 all fields",
        "/v1/conversations",
        {
            "name": "support-42",
            "display_name": "Support 42",
            "image_url": "https://example.com/c.png",
            "properties": {"ttl": 60, "type": "quick_chat", "custom_sort_key": "CSK_1", "custom_data": {"p": 1}},
            "numbers": [{"number": "447700900111"}],
            "callback": {
                "url": "https://a.example/cb",
                "event_mask": "member:*",
                "method": "POST",
                "params": {"applicationId": "a", "ncco_url": "https://a.example/ncco"},
            },
        },
        says={
            "name": "support-42",
            "display_name": "Support 42",
            "image_url": "https://example.com/c.png",
            "state": "ACTIVE",
            "sequence_number": 1,
            "properties.ttl": 60,
            "properties.type": "quick_chat",
            "properties.custom_sort_key": "CSK_1",
            "properties.custom_data": {"p": 1},
        },
    ),
    post("2.1 no fields", "/v1/conversations", {}, says={"display_name": None, "image_url": None}),
    post("2.1 name of 101", "/v1/conversations", {"name": "n" * 101}, 400, fault="name"),
    post("2.1 name empty", "/v1/conversations", {"name": ""}, 400, fault="name"),
    post("2.1 display_name of 51", "/v1/conversations", {"display_name": "n" * 51}, 400, fault="display_name"),
    post("2.1 image_url of 2049", "/v1/conversations", {"image_url": "n" * 2049}, 400, fault="image_url"),
    refusal(
        "2.1 duplicate name",
        "POST /v1/conversations",
        409,
        "conversation:error:duplicate-name",
        "Conflict.",
        json={"name": "standup"},
    ),
    get(
        "2.3 a member",
        f"{ROOM}/members/{{member}}",
        says={
            "id": "{member}",
            "conversation_id": "{room}",
            "state": "INVITED",
            "_embedded.user.id": "{user}",
            "_embedded.user.name": "jamie",
            "_embedded.user.display_name": "Jamie",
            "_embedded.user._links.self.href": f"{BASE}/v1/users/{{user}}",
            "timestamp.joined": None,
            "timestamp.left": None,
            "initiator": {"invited": {"is_system": True}},
            "channel.type": "app",
            "knocking_id": None,
            "_links.href": f"{BASE}{ROOM}/members/{{member}}",
            "_links.self.href": f"{BASE}{ROOM}/members/{{member}}",
        },
        lacks=["channel.from", "channel.to"],  # the Java library knows no end of type `app`
    ),
    get("2.4 legs", "/v0.1/legs", says={"count": 2, "page_size": 10, "record_index": 0}),
    get("2.4 legs under v1", "/v1/legs"),
    get(
        "2.5 an event",
        f"{ROOM}/events/1",
        says={"id": 1, "_links.self.href": f"{BASE}{ROOM}/events/1"},
    ),
)

ENDPOINTS: Final[Sequence[Row]] = (
    get("3 GET conversations", "/v1/conversations", says={"page_size": 10}),
    get("3 date_start", "/v1/conversations", query={"date_start": "2020-01-01 00:00:00"}),
    get("3 date_start wrong", "/v1/conversations", 400, query={"date_start": "soon"}, fault="date_start"),
    get(
        "3 date_end",
        "/v1/conversations",
        query={"date_end": "2001-01-01T00:00:00Z"},
        says={"_embedded.conversations": []},
    ),
    *(get(f"3 order {order}", "/v1/conversations", query={"order": order}) for order in ("asc", "desc", "DESC")),
    get("3 page_size 101", "/v1/conversations", 400, query={"page_size": "101"}, fault="page_size"),
    refusal(
        "3 cursor damaged",
        "GET /v1/conversations",
        400,
        "paginator-builder:error:invalid-cursor",
        "Bad request.",
        query={"cursor": "abcd"},
    ),
    Row(
        name="3 PUT replaces",
        ask="PUT /v1/conversations/{spare}",
        json={"name": "renamed"},
        status=200,
        says={"name": "renamed", "display_name": None},
    ),
    get("3 GET members", f"{ROOM}/members", says={"_embedded.members.2.id": "{member}"}),
    post(
        "3 POST members",
        "/v1/conversations/{spare}/members",
        {"state": "invited", "user": {"id": "{user}"}, "channel": {"type": "app"}},
        says={"state": "INVITED", "conversation_id": "{spare}"},
    ),
    *(
        post(
            f"3 member without {name}",
            f"{ROOM}/members",
            {
                key: value
                for key, value in {
                    "state": "joined",
                    "user": {"name": "jamie"},
                    "channel": {"type": "app"},
                }.items()
                if key != name
            },
            400,
            fault=name,
        )
        for name in ("state", "user", "channel")
    ),
    post(
        "3 member with another state",
        f"{ROOM}/members",
        {"state": "LEFT", "user": {"name": "jamie"}, "channel": {"type": "app"}},
        400,
        fault="state",
    ),
    get("3 member unknown", f"{ROOM}/members/MEM-x", 404, says={"code": "conversation:error:member-not-found"}),
    Row(
        name="3 PATCH joined",
        ask=f"PATCH {ROOM}/members/{{member}}",
        json={"state": "joined"},
        status=200,
        says={"state": "JOINED"},
    ),
    Row(
        name="3 PATCH left",
        ask=f"PATCH {ROOM}/members/{{member}}",
        json={"state": "left", "reason": {"code": "1", "text": "bye"}},
        status=200,
        says={"state": "LEFT", "initiator": {"joined": {"is_system": True}}},
    ),
    refusal(
        "3 LEFT is final",
        f"PATCH {ROOM}/members/{{member}}",
        400,
        "conversation:error:invalid-member-state",
        "Conflict.",
        json={"state": "joined"},
    ),
    get("3 GET events", f"{ROOM}/events", query={"page_size": "1"}, says={"page_size": 1, "_embedded.0.id": 1}),
    get("3 start_id", f"{ROOM}/events", query={"start_id": "3", "page_size": "1"}, says={"_embedded.0.id": 3}),
    get("3 end_id", f"{ROOM}/events", query={"end_id": "2", "order": "desc"}, says={"_embedded.0.id": 2}),
    get("3 event_type none", f"{ROOM}/events", query={"event_type": "text:seen"}, says={"_embedded": []}),
    get("3 event_type nobody knows", f"{ROOM}/events", query={"event_type": "shiny"}, says={"_embedded": []}),
    get("3 event_type five", f"{ROOM}/events", query={"event_type": "a,b,c,d,e"}),
    get("3 event_type six", f"{ROOM}/events", 400, query={"event_type": "a,b,c,d,e,f"}, fault="event_type"),
    get("3 exclude_deleted_events", f"{ROOM}/events", query={"exclude_deleted_events": "true"}),
    get("3 event unknown", f"{ROOM}/events/99999", 404, says={"code": "event:error:not-found"}),
    refusal(
        "3 event that stays", f"DELETE {ROOM}/events/1", 400, "event:error:delete-not-allowed", "Bad request."
    ),
    Row(name="3 DELETE event", ask=f"DELETE {ROOM}/events/{{custom}}", status=204),
    get("3 a deleted event", f"{ROOM}/events/{{custom}}", says={"body": {}}),
    Row(
        name="3 PUT talk",
        ask=f"PUT {ROOM}/talk",
        json={"text": "Hello", "language": "en-GB", "style": 1, "premium": False, "loop": 1, "level": 0},
        status=200,
        says={"message": "Talk started"},
    ),
    Row(name="3 DELETE talk", ask=f"DELETE {ROOM}/talk", status=200, says={"message": "Talk stopped"}),
    Row(name="3 POST talk", ask=f"POST {ROOM}/talk", json={"text": "a"}, status=200, says={"message": "Talk started"}),
    Row(
        name="3 PUT stream",
        ask=f"PUT {ROOM}/stream",
        json={"stream_url": ["https://app.example.org/file.mp3"]},
        status=200,
        says={"message": "Stream started"},
    ),
    Row(name="3 DELETE stream", ask=f"DELETE {ROOM}/stream", status=200, says={"message": "Stream stopped"}),
    Row(name="3 talk without text", ask=f"PUT {ROOM}/talk", json={}, status=400, fault="text"),
    refusal(
        "3 stop without recording", f"PUT {ROOM}/record", 400, "record:error:not-started", "Bad request.",
        json={"action": "stop"},
    ),
    Row(
        name="3 PUT record",
        ask=f"PUT {ROOM}/record",
        json={
            "action": "start",
            "event_url": ["https://app.example.org/recorded"],
            "event_method": "POST",
            "split": "conversation",
            "format": "ogg",
            "retention_ttl": 400,
            "timeout": 7200,
            "transcription": {"language": "en-US", "sentiment_analysis": False},
        },
        status=200,
    ),
    refusal(
        "3 a second recording", f"PUT {ROOM}/record", 400, "record:error:already-started", "Bad request.",
        json={"action": "start"},
    ),
    Row(name="3 stop recording", ask=f"PUT {ROOM}/record", json={"action": "stop"}, status=200),
    *(
        Row(name=f"3 record {key} {value}", ask=f"PUT {ROOM}/record", json={"action": "start", key: value}, status=400,
            fault=key)
        for key, value in (("retention_ttl", 0), ("retention_ttl", 401), ("timeout", 7201), ("format", "flac"),
                           ("split", "leg"), ("event_url", "a.example"))
    ),
    Row(name="3 record without action", ask=f"PUT {ROOM}/record", json={}, status=400, fault="action"),
    refusal(
        "3 unknown conversation", f"GET /v1/conversations/{NOWHERE}", 404, "conversation:error:not-found", "Not found."
    ),
    Row(
        name="3 wrong method",
        ask="PATCH /v1/conversations",
        status=405,
        says={"code": "http:error:method-not-allowed"},
    ),
    Row(name="3 wrong type", ask="POST /v1/conversations", headers={"Content-Type": "text/plain"}, content="{}",
        status=415, says={"code": "http:error:unsupported-media-type"}),
    Row(name="3 DELETE conversation", ask="DELETE /v1/conversations/{spare}", status=204),
    get("3 a deleted conversation", "/v1/conversations/{spare}", 404),
    Row(name="3 v0.1 POST", ask="POST /v0.1/conversations", json={"name": "oldest"}, status=200, lacks=["name"]),
    get("3 v0.1 GET", "/v0.1/conversations/{room}", says={"uuid": "{room}", "numbers": {}}, lacks=["id", "state"]),
    get("3 v0.2 GET", "/v0.2/conversations", says={"_embedded.data.conversations.0.id": "{room}"}),
)  # fmt: skip
EVENTS: Final[Sequence[Row]] = (
    *(
        event(kind, {"text": "hi"})
        for kind in ("message", "message:submitted", "message:rejected", "message:undeliverable", "message:seen",
                     "message:delivered", "text", "custom:game", "custom:a-b_c", "ephemeral")
    ),
    event("audio:say", {"text": "One", "loop": 1, "level": 0, "queue": False, "language": "en-US", "style": 0,
                        "premium": False}),
    event("audio:say:stop", {}),
    event("audio:play", {"stream_url": ["https://app.example.org/file.mp3"], "loop": 1, "level": 0, "queue": False}),
    event("audio:play:stop", {}),
    event("audio:dtmf", {"digits": "12"}),
    event("audio:dtmf", {"digit": "#"}, name="event audio:dtmf of one digit"),
    event("audio:record", {"format": "mp3", "split": False, "channels": 1, "beep_start": False, "beep_stop": False}),
    event("audio:record:stop", {}),
    *(event(f"audio:{what}:{state}", {"rtc_id": "{leg}"}) for what in ("mute", "earmuff") for state in ("on", "off")),
    *(
        event(kind, {}, 400, fault="type")
        for kind in ("member:joined", "conversation:created", "sip:hangup", "rtc:answer", "leg:status:update",
                     "audio:say:done", "audio:asr:done", "event:delete", "custom:", "custom:a b", "shiny")
    ),
    event("custom:" + "a" * 93, {}, name="custom type of 100"),
    event("custom:" + "a" * 94, {}, 400, name="custom type of 101", fault="type"),
    event("custom:long", {"a": "b" * 4080}, name="custom body of 4096"),
    event("custom:wide", {"a": "ü" * 2044}, name="custom body of 4096 in UTF-8"),
    event("custom:wide", {"a": "ü" * 2045}, 400, name="custom body above 4096 in UTF-8", fault="body"),
    event("custom:long", {"a": "b" * 4200}, 400, name="custom body above 4096", fault="body"),
    get("custom types may be filtered", f"{ROOM}/events", query={"event_type": "custom:game"},
        says={"_embedded.0.type": "custom:game"}),
    get("prefix with a star", f"{ROOM}/events", query={"event_type": "custom:*", "page_size": "1"},
        says={"_embedded.0.type": "custom:x"}),
)  # fmt: skip


@cache
def played() -> tuple[Mapping[str, httpx.Response], Mapping[str, str]]:
    """Ask every row, once for all tests: the answers by the rows' names, and what was called what."""
    found: dict[str, httpx.Response] = {}
    names: dict[str, str] = {}

    @scenario
    async def story(app: WebApplication, phones: Phones, board: Switchboard) -> None:
        async with opened(app, phones, board) as house:
            async with house.client() as rest:
                await house.make(rest, "spare", "/v1/conversations", {"name": "spare", "display_name": "Spare"})
                await house.make(rest, "elsewhere", "/v1/conversations", {"name": "elsewhere"})
                await house.make(
                    rest, "custom", "/v1/conversations/{room}/events", {"type": "custom:x", "body": {"a": 1}}
                )
                async with house.client(token="") as stranger, house.client(sub="jamie") as jamie:
                    await house.ask(REFUSED_STRANGERS, stranger)
                    await house.ask(REFUSED_USERS, jamie)
                for rows in (USERS, OBJECTS, EVENTS, ENDPOINTS):
                    await house.ask(rows, rest)
                    await board.passes(1)
            found.update(house.answers)
            names.update(house.names)

    story()
    return found, names


def judge(row: Row) -> None:
    answers, names = played()
    says = {path: _named(value, names) for path, value in row.says.items()}
    lacks = list(row.lacks)
    Row(name=row.name, ask=row.ask, status=row.status, says=says, lacks=lacks, fault=row.fault).judge(answers[row.name])


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(one, names) for key, one in value.items()}
    if isinstance(value, str):
        for name, one in names.items():
            value = value.replace("{" + name + "}", one)
    return value


@table("users 4", (*USERS, *(row for row in REFUSED_STRANGERS if row.name.startswith("users"))))
def test_a_row_of_users(row: Row) -> None:
    judge(row)


@table("conversations", (*OBJECTS, *ENDPOINTS, *(row for row in REFUSED_STRANGERS if row.name.startswith("conv"))))
def test_a_row_of_conversations(row: Row) -> None:
    judge(row)


@table("auth 5", REFUSED_USERS)
def test_a_row_of_user_tokens(row: Row) -> None:
    judge(row)


@table("conversations 5.2", EVENTS)
def test_a_row_of_posted_events(row: Row) -> None:
    judge(row)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"conversations 5.2 {name}") for name in
                                  ("say_id", "play_id", "recording_id")])  # fmt: skip
def test_the_id_of_what_was_started_is_in_the_answer(name: str) -> None:
    kinds = {"say_id": "event audio:say", "play_id": "event audio:play", "recording_id": "event audio:record"}
    assert played()[0][kinds[name]].json()["body"][name]


def test_conversation_talk_answers_with_the_id_of_what_is_said() -> None:
    answers, _ = played()
    assert answers["3 PUT talk"].json()["uuid"] == answers["3 DELETE talk"].json()["uuid"]
    assert answers["3 PUT record"].json() == {}
