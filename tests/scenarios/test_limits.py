"""Timers and limits (call flow reference, section 12)."""

from __future__ import annotations

import pytest

from ringline.base import ApiError
from ringline.testing import CallState, Phones, Switchboard, WebApplication, connect, scenario, talk, wait


@scenario
async def test_a_length_timer_counts_from_the_answer(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers(after_s=30)
    await app.calls(bob.number, ncco=[wait(600)], length_timer=10)
    await board.over()
    end = app.events()[-1]
    assert (end["status"], end["duration"], end["disconnected_by"]) == ("completed", "10", "platform")


@scenario
async def test_a_call_lasts_two_hours_at_most(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, ncco=[talk("Zzz.", loop=0)])
    await board.over(within_s=7300)
    assert app.events()[-1]["duration"] == "7200"


@scenario
async def test_a_phone_rings_a_minute_by_default(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await bob.rings()
    began = board.clock.now()
    await board.over()
    assert board.clock.now() - began == pytest.approx(60, abs=0.2)
    assert app.statuses()[-1] == "timeout"


@scenario
async def test_a_call_that_never_rings_times_out_as_well(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.is_unreachable(after_s=500)
    await app.calls(bob.number, ncco=[talk("Hello.")], ringing_timer=5)
    await board.over()
    assert app.statuses() == ["started", "timeout"]


@scenario(legs_per_second=3)
async def test_the_fourth_call_within_a_second_is_refused(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    for _ in range(3):
        await app.calls(bob.number, ncco=[wait(5)])
    with pytest.raises(ApiError) as refused:
        await app.calls(bob.number, ncco=[wait(5)])
    assert refused.value.status == 429
    await board.passes(1)
    await app.calls(bob.number, ncco=[wait(5)])


@scenario(legs_per_second=3)
async def test_a_connect_above_the_rate_is_rejected_and_the_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number), talk("Too many calls."))
    for _ in range(3):
        await app.calls(bob.number, ncco=[wait(5)])
    await alice.dials(app.number)
    await alice.hears("Too many calls.")
    assert await app.is_warned("Rate limit exceeded.")
    rejected = await app.hears_of("rejected")
    assert rejected["direction"] == "outbound"
    assert rejected["conversation_uuid"] == app.events(alice.leg)[0]["conversation_uuid"]


@scenario(legs_per_second=3)
async def test_a_rejected_connect_may_be_answered_with_a_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number, event_type="synchronous"))
    app.on_event("rejected", [talk("Please call again.")])
    for _ in range(3):
        await app.calls(bob.number, ncco=[wait(5)])
    await alice.dials(app.number)
    await alice.hears("Please call again.")


@scenario(legs_per_second=3)
async def test_each_application_has_its_own_rate(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    other = board.application("other")
    for _ in range(3):
        await app.calls(bob.number, ncco=[wait(5)])
    await other.calls(bob.number, ncco=[wait(5)])


@scenario
async def test_a_hundred_calls_at_once(app: WebApplication, board: Switchboard) -> None:
    callers = [board.phone(f"caller{number}") for number in range(100)]
    app.answers(talk("One of many."), wait(10))
    for caller in callers:
        await caller.dials(app.number)
    for caller in callers:
        await caller.hears("One of many.")
    assert all(caller.call.state is CallState.ANSWERED for caller in callers)
    await board.over()
    assert app.statuses().count("completed") == 100


@scenario
async def test_a_script_without_end_does_not_stop_the_others(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(*[connect("447700999999")] * 400, talk("Never heard."))
    await alice.dials(app.number)
    await alice.is_hung_up()
    assert await app.is_warned("Too many actions")
    app.answers(talk("Hello."))
    await bob.dials(app.number)
    await bob.hears("Hello.")
