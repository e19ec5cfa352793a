"""Conventions, paths and refusals (REST reference, sections 1, 2, 9 and 10), row by row.

Files (section 8) are in `tests/api/test_files.py`, the states of a call (section 11) in `tests/api/test_calls.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import pytest
from tests.api.world import APP, UNKNOWN_LEG, World, run

from .rows import Row, prove, table
from .voice import CREATE, PHONE, TALK, URL, change, create

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
