"""The REST reference, table by table and row by row.

The states of a call (section 11) are in `tests/api/test_calls.py`, files (section 8) in `tests/api/test_files.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
from tests.api.world import APP, LEG, UNKNOWN_LEG, World, run

from ringline.calls.commands import Speech
from ringline.calls.events import PlayAsked

from .rows import Row, prove, table

PHONE: Final = {"type": "phone", "number": "447700900123"}
FROM: Final = {"type": "phone", "number": "447700900900"}
TALK: Final = [{"action": "talk", "text": "Hello"}]
URL: Final = "https://shop.example/answer"
CREATE: Final[dict[str, Any]] = {"to": [PHONE], "from": FROM, "ncco": TALK}
MOVE: Final = {"action": "transfer", "destination": {"type": "ncco", "ncco": TALK}}
ENDPOINTS: Final[Sequence[tuple[str, Any, int]]] = (
    ("POST /v1/calls", CREATE, 201),
    ("GET /v1/calls", None, 200),
    ("GET /v1/calls/{leg}", None, 200),
    ("PUT /v1/calls/{leg}", {"action": "mute"}, 204),
    ("PUT /v1/calls/{leg}/stream", {"stream_url": ["https://a.example/a.mp3"]}, 200),
    ("DELETE /v1/calls/{leg}/stream", None, 200),
    ("PUT /v1/calls/{leg}/talk", {"text": "Hello"}, 200),
    ("DELETE /v1/calls/{leg}/talk", None, 200),
    ("PUT /v1/calls/{leg}/dtmf", {"digits": "12"}, 200),
    ("PUT /v1/calls/{leg}/input/dtmf", {"event_url": [URL]}, 200),
    ("DELETE /v1/calls/{leg}/input/dtmf", None, 200),
    ("POST /v2/calls", CREATE, 202),
)


def create(name: str, status: int = 201, *, fault: str = "", **changes: Any) -> Row:
    """A row about creating a call: the usual body, changed; None takes a field away. `from_` is `from`."""
    if "from_" in changes:
        changes["from"] = changes.pop("from_")
    body = {key: value for key, value in {**CREATE, **changes}.items() if value is not None}
    return Row(name=name, ask="POST /v1/calls", json=body, status=status, fault=fault)


def to(name: str, status: int = 201, *, fault: str = "", **endpoint: Any) -> Row:
    """A row about an endpoint that is called."""
    return create(name, status, fault=fault, to=[{key.replace("__", "-"): one for key, one in endpoint.items()}])


def detection(name: str, status: int = 201, *, fault: str = "", **options: Any) -> Row:
    return create(name, status, fault=fault, advanced_machine_detection=options)


def endpoints(chapter: str) -> pytest.MarkDecorator:
    """All of them, as the parameters `ask`, `body` and `status`."""
    rows = [pytest.param(*one, id=f"rest-api {chapter} {one[0]}") for one in ENDPOINTS]
    return pytest.mark.parametrize(("ask", "body", "status"), rows)


# ── 1. Conventions ─────────────────────────────────────────────────────────────────────────────────────────────────


@endpoints("2")
@run
async def test_an_endpoint_answers_as_the_table_says(world: World, ask: str, body: Any, status: int) -> None:
    answer = await prove(world, Row(name=ask, ask=ask, json=body, status=status))
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-nexmo-trace-id"])
    if status == 204:
        assert answer.content == b""
    else:
        assert answer.headers["content-type"] == "application/json"


@endpoints("1")
@run
async def test_basic_credentials_are_refused(world: World, ask: str, body: Any, status: int) -> None:
    row = Row(name=ask, ask=ask, json=body, status=401, who="operator", says={"error_title": "Unauthorized"})
    answer = await prove(world, row)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["instance"] == answer.headers["x-nexmo-trace-id"]


@endpoints("1 slash")
@run
async def test_a_slash_at_the_end_changes_nothing(world: World, ask: str, body: Any, status: int) -> None:
    await prove(world, Row(name=ask, ask=f"{ask}/", json=body, status=status))


JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@table(
    "rest-api 1",
    [
        Row(name="one base URL: the rest host's paths", ask="GET /account/get-balance", status=200, who="operator"),
        Row(name="unknown query", ask="GET /v1/calls", query={"page_index": "1", "size": "1"}, status=200),
        Row(name="unknown query of a call", ask="GET /v1/calls/{leg}", query={"page_index": "1"}, status=200),
        Row(name="JSON type, empty body, GET", ask="GET /v1/calls", headers=JSON, content="", status=200),
        Row(name="JSON type, empty body, GET one", ask="GET /v1/calls/{leg}", headers=JSON, content="", status=200),
        Row(name="JSON type, empty body, DELETE", ask="DELETE /v1/calls/{leg}/talk", headers=JSON, status=200),
        Row(name="DELETE with {}", ask="DELETE /v1/calls/{leg}/talk", json={}, status=200),
        Row(name="DELETE stream with {}", ask="DELETE /v1/calls/{leg}/stream", json={}, status=200),
        Row(name="DELETE with a form", ask="DELETE /v1/calls/{leg}/input/dtmf", headers=FORM, content="", status=200),
        create("length_timer as string", length_timer="7200"),
        create("ringing_timer as string", ringing_timer="60"),
        Row(name="loop as string", ask="PUT /v1/calls/{leg}/talk", json={"text": "a", "loop": "1"}, status=200),
        Row(name="level as string", ask="PUT /v1/calls/{leg}/talk", json={"text": "a", "level": "0.4"}, status=200),
        Row(name="level as number", ask="PUT /v1/calls/{leg}/talk", json={"text": "a", "level": 0.4}, status=200),
        Row(name="Accept */*", ask="GET /v1/calls", headers={"Accept": "*/*"}, status=200),
        Row(name="Accept application/json", ask="GET /v1/calls", headers={"Accept": "application/json"}, status=200),
        Row(name="Accept missing", ask="GET /v1/calls", headers={"Accept": ""}, status=200),
        create("unknown members", eventType="synchronous", shiny=[1]),
    ],
)
@run
async def test_what_libraries_send_is_tolerated(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "rest-api 2",
    [
        Row(name="no DELETE of dtmf", ask="DELETE /v1/calls/{leg}/dtmf", status=405),
        Row(name="no transcription", ask="GET /v1/calls/{leg}/transcription", status=404),
        Row(name="a file", ask="GET /v1/files/aaaaaaaa-4a51-4f6b-86e1-46edebcf9356", status=200),
        Row(name="a file by v3", ask="GET /v3/files/aaaaaaaa-4a51-4f6b-86e1-46edebcf9356", status=200),
    ],
)
@run
async def test_other_paths_are_served_as_the_table_says(world: World, row: Row) -> None:
    world.shelf.put_file("aaaaaaaa-4a51-4f6b-86e1-46edebcf9356", b"ID3")
    await prove(world, row)


# ── 3. POST /v1/calls ──────────────────────────────────────────────────────────────────────────────────────────────


@table(
    "rest-api 3.1",
    [
        create("to"),
        create("to missing", 400, to=None, fault="to"),
        create("to empty", 400, to=[], fault="to"),
        create("to two", 400, to=[PHONE, PHONE], fault="to"),
        create("to bare object", to=PHONE),
        create("from missing", 400, from_=None, fault="from"),
        create("from string", from_="447700900900"),
        create("from string with plus", from_="+447700900900"),
        create("from string sip", from_="sip:me@example.com"),
        create("from sip URI as number", from_={"type": "phone", "number": "sip:me@example.com"}),
        create("random_from_number", from_=None, random_from_number=True),
        create("random_from_number and from", 400, random_from_number=True, fault="from"),
        create("random_from_number false", random_from_number=False),
        create("ncco empty", 400, ncco=[], fault="ncco"),
        create("ncco faulty", 400, ncco=[{"action": "talk"}], fault="ncco[0].text"),
        create("ncco and answer_url", 400, answer_url=[URL], fault="ncco"),
        create("neither ncco nor answer_url", 400, ncco=None, fault="ncco"),
        create("answer_url", ncco=None, answer_url=[URL]),
        create("answer_url string", 400, ncco=None, answer_url=URL, fault="answer_url"),
        create("answer_url two", 400, ncco=None, answer_url=[URL, URL], fault="answer_url"),
        create("answer_url relative", 400, ncco=None, answer_url=["/answer"], fault="answer_url"),
        create("answer_method GET", ncco=None, answer_url=[URL], answer_method="GET"),
        create("answer_method POST", ncco=None, answer_url=[URL], answer_method="POST"),
        create("answer_method PUT", 400, ncco=None, answer_url=[URL], answer_method="PUT", fault="answer_method"),
        create("event_url", event_url=[URL]),
        create("event_url string", 400, event_url=URL, fault="event_url"),
        create("event_url ftp", 400, event_url=["ftp://shop.example/"], fault="event_url"),
        create("event_url absent everywhere"),
        create("event_method GET", event_url=[URL], event_method="GET"),
        create("event_method PATCH", 400, event_url=[URL], event_method="PATCH", fault="event_method"),
        create("machine_detection continue", machine_detection="continue"),
        create("machine_detection hangup", machine_detection="hangup"),
        create("machine_detection stop", 400, machine_detection="stop", fault="machine_detection"),
        detection("behavior continue", behavior="continue"),
        detection("behavior hangup", behavior="hangup"),
        detection("behavior else", 400, behavior="wait", fault="advanced_machine_detection.behavior"),
        detection("mode default", mode="default"),
        detection("mode detect", mode="detect"),
        detection("mode detect_beep", mode="detect_beep"),
        detection("mode else", 400, mode="beep", fault="advanced_machine_detection.mode"),
        detection("beep_timeout 30", beep_timeout=30),
        detection("beep_timeout 120", beep_timeout=120),
        detection("beep_timeout 29", 400, beep_timeout=29, fault="advanced_machine_detection.beep_timeout"),
        detection("beep_timeout 121", 400, beep_timeout=121, fault="advanced_machine_detection.beep_timeout"),
        create("length_timer 1", length_timer=1),
        create("length_timer 86400", length_timer=86400),
        create("length_timer 0", 400, length_timer=0, fault="length_timer"),
        create("length_timer 86401", 400, length_timer=86401, fault="length_timer"),
        create("ringing_timer 1", ringing_timer=1),
        create("ringing_timer 120", ringing_timer=120),
        create("ringing_timer 0", 400, ringing_timer=0, fault="ringing_timer"),
        create("ringing_timer 121", 400, ringing_timer=121, fault="ringing_timer"),
        create("not fields: ringing_timeout, timeout, limit", ringing_timeout=900, timeout=900, limit=90000),
    ],
)
@run
async def test_a_field_of_a_new_call(world: World, row: Row) -> None:
    await prove(world, row)
    assert len(world.calls.created) == (row.status == 201)


@run
async def test_defaults_of_a_new_call(world: World) -> None:
    await prove(world, create("defaults", ncco=None, answer_url=[URL], event_url=[URL], advanced_machine_detection={}))
    (made,) = world.calls.created
    assert (made.ring_limit_s, made.length_limit_s) == (60, 7200)
    assert made.answer is not None
    assert made.event is not None
    assert (made.answer.method, made.event.method) == ("GET", "POST")
    assert made.detection is not None
    assert made.detection.mode == "detect"
    assert made.detection.beep_timeout_s == 45


@run
async def test_advanced_detection_overrides_the_plain_one(world: World) -> None:
    await prove(
        world,
        create(
            "both", machine_detection="hangup", advanced_machine_detection={"behavior": "continue", "mode": "detect"}
        ),
    )
    (made,) = world.calls.created
    assert made.detection is not None
    assert not made.detection.hangs_up


SIP: Final = "sip:bob@example.com;transport=tls"
SOCKET: Final = "wss://bot.example.com/socket"
L16: Final = "audio/l16;rate=16000"


@table(
    "rest-api 3.2",
    [
        to("phone 7 digits", type="phone", number="1234567"),
        to("phone 15 digits", type="phone", number="123456789012345"),
        to("phone 6 digits", 400, type="phone", number="123456", fault="to[0].number"),
        to("phone 16 digits", 400, type="phone", number="1234567890123456", fault="to[0].number"),
        to("phone without number", 400, type="phone", fault="to[0].number"),
        to("phone with plus", type="phone", number="+447700900123"),
        to("dtmfAnswer", type="phone", number="447700900123", dtmfAnswer="1p2#"),
        to("dtmfAnswer x is skipped", type="phone", number="447700900123", dtmfAnswer="1x2"),
        to("shaken", type="phone", number="447700900123", shaken="eyJ;info=<https://a.example>;alg=ES256"),
        to("sip", type="sip", uri=SIP),
        to("sips", type="sip", uri="sips:bob@example.com"),
        to("sip media=srtp", type="sip", uri="sip:bob@example.com;media=srtp"),
        to("sip 255 characters", type="sip", uri="sip:" + "b" * 239 + "@example.com"),
        to("sip 256 characters", 400, type="sip", uri="sip:" + "b" * 240 + "@example.com", fault="to[0].uri"),
        to("sip without uri", 400, type="sip", fault="to[0]"),
        to("sip headers", type="sip", uri=SIP, headers={"location": "New York", "occupation": "developer"}),
        to("sip standard_headers empty", type="sip", uri=SIP, standard_headers={}),
        to("sip User-to-User", type="sip", uri=SIP, standard_headers={"User-to-User": "342342ef34;encoding=hex"}),
        to("websocket 8000", type="websocket", uri=SOCKET, content__type="audio/l16;rate=8000"),
        to("websocket 16000", type="websocket", uri=SOCKET, content__type=L16),
        to("websocket 24000", type="websocket", uri=SOCKET, content__type="audio/l16;rate=24000"),
        to("websocket content-type missing", type="websocket", uri=SOCKET),
        to(
            "websocket 44100",
            400,
            type="websocket",
            uri=SOCKET,
            content__type="audio/l16;rate=44100",
            fault="to[0].content-type",
        ),
        to("websocket without uri", 400, type="websocket", content__type=L16, fault="to[0].uri"),
        to("websocket headers", type="websocket", uri=SOCKET, content__type=L16, headers={"a": {"b": [1]}}),
        to(
            "websocket authorization vonage",
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "vonage"},
        ),
        to(
            "websocket authorization custom",
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "custom", "value": "Bearer abc"},
        ),
        to(
            "websocket authorization too long",
            400,
            type="websocket",
            uri=SOCKET,
            content__type=L16,
            authorization={"type": "custom", "value": "a" * 8192},
            fault="to[0].authorization",
        ),
        to("websocket uri 2048", type="websocket", uri="wss://bot.example.com/".ljust(2048, "a"), content__type=L16),
        to(
            "websocket uri 2049",
            400,
            type="websocket",
            uri="wss://bot.example.com/".ljust(2049, "a"),
            content__type=L16,
            fault="to[0].uri",
        ),
        to("app", type="app", user="alice"),
        to("app without user", 400, type="app", fault="to[0].user"),
        to("vbc not mapped", 400, type="vbc", extension="123", fault="to[0].type"),
        to("type missing", 400, number="447700900123", fault="to[0].type"),
        to("type unknown", 400, type="fax", number="447700900123", fault="to[0].type"),
    ],
)
@run
async def test_an_endpoint_that_is_called(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_a_created_call_is_described_as_published(world: World) -> None:
    answer = await prove(world, create("rest-api 3.3"))
    found = answer.json()
    assert set(found) == {"uuid", "status", "direction", "conversation_uuid"}
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found["uuid"])
    assert found["conversation_uuid"].startswith("CON-")
    assert (found["status"], found["direction"]) == ("started", "outbound")


# ── 4. GET /v1/calls ───────────────────────────────────────────────────────────────────────────────────────────────

LISTED: Final = ("started", "ringing", "answered", "machine", "completed", "busy", "cancelled", "failed", "rejected")
FINAL: Final = ("timeout", "unanswered")


def listing(name: str, status: int = 200, *, fault: str = "", **query: str) -> Row:
    return Row(name=name, ask="GET /v1/calls", query=query, status=status, fault=fault, leg="")


@table(
    "rest-api 4.1",
    [
        *(
            listing(f"status {status}", status=status)
            if False
            else Row(name=f"status {status}", ask="GET /v1/calls", query={"status": status}, status=200, leg="")
            for status in (*LISTED, *FINAL)
        ),
        Row(name="status human", ask="GET /v1/calls", query={"status": "human"}, status=400, fault="status"),
        listing("date_start with Z", date_start="2026-03-02T09:14:05Z"),
        listing("date_start with offset", date_start="2026-03-02T10:14:05+01:00"),
        listing("date_start with fraction", date_start="2026-03-02T09:14:05.250Z"),
        listing("date_start spaced", date_start="2026-03-02 09:14:05"),
        listing("date_start else", 400, date_start="yesterday", fault="date_start"),
        listing("date_end with Z", date_end="2026-03-02T09:14:05Z"),
        listing("date_end else", 400, date_end="2026-03-02", fault="date_end"),
        listing("page_size 1", page_size="1"),
        listing("page_size 100", page_size="100"),
        listing("page_size 0", 400, page_size="0", fault="page_size"),
        listing("page_size 101", 400, page_size="101", fault="page_size"),
        listing("record_index 0", record_index="0"),
        listing("record_index -1", 400, record_index="-1", fault="record_index"),
        listing("order asc", order="asc"),
        listing("order desc", order="desc"),
        listing("order up", 400, order="up", fault="order"),
        listing("conversation_uuid", conversation_uuid="CON-0f0e0d0c-1111-4222-8333-944455566677"),
    ],
)
@run
async def test_a_parameter_of_the_list(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_both_bounds_of_time_are_inclusive_and_the_index_counts_records(world: World) -> None:
    made = [world.record(number) for number in range(7)]
    when = [one.created_at.isoformat().replace("+00:00", "Z") for one in made]
    async with world.client() as client:
        inside = await client.get("/v1/calls", params={"date_start": when[1], "date_end": when[4]})
        assert inside.json()["count"] == 4
        part = (await client.get("/v1/calls", params={"record_index": 5, "page_size": 2})).json()
        assert [one["uuid"] for one in part["_embedded"]["calls"]] == [made[5].uuid, made[6].uuid]


@table(
    "rest-api 4.2",
    [
        Row(name="count", ask="GET /v1/calls", query={"page_size": "2"}, status=200, says={"count": 5}),
        Row(name="page_size", ask="GET /v1/calls", query={"page_size": "2"}, status=200, says={"page_size": 2}),
        Row(name="page_size default", ask="GET /v1/calls", status=200, says={"page_size": 10, "record_index": 0}),
        Row(
            name="record_index", ask="GET /v1/calls", query={"record_index": "3"}, status=200, says={"record_index": 3}
        ),
        Row(
            name="links",
            ask="GET /v1/calls",
            query={"page_size": "2", "order": "asc"},
            status=200,
            says={
                "_links.self.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=0",
                "_links.first.href": "http://voice.example/v1/calls?order=asc&page_size=2",
                "_links.next.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=2",
                "_links.last.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=4",
            },
            lacks=["_links.prev"],
        ),
        Row(
            name="no next at the end",
            ask="GET /v1/calls",
            query={"page_size": "2", "record_index": "4"},
            status=200,
            says={"_links.prev.href": "http://voice.example/v1/calls?order=asc&page_size=2&record_index=2"},
            lacks=["_links.next"],
        ),
        Row(
            name="filters in the links",
            ask="GET /v1/calls",
            query={"page_size": "1", "status": "completed"},
            status=200,
            says={
                "_links.next.href": "http://voice.example/v1/calls?order=asc&page_size=1&status=completed&record_index=1"
            },
        ),
        Row(
            name="nothing found",
            ask="GET /v1/calls",
            query={"status": "busy"},
            status=200,
            says={"count": 0, "_embedded.calls": []},
            lacks=["_links.next", "_links.prev"],
        ),
    ],
)
@run
async def test_a_member_of_the_page(world: World, row: Row) -> None:
    for number in range(5):
        world.record(number)
    await prove(world, replace(row, leg=""))


# ── 5. GET /v1/calls/{uuid} ────────────────────────────────────────────────────────────────────────────────────────

ALWAYS: Final = ("uuid", "conversation_uuid", "status", "direction", "to", "from", "_links.self.href")
WHEN_ENDED: Final = ("start_time", "end_time", "duration", "rate", "price", "network")


@table(
    "rest-api 5.1",
    [
        *(
            Row(name=f"{name} of a live call", ask="GET /v1/calls/{leg}", status=200, lacks=[name])
            for name in WHEN_ENDED
        ),
        Row(
            name="a live call",
            ask="GET /v1/calls/{leg}",
            status=200,
            says={
                "uuid": LEG,
                "conversation_uuid": f"CON-{LEG}",
                "status": "answered",
                "direction": "outbound",
                "to": PHONE,
                "from": FROM,
                "_links.self.href": f"/v1/calls/{LEG}",
            },
        ),
    ],
)
@run
async def test_a_field_of_a_live_call(world: World, row: Row) -> None:
    await prove(world, row)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"rest-api 5.1 {name} of an ended call")
        for name, value in {
            "uuid": "5a6b7c8d-1111-4222-8333-000000000001",
            "conversation_uuid": "CON-5a6b7c8d-1111-4222-8333-000000000001",
            "status": "completed",
            "direction": "outbound",
            "to": PHONE,
            "from": FROM,
            "_links": {"self": {"href": "/v1/calls/5a6b7c8d-1111-4222-8333-000000000001"}},
            "start_time": "2026-03-02T09:14:06.250Z",
            "end_time": "2026-03-02T09:14:23.250Z",
            "duration": "17",
            "rate": "0.00000000",
            "price": "0.00000000",
            "network": "23410",
        }.items()
    ],
)
@run
async def test_a_field_of_an_ended_call(world: World, name: str, value: Any) -> None:
    record = world.record(1)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{record.uuid}")).json()
    assert found[name] == value


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        pytest.param(shown, shown, id=f"rest-api 5.1 shape of {shown['type']}")
        for shown in (
            {"type": "phone", "number": "447700900123"},
            {"type": "phone", "number": "anonymous"},
            {"type": "sip", "uri": "sip:bob@example.com"},
            {"type": "websocket", "uri": SOCKET, "content-type": L16, "headers": {"a": 1}},
            {"type": "app", "user": "alice"},
            {"type": "vbc", "extension": "123"},
        )
    ],
)
@run
async def test_the_far_ends_of_a_call_are_objects(world: World, kind: Any, shown: Any) -> None:
    record = world.record(1, to=kind, from_=kind)
    async with world.client() as client:
        found = (await client.get(f"/v1/calls/{record.uuid}")).json()
    assert (found["to"], found["from"]) == (shown, shown)


@run
async def test_the_network_of_a_call_that_has_none_is_unknown(world: World) -> None:
    record = world.record(1, network=None)
    async with world.client() as client:
        assert (await client.get(f"/v1/calls/{record.uuid}")).json()["network"] == "unknown"


# ── 6. PUT /v1/calls/{uuid} ────────────────────────────────────────────────────────────────────────────────────────


def change(name: str, body: Any, status: int = 204, *, fault: str = "", leg: str = "answered") -> Row:
    return Row(name=name, ask="PUT /v1/calls/{leg}", json=body, status=status, fault=fault, leg=leg)


@table(
    "rest-api 6",
    [
        *(change(action, {"action": action}) for action in ("hangup", "mute", "unmute", "earmuff", "unearmuff")),
        change("transfer by url", {"action": "transfer", "destination": {"type": "ncco", "url": [URL]}}),
        change("transfer by ncco", MOVE),
        change("mute when muted", {"action": "mute"}),
        change("url wins", {"action": "transfer", "destination": {"type": "ncco", "url": [URL], "ncco": TALK}}),
        change(
            "neither url nor ncco", {"action": "transfer", "destination": {"type": "ncco"}}, 400, fault="destination"
        ),
        change("url of two", {"action": "transfer", "destination": {"url": [URL, URL]}}, 400, fault="destination.url"),
        change("url as string", {"action": "transfer", "destination": {"url": URL}}, 400, fault="destination.url"),
        change("unknown action", {"action": "dance"}, 400, fault="action"),
        change("no action", {}, 400, fault="action"),
        change("hangup right after creation", {"action": "hangup"}, leg="started"),
    ],
)
@run
async def test_a_change_of_a_call(world: World, row: Row) -> None:
    await prove(world, row)


# ── 7. Media in a live call ────────────────────────────────────────────────────────────────────────────────────────

FILE: Final = ["https://a.example/a.mp3"]


def media(path: str, name: str, body: Any, status: int = 200, *, fault: str = "", message: str = "") -> Row:
    says = {"message": message, "uuid": LEG} if message else {}
    return Row(name=name, ask=f"PUT /v1/calls/{{leg}}/{path}", json=body, status=status, fault=fault, says=says)


@table(
    "rest-api 7.1",
    [
        media("stream", "stream_url", {"stream_url": FILE}, message="Stream started"),
        media("stream", "stream_url missing", {}, 400, fault="stream_url"),
        media("stream", "stream_url string", {"stream_url": FILE[0]}, 400, fault="stream_url"),
        media("stream", "stream_url two", {"stream_url": FILE * 2}, 400, fault="stream_url"),
        media("stream", "loop 0", {"stream_url": FILE, "loop": 0}),
        media("stream", "loop -1", {"stream_url": FILE, "loop": -1}, 400, fault="loop"),
        media("stream", "level -1", {"stream_url": FILE, "level": "-1"}),
        media("stream", "level 1", {"stream_url": FILE, "level": 1}),
        media("stream", "level 1.1", {"stream_url": FILE, "level": 1.1}, 400, fault="level"),
        Row(
            name="stopped",
            ask="DELETE /v1/calls/{leg}/stream",
            status=200,
            says={"message": "Stream stopped", "uuid": LEG},
        ),
    ],
)
@run
async def test_a_stream_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


PAUSES: Final = '<break time="1s"/>' * 100
LANGUAGES: Final = (
    "ar ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-DE el-GR en-AU en-GB en-GB-WLS en-IN en-US en-ZA es-ES es-MX es-US "
    "eu-ES fi-FI fil-PH fr-CA fr-FR he-IL hi-IN hu-HU id-ID is-IS it-IT ja-JP ko-KR nb-NO nl-NL no-NO pl-PL pt-BR "
    "pt-PT ro-RO ru-RU sk-SK sv-SE th-TH tr-TR uk-UA vi-VN yue-CN"
)


@table(
    "rest-api 7.2",
    [
        media("talk", "text", {"text": "Hello"}, message="Talk started"),
        media("talk", "text missing", {}, 400, fault="text"),
        media("talk", "text empty", {"text": ""}, 400, fault="text"),
        media("talk", "text of 1500", {"text": "a" * 1500}),
        media("talk", "text of 1501", {"text": "a" * 1501}, 400, fault="text"),
        media("talk", "SSML tags do not count", {"text": f"<speak>{PAUSES}{'a' * 1500}</speak>"}),
        media("talk", "style 0", {"text": "a", "style": 0}),
        media("talk", "style -1", {"text": "a", "style": -1}, 400, fault="style"),
        media("talk", "premium", {"text": "a", "premium": True}),
        media("talk", "voice_name", {"text": "a", "voice_name": "Kimberly"}),
        media("talk", "voice_name unknown", {"text": "a", "voice_name": "Nobody"}),
        media("talk", "loop 0", {"text": "a", "loop": 0}),
        media("talk", "level -1", {"text": "a", "level": -1}),
        media("talk", "level -1.1", {"text": "a", "level": "-1.1"}, 400, fault="level"),
        media("talk", "language unknown", {"text": "a", "language": "xx-XX"}, 400, fault="language"),
        *(media("talk", f"language {one}", {"text": "a", "language": one}) for one in LANGUAGES.split()),
        Row(
            name="stopped", ask="DELETE /v1/calls/{leg}/talk", status=200, says={"message": "Talk stopped", "uuid": LEG}
        ),
    ],
)
@run
async def test_a_text_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


@run
async def test_defaults_of_a_text(world: World) -> None:
    await prove(world, media("talk", "defaults", {"text": "Hello"}))
    (event,) = world.calls.events
    assert isinstance(event, PlayAsked)
    assert isinstance(event.source, Speech)
    assert (event.source.language, event.source.style, event.source.premium) == ("en-US", 0, False)
    assert (event.loop, event.level) == (1, 0.0)


@table(
    "rest-api 7.3",
    [
        media("dtmf", "digits", {"digits": "12p*#"}, message="DTMF sent"),
        media("dtmf", "A to D", {"digits": "ABCDabcd"}),
        media("dtmf", "500 digits", {"digits": "1" * 500}),
        media("dtmf", "501 digits", {"digits": "1" * 501}, 400, fault="digits"),
        media("dtmf", "missing", {}, 400, fault="digits"),
        media("dtmf", "empty", {"digits": ""}, 400, fault="digits"),
        media("dtmf", "other characters", {"digits": "1x"}, 400, fault="digits"),
    ],
)
@run
async def test_keys_into_a_call(world: World, row: Row) -> None:
    await prove(world, row)


@table(
    "rest-api 7.4",
    [
        media("input/dtmf", "event_url", {"event_url": [URL]}),
        media("input/dtmf", "event_url string", {"event_url": URL}),
        media("input/dtmf", "eventUrl", {"eventUrl": [URL]}),
        media("input/dtmf", "missing", {}, 400, fault="event_url"),
        Row(name="unsubscribe without", ask="DELETE /v1/calls/{leg}/input/dtmf", status=200),
        Row(
            name="subscribe before the answer",
            ask="PUT /v1/calls/{leg}/input/dtmf",
            json={"event_url": [URL]},
            status=200,
            leg="ringing",
        ),
    ],
)
@run
async def test_listening_to_keys(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if row.status == 200:
        assert answer.json() == {}


# ── 9. POST /v2/calls ──────────────────────────────────────────────────────────────────────────────────────────────


@table(
    "rest-api 9",
    [
        Row(name="answers 202", ask="POST /v2/calls", json=CREATE, status=202),
        Row(
            name="from is required",
            ask="POST /v2/calls",
            json={"to": [PHONE], "random_from_number": True, "ncco": TALK},
            status=400,
            fault="from",
        ),
        Row(
            name="app users",
            ask="POST /v2/calls",
            json={**CREATE, "to": [{"type": "app", "user": "alice"}]},
            status=202,
        ),
    ],
)
@run
async def test_the_second_version(world: World, row: Row) -> None:
    answer = await prove(world, row)
    if row.status == 202:
        assert answer.json() == {}


# ── 10. Errors ─────────────────────────────────────────────────────────────────────────────────────────────────────

TYPES: Final = "https://developer.vonage.com/api-errors"


@table(
    "rest-api 10.2",
    [
        Row(
            name="400",
            ask="POST /v1/calls",
            json={},
            status=400,
            fault="to",
            says={
                "type": 400,
                "title": "Bad Request",
                "detail": "The request failed due to validation errors",
            },
        ),
        Row(
            name="401",
            ask="GET /v1/calls",
            status=401,
            who="stranger",
            says={"type": "UNAUTHORIZED", "title": "Unauthorized", "error_title": "Unauthorized"},
        ),
        Row(
            name="404",
            ask=f"GET /v1/calls/{UNKNOWN_LEG}",
            status=404,
            says={"type": 404, "title": "Not Found"},
        ),
        Row(
            name="405",
            ask="PATCH /v1/calls",
            status=405,
            says={"type": f"{TYPES}#wrong-verb", "title": "Request method not allowed"},
        ),
        Row(
            name="406",
            ask="GET /v1/calls",
            headers={"Accept": "text/html"},
            status=406,
            says={"type": f"{TYPES}#accept-header", "title": "Invalid Accept header"},
        ),
        Row(
            name="413",
            ask="POST /v1/calls",
            headers=JSON,
            content='{"to":"' + "a" * 1_048_600 + '"}',
            status=413,
            says={"type": f"{TYPES}#invalid-params", "title": "Payload Too Large"},
        ),
        Row(
            name="415",
            ask="POST /v1/calls",
            headers={"Content-Type": "text/plain"},
            content="{}",
            status=415,
            says={"type": f"{TYPES}#content-type-header", "title": "Unsupported Content-Type header"},
        ),
    ],
)
@run
async def test_a_refusal_has_the_body_of_the_table(world: World, row: Row) -> None:
    answer = await prove(world, row)
    found = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert found["instance"] == answer.headers["x-nexmo-trace-id"]
    assert isinstance(found["detail"], str)
    assert found["detail"]
    if row.status == 405:
        assert answer.headers["allow"] == "GET, POST"


@run
async def test_403_429_500_and_503_have_the_bodies_of_the_table(world: World) -> None:
    async with world.client("bare") as client:
        answer = await client.get("/v1/calls")
    assert (answer.status_code, answer.json()["type"], answer.json()["title"]) == (
        403,
        f"{TYPES}#forbidden",
        "Forbidden",
    )
    limited = world.with_options(requests_per_second=1)
    async with limited.client() as client:
        await client.get("/v1/calls")
        answer = await client.get("/v1/calls")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    found = answer.json()
    assert (found["type"], found["title"]) == (f"{TYPES}#rate-limit", "Rate Limit Hit")
    assert found["detail"] == "Please wait, then retry your request"
    world.shelf.fails = RuntimeError("the disk said something nobody shall read")
    async with world.client() as client:
        answer = await client.get("/v1/calls")
    found = answer.json()
    assert (answer.status_code, found["type"], found["title"]) == (500, TYPES, "Internal Server Error")
    assert "disk" not in answer.text
    world.refuses = "the store is behind"
    async with world.client() as client:
        answer = await client.post("/v1/calls", json=CREATE)
    assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")
    assert answer.json()["type"] == TYPES
    assert "retry-after" in answer.headers


@table(
    "rest-api 10.3",
    [
        Row(
            name="no JSON",
            ask="POST /v1/calls",
            headers=JSON,
            content="{to",
            status=400,
            says={"invalid_parameters": []},
        ),
        Row(name="no object", ask="POST /v1/calls", json=[1], status=400, says={"invalid_parameters": []}),
        change("wrong field inside", {"action": "transfer", "destination": {"url": 7}}, 400, fault="destination.url"),
        Row(
            name="not answered yet",
            ask="PUT /v1/calls/{leg}/talk",
            json={"text": "a"},
            status=400,
            leg="ringing",
            says={"invalid_parameters": [{"name": "uuid", "reason": "call is not active"}]},
        ),
        Row(
            name="unknown uuid",
            ask=f"GET /v1/calls/{UNKNOWN_LEG}",
            status=404,
            says={"detail": f"Call '{UNKNOWN_LEG}' does not exist, or you do not have access"},
        ),
        Row(
            name="malformed uuid",
            ask="GET /v1/calls/nonsense",
            status=404,
            says={"detail": "Call 'nonsense' does not exist, or you do not have access"},
        ),
        Row(name="wrong method", ask="POST /v1/calls/{leg}", json={}, status=405),
        Row(
            name="another content type",
            ask="PUT /v1/calls/{leg}",
            headers={"Content-Type": "text/xml"},
            content="<a/>",
            status=415,
        ),
        Row(name="no content type", ask="PUT /v1/calls/{leg}", content='{"action":"mute"}', status=204),
    ],
)
@run
async def test_a_situation_is_answered_as_the_table_says(world: World, row: Row) -> None:
    await prove(world, row)


def test_the_application_of_the_rows_has_numbers_of_two_countries(world: World) -> None:
    assert [one.msisdn for one in world.directory.numbers_of(APP)] == ["447700900900", "12025550100"]
