"""The masked call example: both directions through one number, strangers, nobody there."""

from __future__ import annotations

from types import ModuleType

import pytest
from flask import Flask

from ringline.testing import NUMBER, Phones, Switchboard, scenario


@pytest.fixture
def flask(example: ModuleType) -> Flask:
    made: Flask = example.create_app(NUMBER)
    return made


def pair(flask: Flask, one: str, other: str) -> None:
    assert flask.test_client().post("/pairs", json=[one, other]).status_code == 204


@pytest.mark.parametrize("who", ["driver", "passenger"])
def test_either_reaches_the_other_and_sees_only_the_number_between(flask: Flask, who: str) -> None:
    @scenario
    async def call(board: Switchboard, phones: Phones) -> None:
        app = board.application(wsgi=flask)
        driver, passenger = phones("driver", "passenger")
        pair(flask, driver.number, passenger.number)
        caller, called = (driver, passenger) if who == "driver" else (passenger, driver)
        await caller.dials(app.number)
        await caller.hears("Connecting you.", to_the_end=True)
        await called.answers()
        assert called.call.caller == app.number
        assert await caller.can_talk_with(called)
        await board.passes(5)
        called.hangs_up()
        await caller.is_hung_up()
        await board.over()
        assert flask.test_client().get("/calls").json == [{"to": called.number, "seconds": "5"}]
        assert app.errors() == []

    call()


@scenario
async def test_who_has_nobody_is_told_so(board: Switchboard, flask: Flask) -> None:
    app = board.application(wsgi=flask)
    alice = board.phone("alice")
    await alice.dials(app.number)
    await alice.hears("You have nobody to talk to", to_the_end=True)
    await alice.is_hung_up()


@scenario
async def test_when_the_other_is_busy_the_caller_is_told_so(board: Switchboard, flask: Flask, phones: Phones) -> None:
    app = board.application(wsgi=flask)
    driver, passenger = phones("driver", "passenger")
    passenger.is_busy()
    pair(flask, driver.number, passenger.number)
    await driver.dials(app.number)
    await driver.hears("The other side does not answer.", to_the_end=True)
    await driver.is_hung_up()
    assert app.errors() == []
