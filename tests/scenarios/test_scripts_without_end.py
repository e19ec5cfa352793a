"""Scripts that go round without ever taking time: an error event, and the leg is hung up; nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.calls.scripts import MOST_ACTIONS
from ringline.testing import (
    Action,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    listen_for_keys,
    notify,
    record,
    scenario,
    talk,
    wait,
)


def note(app: WebApplication) -> Action:
    return notify({"again": True}, url=app.url("/note"))


@scenario
async def test_a_notify_that_is_always_answered_with_itself_is_ended(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello."), note(app))
    app.replies("/note", [note(app)])
    await alice.dials(app.number)
    await alice.hears("Hello.")
    await alice.is_hung_up()
    await board.over()
    assert app.errors() == ["Too many actions: 100 may begin at once, and 20 a second for long."]
    assert app.statuses(alice.leg)[-1] == "completed"
    assert app.events(alice.leg)[-1]["disconnected_by"] == "platform"
    assert len(app.received("/note")) < 2 * MOST_ACTIONS


@scenario
async def test_a_caller_who_was_never_answered_is_refused(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(note(app))
    app.replies("/note", [note(app)])
    call = await alice.dials(app.number)
    await alice.is_hung_up()
    await board.over()
    assert call.code == 503
    assert app.statuses(alice.leg) == ["started", "ringing", "failed"]
    assert app.events(alice.leg)[-1]["detail"] == "internal_error"


@pytest.mark.parametrize(
    "action", [listen_for_keys(), record(), connect("447700999999")], ids=["keys", "record", "connect"]
)
@scenario
async def test_a_script_of_very_many_actions_that_take_no_time_is_ended(
    action: Action, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(*[action] * 900, talk("Never heard."))
    await alice.dials(app.number)
    await alice.is_hung_up()
    await app.is_warned("Too many actions")
    app.answers(talk("Hello."))
    await bob.dials(app.number)
    await bob.hears("Hello.", to_the_end=True)
    await board.over()


@scenario
async def test_a_failover_that_calls_the_same_number_again_and_again_is_ended(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    again = connect("447700999999", event_type="synchronous")
    app.answers(talk("One moment."), again)
    app.on_event("failed", [again])
    await alice.dials(app.number)
    await alice.hears("One moment.")
    await alice.is_hung_up()
    await board.over()
    assert await app.is_warned("Too many actions")


@scenario
async def test_a_transfer_does_not_reset_the_count(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    for _ in range(MOST_ACTIONS + 1):
        if alice.is_free:
            break
        call.transfer(listen_for_keys(), wait(60))
    await alice.is_hung_up()
    await board.over()


@scenario
async def test_a_script_that_takes_time_may_go_round_for_hours(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    loop: list[Any] = [wait(0.1), notify({"again": True}, url=app.url("/note"))]
    app.answers(*loop)
    app.replies("/note", loop)
    await alice.dials(app.number)
    await board.passes(600)
    assert not alice.is_free
    assert app.errors() == []
    alice.hangs_up()
    await board.over()
