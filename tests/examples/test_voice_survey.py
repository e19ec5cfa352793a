"""The survey by voice: an answer that is said, one that is not understood, and one by a key."""

from __future__ import annotations

from types import ModuleType

import pytest
from flask import Flask

from ringline.testing import Switchboard, scenario


@pytest.fixture
def flask(example: ModuleType) -> Flask:
    made: Flask = example.create_app()
    return made


@scenario
async def test_a_caller_answers_by_voice_and_by_key(board: Switchboard, flask: Flask) -> None:
    app = board.application(wsgi=flask)
    alice = board.phone("alice")
    await alice.dials(app.number)
    await alice.hears("Thank you for taking part. How was our service")
    await alice.says("let me think")
    await alice.hears("I did not get that. How was our service", to_the_end=True)
    await alice.says("acceptable")
    await alice.hears("Would you come again?", to_the_end=True)
    await alice.presses("1")
    await alice.hears("That was all.", to_the_end=True)
    await alice.is_hung_up()
    assert flask.test_client().get("/results").json == [
        {"caller": alice.number, "service": "acceptable", "again": "yes"}
    ]
    assert app.errors() == []
