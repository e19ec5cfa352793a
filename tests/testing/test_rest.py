"""The REST API of a switchboard: in process, and on a real port for clients that know nothing else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from flask import Flask, request
from vonage import Auth, HttpClientOptions, Vonage
from vonage_voice import CreateCallRequest, Phone, Talk, ToPhone

from ringline.testing import Switchboard, record, scenario, talk, wait
from ringline.testing.plain import Ringline


@scenario
async def test_calls_are_made_and_steered_in_process(board: Switchboard) -> None:
    desk = board.application("desk")
    bob = board.phone("bob")
    bob.answers()
    transport = httpx.ASGITransport(board.rest.app)
    headers = {"Authorization": f"Bearer {desk.token()}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://ringline.test", headers=headers) as client:
        made = await client.post(
            "/v1/calls",
            json={
                "to": [{"type": "phone", "number": bob.number}],
                "from": {"type": "phone", "number": desk.number},
                "ncco": [talk("Hello Bob."), wait(60)],
            },
        )
        assert made.status_code == 201
        await bob.hears("Hello Bob.")
        uuid = made.json()["uuid"]
        shown = await client.get(f"/v1/calls/{uuid}")
        assert shown.json()["status"] == "answered"
        changed = await client.put(f"/v1/calls/{uuid}", json={"action": "hangup"})
        assert changed.status_code == 204
        await bob.is_hung_up()
        assert (await client.get(f"/v1/calls/{uuid}")).json()["status"] == "completed"
        refused = await client.get(f"/v1/calls/{uuid}", headers={"Authorization": "Bearer no"})
        assert refused.status_code == 401


@scenario
async def test_a_recording_is_downloaded_by_the_url_of_its_event(board: Switchboard) -> None:
    desk = board.application("desk")
    desk.answers(record(end_on_key="#", format="wav"), talk("Thanks."))
    alice = board.phone("alice")
    await alice.dials(desk.number)
    await desk.hears_of("answered")
    await alice.says("Please call me back.")
    alice.presses("#")
    await alice.hears("Thanks.")
    await board.over()
    url = desk.recordings()[0]["recording_url"]
    transport = httpx.ASGITransport(board.rest.app)
    async with httpx.AsyncClient(transport=transport) as client:
        got = await client.get(url, headers={"Authorization": f"Bearer {desk.token()}"})
    assert got.status_code == 200
    assert got.content[:4] == b"RIFF"
    seconds = board.recordings.made[0].seconds
    assert abs(len(got.content) - 44 - 16_000 * seconds) < 1600


def test_the_official_library_calls_from_inside_a_flask_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler blocks in its thread until the API has answered, on a socket; no virtual time passes meanwhile."""
    ringline = Ringline()
    bob = ringline.phone("bob")
    bob.answers()
    app = Flask("call-back")

    @app.get("/answer")
    def answer() -> list[dict[str, Any]]:
        client.voice.create_call(
            CreateCallRequest(
                to=[ToPhone(number=bob.number)],
                from_=Phone(number=desk.number),
                ncco=[Talk(text="Hello Bob.")],
            )
        )
        return [talk("We call Bob."), wait(5)]

    @app.post("/event")
    def event() -> tuple[str, int]:
        assert request.is_json
        return "", 204

    desk = ringline.application("desk", wsgi=app)
    host = ringline.rest.secure_url.removeprefix("https://")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ringline.rest.ca_file))
    client = Vonage(
        Auth(application_id=desk.id, private_key=desk.private_key), HttpClientOptions(api_host=host, rest_host=host)
    )
    alice = ringline.phone("alice")
    alice.dials(desk.number)
    alice.hears("We call Bob.")
    bob.hears("Hello Bob.")
    ringline.over()
    began = ringline.clock.now()
    recent = ringline.does(client.voice.list_calls)
    assert [call.status for call in recent[0]] == ["completed", "completed"]
    assert ringline.clock.now() == began
    ringline.close()
