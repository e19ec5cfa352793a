"""The contact centre example, whole: menu, agent, survey; and what goes wrong on the way."""

from __future__ import annotations

from types import ModuleType

from flask import Flask
from vonage import Vonage

from ringline.testing import CallState, Phone, Phones, Switchboard, WebApplication, scenario

from .conftest import Start


def begin(start: Start, board: Switchboard, example: ModuleType, agent: Phone) -> tuple[WebApplication, Flask]:
    """With one department, sales, and one agent there."""

    def create(client: Vonage, number: str) -> Flask:
        made: Flask = example.create_app(client, number, {"1": ("sales", agent.number)})
        return made

    return start(board, create)


@scenario
async def test_menu_agent_and_survey(board: Switchboard, phones: Phones, example: ModuleType, start: Start) -> None:
    user, agent = phones("user", "agent")
    app, flask = begin(start, board, example, agent)
    await user.dials(app.number)
    menu = await user.hears("Welcome. Press 1 for sales")
    await user.presses("1")
    assert menu.cut
    await user.hears("Connecting you to sales.", to_the_end=True)
    assert not agent.has_heard("Connecting")
    await agent.answers(after_s=4)
    assert agent.call.caller == app.number
    assert await user.can_talk_with(agent)
    await board.passes(20)
    agent.hangs_up()
    await user.hears("from 1 to 5.", to_the_end=True)
    await user.presses("5")
    await user.hears("Thank you, good bye.", to_the_end=True)
    await user.is_hung_up()
    await board.over()
    assert flask.test_client().get("/ratings").json == [{"caller": user.number, "rating": "5"}]
    assert app.statuses(user.leg) == ["started", "ringing", "answered", "completed"]
    assert app.statuses(agent.leg) == ["started", "ringing", "answered", "completed"]
    assert app.events(agent.leg)[-1]["disconnected_by"] == "user"
    assert app.events(user.leg)[-1]["disconnected_by"] == "platform"
    moves = app.transfers(user.leg)
    assert [move["conversation_uuid_to"] for move in moves[:-1]] == [
        app.transfers(agent.leg)[0]["conversation_uuid_to"]
    ]
    assert app.errors() == []


@scenario
async def test_a_wrong_key_gets_the_menu_again(
    board: Switchboard, phones: Phones, example: ModuleType, start: Start
) -> None:
    user, agent = phones("user", "agent")
    app, _ = begin(start, board, example, agent)
    await user.dials(app.number)
    await user.hears("Welcome.")
    await user.presses("9")
    await user.hears("Nobody is there. Press 1 for sales")
    user.hangs_up()
    await board.over()
    assert agent.calls == []


@scenario
async def test_a_busy_agent_is_told_to_the_caller(
    board: Switchboard, phones: Phones, example: ModuleType, start: Start
) -> None:
    user, agent = phones("user", "agent")
    agent.is_busy()
    app, _ = begin(start, board, example, agent)
    await user.dials(app.number)
    await user.hears("Welcome.")
    await user.presses("1")
    await user.hears("All agents are busy.", to_the_end=True)
    await user.is_hung_up()
    assert app.errors() == []


@scenario
async def test_a_caller_who_leaves_sets_the_agent_free(
    board: Switchboard, phones: Phones, example: ModuleType, start: Start
) -> None:
    user, agent = phones("user", "agent")
    agent.answers()
    app, _ = begin(start, board, example, agent)
    await user.dials(app.number)
    await user.hears("Welcome.")
    await user.presses("1")
    assert await user.can_talk_with(agent)
    user.hangs_up()
    await agent.is_hung_up()
    await board.over()
    assert agent.call.state is CallState.ENDED
    assert app.errors() == []
