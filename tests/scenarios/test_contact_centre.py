"""The whole story once: a menu, an agent in a conference, and a survey after he has hung up."""

from __future__ import annotations

import pytest

from ringline.base import ApiError
from ringline.testing import (
    CallState,
    Phones,
    Received,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    ncco,
    read_digits,
    scenario,
    talk,
)


def the_menu(app: WebApplication) -> None:
    app.answers(
        talk("Press 1 for sales, 2 for support.", barge_in=True), read_digits(max_digits=1, url=app.url("/input"))
    )


@scenario
async def test_menu_agent_and_survey(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    user, agent = phones("user", "agent")
    the_menu(app)
    app.replies("/input", ncco(talk("Connecting you to sales."), conversation("K"), after_s=0.5))

    # the menu
    await user.dials(app.number)
    asked = await app.gets("/answer")
    u, first = user.leg, asked.json["conversation_uuid"]
    assert asked.method == "GET"
    assert asked.query == {
        "to": app.number,
        "from": user.number,
        "endpoint_type": "phone",
        "uuid": u,
        "conversation_uuid": first,
        "region_url": "https://ringline.example.net",
    }
    menu = await user.hears("Press 1")
    await user.presses("1")
    assert menu.cut
    fields = (await app.gets("/input")).json
    assert fields["dtmf"] == {"digits": "1", "timed_out": False}
    assert fields["speech"] == {"results": []}
    assert (fields["uuid"], fields["conversation_uuid"]) == (u, first)
    assert (fields["from"], fields["to"]) == (user.number, app.number)

    # the agent is called while the answer to the digit is still on its way
    g = (await app.calls(agent.number, ncco=[conversation("K")])).uuid
    await user.hears("Connecting you", to_the_end=True)
    await agent.rings()
    assert agent.leg == g
    assert not agent.has_heard("Connecting")
    await app.gets("/event", where=lambda received: "conversation_uuid_to" in received.json)
    move = app.transfers(u)[0]
    assert (move["conversation_uuid_from"], move["type"]) == (first, "transfer")
    room = move["conversation_uuid_to"]
    assert user.hears_now == []
    await agent.answers(after_s=4)
    assert await user.can_talk_with(agent)
    assert app.transfers(g)[0]["conversation_uuid_to"] == room
    assert app.transfers(g)[0]["conversation_uuid_from"] not in (first, room)
    assert len(app.received("/answer")) == 1
    assert app.statuses(g) == ["started", "ringing", "answered"]

    # mute and unmute
    app.call(u).mute()
    assert not agent.can_hear(user)
    assert user.can_hear(agent)
    app.call(u).unmute()
    assert agent.can_hear(user)

    # the agent leaves, the user stays
    told_of_user = len(app.events(u))
    agent.hangs_up()
    end = await app.hears_of("completed", g)
    assert end["disconnected_by"] == "user"
    assert isinstance(end["duration"], str)
    await board.passes(30)
    assert user.call.state is CallState.ANSWERED
    assert len(app.events(u)) == told_of_user

    # the survey
    app.replies("/survey", [talk("Thank you, good bye.")])
    app.call(u).transfer(talk("Rate us from 1 to 5."), read_digits(max_digits=1, url=app.url("/survey")))
    await user.hears("1 to 5.", to_the_end=True)
    move = app.transfers(u)[1]
    assert move["conversation_uuid_from"] == room
    last = move["conversation_uuid_to"]
    assert last not in (first, room)
    await user.presses("5")
    answer = (await app.gets("/survey")).json
    assert (answer["dtmf"]["digits"], answer["conversation_uuid"], answer["from"]) == ("5", last, user.number)
    await user.hears("Thank you, good bye.", to_the_end=True)
    await user.is_hung_up()
    end = await app.hears_of("completed", u)
    assert (end["disconnected_by"], end["conversation_uuid"]) == ("platform", last)
    assert app.errors() == []


@scenario
async def test_a_wrong_key_may_be_answered_with_the_menu_again_in_its_oldest_form(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (user,) = phones("user")
    the_menu(app)
    again = [
        talk("That was neither."),
        {"action": "input", "dtmf": {"maxDigits": 1}, "eventUrl": [app.url("/second")]},
    ]
    app.replies("/input", again)
    await user.dials(app.number)
    await user.hears("Press")
    await user.presses("9")
    await user.hears("neither.", to_the_end=True)
    await user.presses("2")
    assert (await app.gets("/second")).json["dtmf"]["digits"] == "2"
    assert app.errors() == []


@scenario
async def test_a_busy_agent_leaves_the_user_in_the_conversation(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    user, agent = phones("user", "agent")
    agent.is_busy()
    app.answers(conversation("K"))
    await user.dials(app.number)
    g = (await app.calls(agent.number, ncco=[conversation("K")])).uuid
    await app.hears_of("busy", g)
    await board.passes(60)
    assert user.call.state is CallState.ANSWERED
    app.call(user.leg).transfer(talk("All agents are busy."))
    await user.hears("All agents are busy.", to_the_end=True)
    await user.is_hung_up()


@scenario
async def test_a_user_who_leaves_first_leaves_the_agent_alone(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    user, agent = phones("user", "agent")
    agent.answers()
    app.answers(conversation("K"))
    await user.dials(app.number)
    held = await app.calls(agent.number, ncco=[conversation("K")])
    assert await user.can_talk_with(agent)
    user.hangs_up()
    assert (await app.hears_of("completed", user.leg))["disconnected_by"] == "user"
    await board.passes(60)
    assert agent.call.state is CallState.ANSWERED
    held.hang_up()
    await agent.is_hung_up()


@scenario
async def test_with_connect_both_end_and_a_survey_is_not_possible(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    user, agent = phones("user", "agent")
    agent.answers()
    the_menu(app)
    app.replies("/input", [talk("Connecting you."), connect(agent.number)])
    await user.dials(app.number)
    await user.hears("Press")
    await user.presses("1")
    assert await user.can_talk_with(agent)
    agent.hangs_up()
    await user.is_hung_up()
    await board.over()
    assert app.events(agent.leg)[-1]["disconnected_by"] == "user"
    assert app.events(user.leg)[-1]["disconnected_by"] == "platform"
    with pytest.raises(ApiError) as refused:
        app.call(user.leg).transfer(talk("Too late."))
    assert refused.value.status == 404


@scenario
async def test_the_agents_events_are_not_held_up_by_an_unanswered_input(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    user, agent = phones("user", "agent")
    agent.answers()
    the_menu(app)
    app.replies("/input", ncco(conversation("K"), after_s=9.0))

    def is_of_agent(received: Received) -> bool:
        return bool(received.json.get("uuid") == agent.leg)

    await user.dials(app.number)
    await user.hears("Press")
    await user.presses("1")
    asked_at = (await app.gets("/input")).at
    g = (await app.calls(agent.number, ncco=[conversation("K")])).uuid
    await app.hears_of("answered", g)
    assert board.clock.now() - asked_at < 3
    assert await user.can_talk_with(agent)
    assert any(is_of_agent(received) for received in app.requests)
