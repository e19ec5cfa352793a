"""The voice alert example: the first who presses 1 has it, and until then the next one is called."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

from flask import Flask

from ringline.testing import Phones, Switchboard, scenario

from .conftest import Start


async def raise_alert(flask: Flask, *people: str) -> Any:
    """By the example's own HTTP, on a thread: it asks the platform, which lives on the test's event loop."""
    wanted = {"text": "The freezer is too warm.", "people": people}
    web = flask.test_client()
    reply = await asyncio.to_thread(web.post, "/alerts", json=wanted, base_url="https://app.example.org")
    assert reply.status_code == 201
    return reply.json


def alert(flask: Flask) -> Any:
    (only,) = flask.test_client().get("/alerts").get_json()
    return only


@scenario
async def test_people_are_called_until_one_takes_it(
    board: Switchboard, phones: Phones, example: ModuleType, start: Start
) -> None:
    app, flask = start(board, example.create_app)
    alice, bob, carol, dave = phones("alice", "bob", "carol", "dave")
    alice.is_busy()
    raised = await raise_alert(flask, alice.number, bob.number, carol.number, dave.number)
    assert raised["tried"] == [alice.number]

    await bob.answers()
    assert bob.call.caller == app.number
    await bob.hears("The freezer is too warm. Press 1 to take it.", to_the_end=True)
    await bob.presses("2")
    await bob.hears("somebody else will be called", to_the_end=True)
    await bob.is_hung_up()

    await carol.answers()
    prompt = await carol.hears("This is an alert.")
    await carol.presses("1")
    assert prompt.cut
    await carol.hears("it is yours", to_the_end=True)
    await carol.is_hung_up()
    await board.over()
    assert alert(flask)["taken_by"] == carol.number
    assert alert(flask)["tried"] == [alice.number, bob.number, carol.number]
    assert dave.calls == []
    assert app.errors() == []


@scenario
async def test_when_nobody_takes_it_everybody_was_called_once(
    board: Switchboard, phones: Phones, example: ModuleType, start: Start
) -> None:
    app, flask = start(board, example.create_app)
    alice, bob = phones("alice", "bob")
    bob.answers()
    await raise_alert(flask, alice.number, bob.number)
    await app.hears_of("timeout")
    await bob.hears("This is an alert.")
    bob.hangs_up()
    await board.over()
    assert alert(flask) == {
        "text": "The freezer is too warm.",
        "waiting": [],
        "calling": "",
        "tried": [alice.number, bob.number],
        "taken_by": "",
    }
