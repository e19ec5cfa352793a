"""The Flask example: its scripts can run, and against a real platform it answers, and calls back."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from ringline.ncco import lint, parse

EXAMPLE = Path(__file__).parents[2] / "examples" / "flask_app.py"


class Voice:
    """Takes the calls that the library would make."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def create_call(self, call: Any) -> None:
        self.calls.append(call.model_dump(by_alias=True, exclude_none=True))


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flask_app", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
def client(example: ModuleType, voice: Voice) -> FlaskClient:
    app = example.create_app(SimpleNamespace(voice=voice), "442079460010")
    found: FlaskClient = app.test_client()
    return found


def _script(text: str) -> Any:
    assert parse(text).actions
    assert list(lint(text)) == []
    return json.loads(text)


def test_the_greeting_asks_for_a_key(client: FlaskClient) -> None:
    script = _script(client.get("/answer?uuid=1").text)
    assert [step["action"] for step in script] == ["talk", "input"]
    assert script[1]["eventUrl"] == ["http://localhost/input"]


def test_1_takes_a_message(client: FlaskClient) -> None:
    script = _script(client.post("/input", json={"dtmf": {"digits": "1"}}).text)
    assert [step["action"] for step in script] == ["talk", "record", "talk"]


def test_2_and_a_number_calls_back(client: FlaskClient, voice: Voice) -> None:
    _script(client.post("/input", json={"dtmf": {"digits": "2447700900123"}}).text)
    (call,) = voice.calls
    assert call["to"] == [{"type": "phone", "number": "447700900123"}]
    assert call["from"] == {"type": "phone", "number": "442079460010"}


@pytest.mark.parametrize("webhook", [{}, [], {"dtmf": {"digits": None}}, {"dtmf": {"digits": "2"}}])
def test_anything_else_asks_again(client: FlaskClient, voice: Voice, webhook: Any) -> None:
    script = _script(client.post("/input", json=webhook).text)
    assert script[0]["text"].startswith("Sorry")
    assert voice.calls == []


def test_events_are_kept(client: FlaskClient) -> None:
    assert client.post("/event", json={"status": "ringing"}).status_code == 204
    assert client.application.config["EVENTS"] == [{"status": "ringing"}]
