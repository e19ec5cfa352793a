"""`examples/contact_centre.py` as it is, between two softphones: menu, agent, survey; every event and all audio."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask, Response, request
from vonage import Auth, Vonage
from werkzeug.serving import make_server

from ringline.testing.audio import has_tone, level_dbfs

from .baresip import Baresip
from .installation import API_KEY, API_SECRET, Installation
from .installation import FREE_NUMBER as NUMBER
from .ports import free_port

pytestmark = pytest.mark.interop

EXAMPLES = Path(__file__).parents[2] / "examples"
CALLER = "447700900555"
LATEST_BYTES = 8000
"Of audio that counts as now: half a second."


@dataclass(slots=True)
class Asked:
    """One request to the example, and what it answered."""

    method: str
    path: str
    fields: dict[str, Any]
    answer: Any = None
    at: float = field(default_factory=time.monotonic)
    answered_at: float = 0.0


class Requests:
    """All of them, as something to wait for."""

    def __init__(self, flask: Flask) -> None:
        self.all: list[Asked] = []
        self._changed = threading.Condition()
        flask.before_request(self._note)
        flask.after_request(self._answered)

    def wait(self, path: str, what: Callable[[dict[str, Any]], bool] = bool, *, within_s: float = 30.0) -> Asked:
        def found() -> Asked | None:
            return next((one for one in self.all if one.path == path and what(one.fields)), None)

        with self._changed:
            if not self._changed.wait_for(lambda: found() is not None, within_s):
                told = "\n".join(f"{one.method} {one.path} {one.fields}" for one in self.all)
                raise AssertionError(f"no such {path} within {within_s} s:\n{told}")
            one = found()
            assert one is not None
            return one

    def of(self, leg: str) -> list[str]:
        """What was told about a leg, in order: statuses, and `transfer`."""
        told = [one.fields for one in self.all if one.path == "/event" and one.fields.get("uuid") == leg]
        return [one.get("status") or one["type"] for one in told]

    def _note(self) -> None:
        body = request.get_json(silent=True)
        with self._changed:
            self.all.append(Asked(request.method, request.path, body if body is not None else request.args.to_dict()))
            self._changed.notify_all()
            request.environ["asked"] = self.all[-1]

    def _answered(self, response: Response) -> Response:
        asked: Asked = request.environ["asked"]
        asked.answer, asked.answered_at = response.get_json(silent=True), time.monotonic()
        return response


@pytest.fixture
def workbench(ringline: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The examples' own set-up, sent to this installation."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ringline.ca_file))
    monkeypatch.setenv("API_HOST", f"127.0.0.1:{ringline.https_port}")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield importlib.import_module("workbench")
    for name in ("workbench", "contact_centre"):
        sys.modules.pop(name, None)


@contextmanager
def serving(flask: Flask, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, flask, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def test_menu_agent_and_survey(ringline: Installation, workbench: ModuleType, tmp_path: Path) -> None:
    port = free_port()
    account = workbench.library(Auth(api_key=API_KEY, api_secret=API_SECRET))
    client: Vonage = workbench.register(account, "contact centre", NUMBER, f"http://127.0.0.1:{port}")
    example = importlib.import_module("contact_centre")
    with Baresip(tmp_path, user=CALLER, tone_hz=440) as user, Baresip(tmp_path, user="agent", tone_hz=1000) as agent:
        flask = example.create_app(client, NUMBER, {"1": ("sales", agent.uri)})
        told = Requests(flask)
        with serving(flask, port):
            _run(ringline, client, user, agent, told)


def _run(ringline: Installation, client: Vonage, user: Baresip, agent: Baresip, told: Requests) -> None:
    # 1 to 3: the caller arrives, and is answered by the menu
    user.dials(f"sip:{NUMBER}@{ringline.sip_address}")
    asked = told.wait("/answer")
    u, first = asked.fields["uuid"], asked.fields["conversation_uuid"]
    assert asked.method == "GET"
    assert asked.fields == {
        "to": NUMBER,
        "from": CALLER,
        "endpoint_type": "phone",
        "uuid": u,
        "conversation_uuid": first,
        "region_url": asked.fields["region_url"],
    }
    user.wait("CALL_ESTABLISHED")
    user.wait_heard(lambda pcm: level_dbfs(pcm[-3200:]) > -45)
    told.wait("/event", lambda event: event.get("status") == "answered" and event["uuid"] == u)
    assert told.of(u) == ["started", "ringing", "answered"]
    assert told.wait("/event", lambda event: event.get("uuid") == u).fields["direction"] == "inbound"

    # 4, 5: a key cuts the menu
    pressed_at = time.monotonic()
    user.presses("1")
    chosen = told.wait("/input")
    assert chosen.at - pressed_at < 1.5  # the menu is spoken for longer than that
    fields = chosen.fields
    assert fields["dtmf"] == {"digits": "1", "timed_out": False}
    assert fields["speech"] == {"results": []}
    assert (fields["uuid"], fields["conversation_uuid"]) == (u, first)
    assert (fields["from"], fields["to"]) == (CALLER, NUMBER)
    assert fields["timestamp"].endswith("Z")

    # 6 to 9: the agent is called while the key is being answered; the caller waits in the conversation
    started = told.wait("/event", lambda event: event.get("direction") == "outbound").fields
    g, second = started["uuid"], started["conversation_uuid"]
    assert (started["status"], started["from"], started["to"]) == ("started", NUMBER, agent.uri)
    agent.wait("CALL_INCOMING")
    told.wait("/event", lambda event: event.get("uuid") == g and event.get("status") == "ringing")
    move = told.wait("/event", lambda event: event.get("uuid") == u and event.get("type") == "transfer").fields
    room = move["conversation_uuid_to"]
    assert move["conversation_uuid_from"] == first
    assert len({first, second, room}) == 3
    user.wait_heard(lambda pcm: level_dbfs(pcm[-LATEST_BYTES:]) < -60)

    # 10, 11: the agent answers, and they talk; it was the caller alone who heard the announcement
    agent.accepts()
    agent.wait("CALL_ESTABLISHED")
    move = told.wait("/event", lambda event: event.get("uuid") == g and event.get("type") == "transfer").fields
    assert (move["conversation_uuid_from"], move["conversation_uuid_to"]) == (second, room)
    agent.wait_heard(lambda pcm: has_tone(pcm[-LATEST_BYTES:], 440))
    user.wait_heard(lambda pcm: has_tone(pcm[-LATEST_BYTES:], 1000))
    assert not has_tone(agent.heard()[-LATEST_BYTES:], 1000)
    assert not has_tone(user.heard()[-LATEST_BYTES:], 440)
    assert told.of(g) == ["started", "ringing", "answered", "transfer"]
    assert [one.fields["uuid"] for one in told.all if one.path == "/answer"] == [u]

    # 12: muted, the caller is not heard but hears
    client.voice.mute(u)
    agent.wait_heard(lambda pcm: level_dbfs(pcm[-LATEST_BYTES:]) < -60)
    assert has_tone(user.heard()[-LATEST_BYTES:], 1000)
    client.voice.unmute(u)
    agent.wait_heard(lambda pcm: has_tone(pcm[-LATEST_BYTES:], 440))

    # 13, 14: the agent hangs up; the caller stays, and is moved to the survey
    agent.hangs_up()
    end = told.wait("/event", lambda event: event.get("uuid") == g and event.get("status") == "completed").fields
    assert (end["disconnected_by"], type(end["duration"])) == ("user", str)
    second_move = told.wait(
        "/event", lambda event: event.get("uuid") == u and event.get("conversation_uuid_from") == room
    ).fields
    last = second_move["conversation_uuid_to"]
    assert last not in (first, second, room)

    # 15 to 17: the survey, thanks, and the end by the platform
    user.wait_heard(lambda pcm: level_dbfs(pcm[-3200:]) > -45 and not has_tone(pcm[-3200:], 1000))
    user.wait_heard(lambda pcm: level_dbfs(pcm[-LATEST_BYTES:]) < -60)  # keys count once the question is asked
    user.presses("5")
    answer = told.wait("/survey").fields
    assert (answer["dtmf"]["digits"], answer["conversation_uuid"], answer["from"]) == ("5", last, CALLER)
    said_before = len(user.heard())
    user.wait("CALL_CLOSED", within_s=15)
    assert level_dbfs(user.heard()[said_before:]) > -45
    end = told.wait("/event", lambda event: event.get("uuid") == u and event.get("status") == "completed").fields
    assert (end["disconnected_by"], end["conversation_uuid"], end["sip_code"]) == ("platform", last, 200)
    assert told.of(u) == ["started", "ringing", "answered", "transfer", "transfer", "completed"]
    assert told.of(g) == ["started", "ringing", "answered", "transfer", "completed"]
    assert not any("reason" in one.fields for one in told.all)
