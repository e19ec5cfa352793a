"""The click-to-call example: a visitor's browser is connected with the support, whatever it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

from flask import Flask
from vonage import Vonage

from ringline.testing import Switchboard, WebApplication, scenario

Start = Callable[[Switchboard, Callable[[Vonage, str], Flask]], tuple[WebApplication, Flask]]


async def token_of(flask: Flask) -> str:
    """A token as the page gets it; the application asks Ringline for its user first."""
    answer = await asyncio.to_thread(flask.test_client().post, "/token")
    return str(answer.get_json()["token"])


def test_a_visitor_talks_to_the_support(example: ModuleType, start: Start) -> None:
    @scenario
    async def call(board: Switchboard) -> None:
        support = board.phone("support")
        support.answers()
        app, flask = start(board, lambda client, number: example.create_app(client, number, support=support.number))
        page = flask.test_client().get("/").text
        assert "/v2/rtc/" in page
        token = await token_of(flask)
        visitor = board.browser(example.VISITOR, app=app)
        assert await visitor.logs_in(token=token) == "session:success"
        await visitor.calls_in({"to": "1900555555", "page": "/"})
        assert [one.text for one in visitor.heard][:1] == ["One moment please."]
        await board.passes(5)
        assert visitor.can_hear(support.leg)
        assert support.call.caller == app.number
        await visitor.logs_out()
        await support.is_hung_up()
        await board.over()
        assert app.errors() == []

    call()


def test_a_phone_is_sent_to_the_page(example: ModuleType, start: Start) -> None:
    @scenario
    async def call(board: Switchboard) -> None:
        app, _ = start(board, example.create_app)
        alice = board.phone("alice")
        await alice.dials(app.number)
        await alice.hears("Please call us from our web page.", to_the_end=True)
        await board.over()

    call()


def test_the_token_lets_a_visitor_call_and_nothing_else(example: ModuleType, start: Start) -> None:
    @scenario
    async def call(board: Switchboard) -> None:
        app, flask = start(board, example.create_app)
        token = await token_of(flask)
        visitor = board.browser(example.VISITOR, app=app)
        await visitor.logs_in(token=token)
        refused: Any = await visitor.asks("GET", "/v1/calls")
        assert refused.status == 403

    call()
