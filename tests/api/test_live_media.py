"""What is played into a live call, sent to it and heard from it."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.calls.commands import AudioFile, Speech
from ringline.calls.events import KeysAsked, ListenAsked, PlayAsked, StopAsked
from ringline.calls.parties import Hook

from .world import LEG, World, run

FILE = "https://shop.example/hold.mp3"
HOOK = Hook(url="https://shop.example/keys", method="POST")


@pytest.fixture(autouse=True)
def _a_live_call(world: World) -> None:
    world.calls.put(LEG)


@pytest.mark.parametrize(
    ("given", "loop", "level"),
    [
        ({}, 1, 0.0),
        ({"loop": 0, "level": -0.4}, 0, -0.4),
        ({"loop": "3", "level": "0.25"}, 3, 0.2),
        ({"loop": 1.0, "level": "0"}, 1, 0.0),
    ],
)
@run
async def test_a_stream_is_started(world: World, given: dict[str, Any], loop: int, level: float) -> None:
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}/stream", json={"stream_url": [FILE], **given})
    assert answer.status_code == 200
    assert answer.json() == {"message": "Stream started", "uuid": LEG}
    assert world.calls.events == [PlayAsked(leg=LEG, kind="stream", source=AudioFile(url=FILE), loop=loop, level=level)]


@pytest.mark.parametrize(
    ("given", "speech"),
    [
        ({"text": "Hi"}, Speech(text="Hi")),
        (
            {"text": "Hi", "language": "en-GB", "style": "2", "premium": False, "voice_name": "Amy"},
            Speech(text="Hi", language="en-GB", style=2),
        ),
        ({"text": "Hi", "voice_name": "Amy"}, Speech(text="Hi", voice_name="Amy")),
        ({"text": "<speak>Hi</speak>", "premium": "true"}, Speech(text="<speak>Hi</speak>", premium=True)),
        ({"text": "x" * 1500}, Speech(text="x" * 1500)),
        ({"text": "Hi", "language": "pt"}, Speech(text="Hi", language="pt")),
    ],
)
@run
async def test_a_text_is_spoken(world: World, given: dict[str, Any], speech: Speech) -> None:
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}/talk", json={**given, "level": "1", "loop": 2})
    assert answer.status_code == 200
    assert answer.json() == {"message": "Talk started", "uuid": LEG}
    assert world.calls.events == [PlayAsked(leg=LEG, kind="talk", source=speech, loop=2, level=1.0)]


@pytest.mark.parametrize("kind", ["stream", "talk"])
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
    ],
)
@run
async def test_what_plays_is_stopped_whatever_body_comes(world: World, kind: str, sent: dict[str, Any]) -> None:
    async with world.client() as client:
        answer = await client.request("DELETE", f"/v1/calls/{LEG}/{kind}", **sent)
    assert answer.status_code == 200
    assert answer.json() == {"message": f"{kind.title()} stopped", "uuid": LEG}
    assert world.calls.events == [StopAsked(leg=LEG, kind=kind)]


@pytest.mark.parametrize(("given", "sent"), [("12p*#", "12p*#"), ("aD", "AD"), ("1" * 500, "1" * 500)])
@run
async def test_keys_are_sent(world: World, given: str, sent: str) -> None:
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}/dtmf", json={"digits": given})
    assert (answer.status_code, answer.json()) == (200, {"message": "DTMF sent", "uuid": LEG})
    assert world.calls.events == [KeysAsked(leg=LEG, digits=sent)]


@pytest.mark.parametrize(
    "given",
    [{"event_url": [HOOK.url]}, {"event_url": HOOK.url}, {"eventUrl": [HOOK.url]}, {"eventUrl": HOOK.url}],
)
@run
async def test_keys_are_listened_to_and_no_longer(world: World, given: dict[str, Any]) -> None:
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}/input/dtmf", json=given)
        assert (answer.status_code, answer.json()) == (200, {})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.request("DELETE", f"/v1/calls/{LEG}/input/dtmf", content=b"", headers=form)
        assert (answer.status_code, answer.json()) == (200, {})
    assert world.calls.events == [ListenAsked(leg=LEG, hook=HOOK), ListenAsked(leg=LEG, hook=None)]


@pytest.mark.parametrize(
    ("path", "given", "name"),
    [
        ("stream", {}, "stream_url"),
        ("stream", {"stream_url": FILE}, "stream_url"),
        ("stream", {"stream_url": [FILE, FILE]}, "stream_url"),
        ("stream", {"stream_url": [7]}, "stream_url"),
        ("stream", {"stream_url": [FILE], "loop": -1}, "loop"),
        ("stream", {"stream_url": [FILE], "loop": "often"}, "loop"),
        ("stream", {"stream_url": [FILE], "level": 1.1}, "level"),
        ("stream", {"stream_url": [FILE], "level": "loud"}, "level"),
        ("stream", {"stream_url": [FILE], "level": True}, "level"),
        ("talk", {}, "text"),
        ("talk", {"text": "  "}, "text"),
        ("talk", {"text": "<speak></speak>"}, "text"),
        ("talk", {"text": "x" * 1501}, "text"),
        ("talk", {"text": 7}, "text"),
        ("talk", {"text": "Hi", "language": "tlh"}, "language"),
        ("talk", {"text": "Hi", "style": -1}, "style"),
        ("talk", {"text": "Hi", "premium": "maybe"}, "premium"),
        ("dtmf", {}, "digits"),
        ("dtmf", {"digits": ""}, "digits"),
        ("dtmf", {"digits": "12x"}, "digits"),
        ("dtmf", {"digits": "1" * 501}, "digits"),
        ("dtmf", {"digits": 12}, "digits"),
        ("input/dtmf", {}, "event_url"),
        ("input/dtmf", {"event_url": "keys"}, "event_url"),
        ("input/dtmf", {"event_url": []}, "event_url"),
    ],
)
@run
async def test_a_wrong_field_is_refused_by_name(world: World, path: str, given: dict[str, Any], name: str) -> None:
    async with world.client() as client:
        answer = await client.put(f"/v1/calls/{LEG}/{path}", json=given)
    assert answer.status_code == 400
    assert [one["name"] for one in answer.json()["invalid_parameters"]] == [name]
    assert world.calls.events == []
