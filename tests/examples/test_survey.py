"""The survey example: every question, a key that makes no sense, a question that is skipped."""

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
async def test_a_caller_answers_every_question(board: Switchboard, flask: Flask) -> None:
    app = board.application(wsgi=flask)
    alice = board.phone("alice")
    await alice.dials(app.number)
    await alice.hears("Thank you for taking part. We have 3 questions. How was our service")
    await alice.presses("5")
    await alice.hears("Would you come again?", to_the_end=True)
    await alice.presses("7")
    await alice.hears("I did not get that. Would you come again?", to_the_end=True)
    await alice.presses("1")
    await alice.hears("How old are you?", to_the_end=True)
    await alice.hears("I did not get that. How old are you?", to_the_end=True)
    await alice.hears("That was all.", to_the_end=True)
    await alice.is_hung_up()
    assert flask.test_client().get("/results").json == {
        "calls": [{"caller": alice.number, "service": "5", "again": "1"}],
        "counts": {
            "service": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 1},
            "again": {"1": 1, "2": 0},
            "age": {"1": 0, "2": 0, "3": 0},
        },
    }
    assert app.errors() == []


@scenario
async def test_what_was_answered_before_a_hang_up_counts(board: Switchboard, flask: Flask) -> None:
    app = board.application(wsgi=flask)
    alice, bob = board.phones("alice", "bob")
    await alice.dials(app.number)
    await bob.dials(app.number)
    for phone, key in ((alice, "1"), (bob, "2")):
        await phone.hears("How was our service")
        await phone.presses(key)
        await phone.hears("Would you come again?")
        phone.hangs_up()
    await board.over()
    results = flask.test_client().get("/results").json
    assert results is not None
    assert results["counts"]["service"] == {"1": 1, "2": 1, "3": 0, "4": 0, "5": 0}
