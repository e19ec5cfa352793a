"""What the official libraries for Java, PHP, Ruby, .NET and Go send, byte for byte as far as it matters, over a socket;
and whether what comes back is what each of them can parse.

The shapes are those of Java 9.13, PHP (client-core of July 2026), Ruby 7.35, .NET 8.35 and Go (January 2024).
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from ringline.server.web import WebListener

from .world import APP, KEY, LEG, SECRET, World

JAVA: Final = {"User-Agent": "vonage-java-sdk/9.13.0 java/17.0.9"}
PHP: Final = {"User-Agent": "vonage-php/4.9.0 php/8.3.1", "content-type": "application/json"}
RUBY: Final = {"User-Agent": "vonage-ruby/7.35.0 ruby/3.3.0", "Accept": "application/json"}
DOTNET: Final = {"User-Agent": "vonage-dotnet/8.35.0 dotnet/8.0.1"}
GO: Final = {"User-Agent": "vonage-go/0.10.0", "Accept": "application/json", "Content-Type": "application/json"}
JSON: Final = {"Content-Type": "application/json"}
TO: Final = [{"type": "phone", "number": "447700900123"}]
FROM: Final = {"type": "phone", "number": "447700900900"}
SCRIPT: Final = [{"action": "talk", "text": "Hello"}]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        """Strictly what Node and Ruby decode: the media type is `application/json` and nothing else."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.text)


class Wire:
    """The API on a real port, and requests as they come."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._listener = WebListener(world.app)
        self._run(lambda: self._listener.start("127.0.0.1", 0, key="server.http_port"))
        self._connection = http.client.HTTPConnection("127.0.0.1", self._listener.port, timeout=10)

    def close(self) -> None:
        self._connection.close()
        self._run(self._listener.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def token(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world.token(**claims)}"}

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Reply:
        """Send a request on the connection that the last one left open, as these libraries do."""
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        self._connection.request(method, path, data, dict(headers))
        answer = self._connection.getresponse()
        text = answer.read().decode()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def _run(self, work: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(World(tmp_path))
    yield wire
    wire.close()


def _basic() -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()}


def _is_created(reply: Reply) -> None:
    assert reply.status == 201
    body = reply.body
    assert all(isinstance(body[name], str) for name in ("uuid", "status", "direction", "conversation_uuid"))
    UUID(body["uuid"])


# ── Java ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_java_creates_with_the_defaults_it_always_sends(wire: Wire) -> None:
    body = {"to": TO, "answer_url": ["https://a.example/answer"], "answer_method": "GET", "random_from_number": True}
    _is_created(wire.ask("POST", "/v1/calls", {**JAVA, **JSON, **wire.token()}, body))
    (made,) = wire.world.calls.created
    assert made.from_.address in ("447700900900", "12025550100")


def test_java_reads_times_as_instants_and_errors_with_a_number_as_type(wire: Wire) -> None:
    record = wire.world.record(1)
    ended = wire.ask("GET", f"/v1/calls/{record.uuid}", {**JAVA, **wire.token()}).body
    for name in ("start_time", "end_time"):
        assert ended[name].endswith("Z")
        datetime.fromisoformat(ended[name])
    assert int(ended["duration"]) == 17
    refused = wire.ask("POST", "/v1/calls", {**JAVA, **JSON, **wire.token()}, {}).body
    assert set(refused) >= {"title", "detail", "type", "instance", "invalid_parameters"}


def test_java_lists_all_applications_on_one_page_and_writes_the_older_timeout(wire: Wire) -> None:
    hook = {"address": "https://a.example/answer", "http_method": "GET", "connection_timeout": 700}
    wish = {"name": "J", "capabilities": {"voice": {"webhooks": {"answer_url": hook}}}}
    made = wire.ask("POST", "/v2/applications", {**JAVA, **JSON, **_basic()}, wish).body
    url = made["capabilities"]["voice"]["webhooks"]["answer_url"]
    assert url["connect_timeout"] == url["connection_timeout"] == 700
    page = wire.ask("GET", "/v2/applications?page_size=1000", {**JAVA, **_basic()}).body
    assert made["id"] in [one["id"] for one in page["_embedded"]["applications"]]


# ── PHP ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_php_sends_numbers_as_strings(wire: Wire) -> None:
    body = {"to": TO, "from": FROM, "ncco": SCRIPT, "length_timer": "7200", "ringing_timer": "60"}
    _is_created(wire.ask("POST", "/v1/calls", {**PHP, **wire.token()}, body))
    wire.world.calls.put(LEG)
    loud = {"stream_url": ["https://a.example/a.mp3"], "loop": "1", "level": "0"}
    assert wire.ask("PUT", f"/v1/calls/{LEG}/stream", {**PHP, **wire.token()}, loud).body["message"] == "Stream started"
    said = {"text": "Hello", "loop": "1", "level": "0", "language": "en-US", "style": "0"}
    assert wire.ask("PUT", f"/v1/calls/{LEG}/talk", {**PHP, **wire.token()}, said).body["uuid"] == LEG


def test_php_says_json_on_requests_without_a_body_and_counts_pages_its_own_way(wire: Wire) -> None:
    wire.world.record(1)
    page = wire.ask("GET", "/v1/calls?page_index=1&page_size=10", {**PHP, **wire.token()}).body
    assert len(page["_embedded"]["calls"]) == 1
    wire.world.calls.put(LEG)
    assert wire.ask("DELETE", f"/v1/calls/{LEG}/talk", {**PHP, **wire.token()}).status == 200


def test_php_needs_both_times_of_a_live_call(wire: Wire) -> None:
    wire.world.calls.put(LEG)
    live = wire.ask("GET", f"/v1/calls/{LEG}", {**PHP, **wire.token()}).body
    assert datetime.fromisoformat(live["start_time"]).tzinfo is not None
    assert live["end_time"] == ""


def test_php_spells_the_event_url_its_own_way(wire: Wire) -> None:
    wire.world.calls.put(LEG)
    body = {"eventUrl": ["https://a.example/keys"]}
    assert wire.ask("PUT", f"/v1/calls/{LEG}/input/dtmf", {**PHP, **wire.token()}, body).body == {}
    assert wire.ask("DELETE", f"/v1/calls/{LEG}/input/dtmf", {**PHP, **wire.token()}).body == {}


def test_php_reads_both_webhooks_without_looking(wire: Wire) -> None:
    wish = {"name": "P", "keys": [], "capabilities": {"voice": {"webhooks": []}}, "privacy": {"improve_ai": False}}
    reply = wire.ask("POST", "/v2/applications", {**PHP, **_basic()}, {**wish, "capabilities": {"voice": {}}})
    hooks = reply.body["capabilities"]["voice"]["webhooks"]
    assert [set(hooks[name]) >= {"address", "http_method"} for name in ("answer_url", "event_url")] == [True, True]


# ── Ruby ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ruby_pages_by_offset_until_the_count_is_reached(wire: Wire) -> None:
    for number in range(5):
        wire.world.record(number)
    found: list[str] = []
    index = 0
    while True:
        page = wire.ask("GET", f"/v1/calls?page_size=2&record_index={index}", {**RUBY, **wire.token()}).body
        found += [one["uuid"] for one in page["_embedded"]["calls"]]
        if index + page["page_size"] >= page["count"]:
            break
        index = page["record_index"] + page["page_size"]
    assert len(found) == len(set(found)) == 5


def test_ruby_builds_its_message_from_the_error_body(wire: Wire) -> None:
    refused = wire.ask("GET", "/v1/calls", {**RUBY, "Authorization": "Bearer nonsense"}).body
    assert refused["error_title"] == "Unauthorized"
    wrong = wire.ask("POST", "/v1/calls", {**RUBY, **JSON, **wire.token()}, {"to": TO}).body
    assert all(wrong[name] for name in ("title", "detail", "type"))


def test_ruby_keeps_the_key_in_a_form(wire: Wire) -> None:
    form = f"country=FR&msisdn=33123456789&app_id={APP}"
    headers = {**RUBY, **_basic(), "Content-Type": "application/x-www-form-urlencoded"}
    assert wire.ask("POST", "/number/update", headers, form).body == {
        "error-code": "200",
        "error-code-label": "success",
    }


# ── .NET ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dotnet_tokens_have_no_end_and_an_id_of_their_own_kind(wire: Wire) -> None:
    claims = {"exp": None, "jti": base64.b64encode(bytes(range(64))).decode()}
    body = {"to": TO, "from": FROM, "ncco": SCRIPT}
    _is_created(wire.ask("POST", "/v1/calls", {**DOTNET, **JSON, **wire.token(**claims)}, body))


def test_dotnet_sends_bodies_with_delete(wire: Wire) -> None:
    wire.world.calls.put(LEG)
    for path in ("stream", "talk"):
        reply = wire.ask("DELETE", f"/v1/calls/{LEG}/{path}", {**DOTNET, **JSON, **wire.token()}, "{}")
        assert (reply.status, set(reply.body)) == (200, {"message", "uuid"})
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    assert wire.ask("DELETE", f"/v1/calls/{LEG}/input/dtmf", {**DOTNET, **form, **wire.token()}).status == 200


def test_dotnet_always_says_whether_the_voice_is_premium(wire: Wire) -> None:
    wire.world.calls.put(LEG)
    body = {"text": "Hello", "premium": False, "level": "0.4", "loop": "1"}
    assert wire.ask("PUT", f"/v1/calls/{LEG}/talk", {**DOTNET, **JSON, **wire.token()}, body).status == 200


# ── Go ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_go_ends_the_path_with_a_slash_and_keeps_one_token(wire: Wire) -> None:
    token = wire.token(jti="for ever")
    for text in ("one", "two"):
        body = {"to": TO, "from": FROM, "ncco": [{"action": "talk", "text": text, "voice_name": "Amy"}]}
        _is_created(wire.ask("POST", "/v1/calls/", {**GO, **token}, body))
    assert len(wire.world.calls.created) == 2
    assert wire.ask("GET", "/v1/calls/?", {**GO, **token}).status == 200


def test_go_reads_errors_into_a_struct_with_a_whole_number(wire: Wire) -> None:
    wrong = wire.ask("POST", "/v1/calls/", {**GO, **wire.token()}, {"to": TO})
    assert (wrong.status, wrong.body["type"]) == (400, 400)
    missing = wire.ask("GET", f"/v1/calls/{LEG}", {**GO, **wire.token()})
    assert (missing.status, missing.body["type"]) == (404, 404)
    applications = wire.ask("GET", f"/v2/applications/{LEG}", {**GO, **_basic()})
    assert isinstance(applications.body["type"], str)


def test_go_puts_key_and_secret_into_the_query(wire: Wire) -> None:
    page = wire.ask("GET", f"/account/numbers?api_key={KEY}&api_secret={SECRET}", GO).body
    assert page["count"] == 3
    nothing = wire.ask("GET", f"/account/numbers?api_key={KEY}&api_secret={SECRET}&pattern=999", GO).body
    assert nothing == {"count": 0, "numbers": []}


# ── all ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("headers", [JAVA, PHP, RUBY, DOTNET, GO])
def test_a_change_is_answered_204_without_a_body_and_a_refusal_never_without_one(
    wire: Wire, headers: Mapping[str, str]
) -> None:
    wire.world.calls.put(LEG)
    changed = wire.ask("PUT", f"/v1/calls/{LEG}", {**headers, **JSON, **wire.token()}, {"action": "mute"})
    assert (changed.status, changed.text) == (204, "")
    for method, path, status in (("GET", "/v1/nothing", 404), ("PATCH", "/v1/calls", 405), ("GET", "/v1/calls", 401)):
        refused = wire.ask(method, path, headers)
        assert refused.status == status
        assert {"title", "detail", "type"} <= set(refused.body)
