"""The reference of the official libraries: what Python and Node send and parse (chapters 5 and 6), over a real port.

Java, PHP, Ruby, .NET and Go are in `tests/api/test_library_shapes.py`; the libraries themselves in `tests/interop`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.api.test_library_shapes import Wire
from tests.api.world import APP, KEY, LEG, SECRET, World

PYTHON: Final = {
    "User-Agent": "vonage-python-sdk/4.9.1 python/3.11.7",
    "Accept": "application/json",
    "Content-Type": "application/json",
}
NODE: Final = {"user-agent": "@vonage/server-sdk/3.0.0, node/20.20.2,", "accept": "*/*"}
NODE_JSON: Final = {**NODE, "Content-Type": "application/json"}
TALK: Final = [{"action": "talk", "text": "Hello"}]
PHONE: Final = {"type": "phone", "number": "447700900123"}
SIP: Final = {"type": "sip", "uri": "sip:bob@example.com", "headers": {"a": "b"}, "standard_headers": {}}
BASIC: Final = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = Wire(World(tmp_path))
    made.world.calls.put(LEG)
    yield made
    made.close()


def voice(name: str, ask: str, headers: Mapping[str, str], body: Any, status: int) -> Any:
    return pytest.param(ask, headers, body, status, id=f"sdks 5 {name}")


@pytest.mark.parametrize(
    ("ask", "headers", "body", "status"),
    [
        voice(
            "Python from as a string",
            "POST /v1/calls",
            PYTHON,
            {"to": [PHONE], "from": "447700900900", "ncco": TALK},
            201,
        ),
        voice("Python page_size 100", "GET /v1/calls?page_size=100&record_index=0", PYTHON, None, 200),
        voice("Python JSON type on GET", f"GET /v1/calls/{LEG}", PYTHON, None, 200),
        voice("Python JSON type on DELETE", f"DELETE /v1/calls/{LEG}/talk", PYTHON, None, 200),
        voice("Python level as number", f"PUT /v1/calls/{LEG}/talk", PYTHON, {"text": "Hi", "level": 0.5}, 200),
        voice("Python PUT call", f"PUT /v1/calls/{LEG}", PYTHON, {"action": "mute"}, 204),
        voice(
            "Node standard_headers empty",
            "POST /v1/calls",
            NODE_JSON,
            {"to": [SIP], "from": PHONE, "ncco": TALK},
            201,
        ),
        voice(
            "Node extra keys",
            "POST /v1/calls",
            NODE_JSON,
            {"to": [PHONE], "from": PHONE, "ncco": TALK, "some_key": 1},
            201,
        ),
        voice(
            "Node level as string",
            f"PUT /v1/calls/{LEG}/stream",
            NODE_JSON,
            {"stream_url": ["https://a.example/a.mp3"], "loop": 1, "level": "0"},
            200,
        ),
        voice("Node GET", "GET /v1/calls", NODE, None, 200),
        voice(
            "Node subscribe", f"PUT /v1/calls/{LEG}/input/dtmf", NODE_JSON, {"event_url": ["https://a.example"]}, 200
        ),
        voice("Node unsubscribe", f"DELETE /v1/calls/{LEG}/input/dtmf", NODE, None, 200),
    ],
)
def test_what_python_and_node_send_for_voice_is_taken(
    wire: Wire, ask: str, headers: Mapping[str, str], body: Any, status: int
) -> None:
    method, path = ask.split()
    reply = wire.ask(method, path, {**headers, **wire.token()}, body)
    assert reply.status == status, reply.text
    if status != 204:
        assert isinstance(reply.body, dict)


def test_python_posts_a_form_that_says_it_is_json(wire: Wire) -> None:
    body = f"country=GB&msisdn=447700900900&app_id={APP}"
    reply = wire.ask("POST", "/number/update", {**PYTHON, **BASIC}, body)
    assert (reply.status, reply.body) == (200, {"error-code": "200", "error-code-label": "success"})


def test_python_makes_an_application_from_nothing_and_is_told_what_lacks(wire: Wire) -> None:
    reply = wire.ask("POST", "/v2/applications", {**PYTHON, **BASIC}, "")
    assert reply.status == 400
    assert [one["name"] for one in reply.body["invalid_parameters"]] == ["name"]


def test_a_clock_that_is_off_can_be_seen_by_the_date(wire: Wire) -> None:
    reply = wire.ask("GET", "/v1/calls", {})
    assert reply.status == 401
    assert reply.headers["date"].endswith("GMT")


@pytest.mark.parametrize("host", [pytest.param(one, id=f"sdks 3 {one}") for one in ("api.nexmo.com", "rest.nexmo.com")])
def test_any_host_is_answered_and_is_the_base_of_links(wire: Wire, host: str) -> None:
    wire.world.record(1)
    wire.world.record(2)
    reply = wire.ask("GET", "/v1/calls?page_size=1", {**NODE, **wire.token(), "Host": host})
    assert reply.body["_links"]["next"]["href"].startswith(f"http://{host}/v1/calls?")
    numbers = wire.ask("GET", "/account/numbers", {**NODE, **BASIC, "Host": host})
    assert numbers.body["count"] == 3


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param(path, kind, id=f"sdks 6 {path}")
        for path, kind in (
            ("count", int),
            ("page_size", int),
            ("record_index", int),
            ("_embedded.calls", list),
            ("_links.self.href", str),
            ("_embedded.calls.0.to", dict),
            ("_embedded.calls.0.from", dict),
            ("_embedded.calls.0.rate", str),
            ("_embedded.calls.0.price", str),
            ("_embedded.calls.0.duration", str),
            ("_embedded.calls.0.start_time", str),
            ("_embedded.calls.0.end_time", str),
            ("_embedded.calls.0._links.self.href", str),
        )
    ],
)
def test_a_member_of_a_page_is_of_the_type_the_libraries_read(wire: Wire, path: str, kind: type[Any]) -> None:
    wire.world.record(1)
    found = wire.ask("GET", "/v1/calls", {**NODE, **wire.token()}).body
    for step in path.split("."):
        found = found[int(step)] if step.isdigit() else found[step]
    assert isinstance(found, kind)
