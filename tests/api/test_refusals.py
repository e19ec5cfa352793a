"""Wrong requests of every kind get a body that all libraries can read, and never a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringline.base import ProviderError

from .world import LEG, World, run

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"[]",
        b"7",
        b'"text"',
        b"null",
        b'{"a":',
        b'{"a": NaN}',
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/calls"), ("PUT", f"/v1/calls/{LEG}/talk")])
@run
async def test_a_body_that_is_no_json_object_is_a_bad_request(
    world: World, content: bytes, method: str, path: str
) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        answer = await client.request(method, path, content=content, headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["invalid_parameters"] == []
    assert answer.json()["type"] == 400


@run
async def test_a_byte_order_mark_before_the_json_is_passed_over(world: World) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        answer = await client.request("PUT", f"/v1/calls/{LEG}", content=b'\xef\xbb\xbf{"action":"mute"}', headers=JSON)
    assert answer.status_code == 204


@run
async def test_another_content_type_is_not_supported(world: World) -> None:
    world.calls.put(LEG)
    async with world.client() as client:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
            headers = {"Content-Type": content_type}
            answer = await client.put(f"/v1/calls/{LEG}", content=b'{"action":"hangup"}', headers=headers)
            assert answer.status_code == 415
            assert answer.json()["title"] == "Unsupported Content-Type header"
            assert answer.json()["type"].endswith("#content-type-header")
        headers = {"Content-Type": "Application/JSON; charset=utf-8"}
        answer = await client.put(f"/v1/calls/{LEG}", content=b'{"action":"hangup"}', headers=headers)
        assert answer.status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/calls", "GET, POST"),
        ("PATCH", f"/v1/calls/{LEG}", "GET, PUT"),
        ("DELETE", f"/v1/calls/{LEG}/dtmf", "PUT"),
        ("GET", f"/v1/calls/{LEG}/talk", "DELETE, PUT"),
        ("POST", f"/v1/calls/{LEG}/input/dtmf/", "DELETE, PUT"),
        ("PUT", "/v1/files/x", "GET, HEAD"),
        ("PUT", "/v2/applications", "GET, POST"),
        ("OPTIONS", "/v1/calls", "GET, POST"),
    ],
)
@run
async def test_a_wrong_method_tells_the_right_ones(world: World, method: str, path: str, allowed: str) -> None:
    async with world.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    found = answer.json()
    assert (found["title"], found["detail"]) == (
        "Request method not allowed",
        f"Request method '{method}' not supported",
    )
    assert found["type"].endswith("#wrong-verb")


@pytest.mark.parametrize(
    "path", ["/", "/v1", f"/v1/calls/{LEG}/transcription", "/v1/calls/a/b", "/redoc", "/beta/legs"]
)
@run
async def test_an_unknown_path_is_not_found(world: World, path: str) -> None:
    async with world.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert (answer.json()["type"], answer.json()["title"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("application/*", 200),
        ("", 200),
        ("text/html, application/hal+json", 200),
        ("text/html", 406),
    ],
)
@run
async def test_the_client_must_take_json(world: World, accept: str, status: int) -> None:
    async with world.client() as client:
        answer = await client.get("/v1/calls", headers={"Accept": accept})
    assert answer.status_code == status
    if status == 406:
        assert answer.json()["type"].endswith("#accept-header")


@run
async def test_a_long_body_is_refused_with_an_answer(world: World) -> None:
    world = world.with_options(max_body_bytes=1000)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100
            yield b" " * 100

    async with world.client() as client:
        answer = await client.post("/v1/calls", content=b" " * 1001, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["title"] == "Payload Too Large"
        answer = await client.post("/v1/calls", content=endless(), headers=JSON)
        assert answer.status_code == 413
    assert taken <= 10_000


@run
async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(world: World) -> None:
    world = world.with_options(body_timeout_s=0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with world.client() as client:
        answer = await client.post("/v1/calls", content=stalled(), headers=JSON)
    assert answer.status_code == 408


@run
async def test_a_bug_tells_nothing_of_the_inside(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.shelf.fails = RuntimeError("the secret inside")
    async with world.client() as client:
        answer = await client.get("/v1/calls")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    found = answer.json()
    assert found["title"] == "Internal Server Error"
    assert found["type"] == "https://developer.vonage.com/api-errors"
    assert found["instance"] == answer.headers["x-nexmo-trace-id"]
    [logged] = [one for one in caplog.records if one.levelname == "ERROR"]
    assert vars(logged)["ringline_fields"]["trace"] == found["instance"]


@run
async def test_a_failing_store_is_said_to_be_unavailable(world: World) -> None:
    world.shelf.fails = ProviderError("disk on fire")
    async with world.client() as client:
        answer = await client.get("/v1/calls")
    assert answer.status_code == 503
    assert "fire" not in answer.text
    assert answer.headers["retry-after"] == "1"


@run
async def test_each_request_is_measured_by_its_route_and_logged_without_its_query(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ringline.api")
    world.calls.put(LEG)
    async with world.client() as client:
        await client.get(f"/v1/calls/{LEG}/")
        await client.get("/account/get-balance", params={"api_key": "abcd1234", "api_secret": "hunter2"})
        await client.get("/nowhere")
    assert world.measured == [
        ("GET", "/v1/calls/{uuid}", 200),
        ("GET", "/account/get-balance", 401),
        ("GET", "", 404),
    ]
    fields = [vars(one)["ringline_fields"] for one in caplog.records]
    assert [one["path"] for one in fields] == [f"/v1/calls/{LEG}", "/account/get-balance", "/nowhere"]
    assert "hunter2" not in str(fields)
    assert fields[0]["jti"] == "one"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = st.sampled_from(
    [
        "to",
        "from",
        "ncco",
        "answer_url",
        "event_url",
        "event_method",
        "random_from_number",
        "advanced_machine_detection",
        "length_timer",
        "action",
        "destination",
        "text",
        "level",
        "digits",
        "stream_url",
        "language",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    content=st.dictionaries(_FIELDS, _JSON, max_size=6),
    where=st.sampled_from(
        [("POST", "/v1/calls"), ("PUT", f"/v1/calls/{LEG}"), ("PUT", f"/v1/calls/{LEG}/talk")]
        + [("PUT", f"/v1/calls/{LEG}/{what}") for what in ("stream", "dtmf", "input/dtmf")]
    ),
)
def test_no_json_whatsoever_makes_it_stumble(
    tmp_path_factory: pytest.TempPathFactory, content: Any, where: tuple[str, str]
) -> None:
    world = World(tmp_path_factory.getbasetemp())

    async def send() -> None:
        world.calls.put(LEG)
        async with world.client() as client:
            answer = await client.request(where[0], where[1], json=content)
        assert answer.status_code in (200, 201, 204, 400)

    asyncio.run(send())
