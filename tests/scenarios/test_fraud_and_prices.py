"""What calls cost, and calls that are not made: limits, dear and denied numbers, calls for help."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from ringline.accounts import Emergency, Limits, Policy, read_rates
from ringline.base import ApiError
from ringline.testing import CallState, Phones, Switchboard, WebApplication, connect, scenario, talk, wait

from .test_conversation_service import client as rest_client

NUMBER_44 = "prefix,rate,network,direction\n44,0.1,23410,out\n4420,0.02,GB-FIXED,in\n"
RATES = read_rates(NUMBER_44, name="rates.csv")
PREMIUM = "449091234567"


@scenario(rates=RATES)
async def test_a_call_has_its_price_in_the_webhook_and_the_record(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    call = await app.calls(bob.number, ncco=[wait(42)])
    await board.over()
    end = app.events()[-1]
    assert (end["duration"], end["rate"], end["price"], end["network"]) == ("42", "0.10000000", "0.07000000", "23410")
    answered = next(event for event in app.events() if event["status"] == "answered")
    assert (answered["rate"], answered["network"]) == (None, None)
    record = board.store.records[call.uuid]
    assert (record.rate, record.price, record.network) == ("0.10000000", "0.07000000", "23410")


@scenario(rates=RATES, rate_step_s=60)
async def test_minutes_that_have_begun_may_be_paid_whole(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, ncco=[wait(61)])
    await board.over()
    assert app.events()[-1]["price"] == "0.20000000"


@scenario(rates=RATES)
async def test_inbound_and_connected_legs_have_prices_of_their_own(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers(after_s=30)
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    await board.passes(40)
    assert bob.call.state is CallState.ANSWERED
    alice.hangs_up()
    await board.over()
    ends = {event["uuid"]: event for event in app.events() if event["status"] == "completed"}
    assert (ends[alice.leg]["rate"], ends[alice.leg]["network"]) == ("0.02000000", "GB-FIXED")
    assert ends[bob.leg]["rate"] == "0.10000000"


@scenario
async def test_without_a_table_calls_cost_nothing(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, ncco=[wait(42)])
    await board.over()
    end = app.events()[-1]
    assert (end["rate"], end["price"], end["network"]) == ("0.00000000", "0.00000000", None)


@scenario(rates=RATES)
async def test_a_call_that_nobody_answered_costs_nothing(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[wait(1)], ringing_timer=5)
    await board.over()
    assert board.store.records[call.uuid].price == "0.00000000"


# ── destinations ───────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_premium_number_is_not_called(app: WebApplication, board: Switchboard) -> None:
    await app.calls(PREMIUM, ncco=[talk("Hello.")])
    await board.over()
    assert app.statuses() == ["started", "failed"]
    assert app.events()[-1]["detail"] == "cannot_route"
    assert await app.is_warned("Destination not allowed.")
    assert board.engine.guard.gauges()["refused_destination"] == 1


@scenario
async def test_a_connect_to_a_premium_number_goes_on_with_the_next_action(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(connect(PREMIUM), talk("That is not possible."))
    await alice.dials(app.number)
    await alice.hears("That is not possible.")
    alice.hangs_up()
    await board.over()
    assert await app.is_warned("Destination not allowed.")


@scenario(limits=Limits(default=Policy(premium=True)))
async def test_an_operator_may_allow_premium_numbers(app: WebApplication, board: Switchboard) -> None:
    nobody = board.phone("dear", number=PREMIUM)
    nobody.answers()
    await app.calls(PREMIUM, ncco=[wait(1)])
    await board.over()
    assert app.statuses()[-1] == "completed"


@scenario(limits=Limits(emergency=Emergency(countries=("GB",))))
@pytest.mark.parametrize("number", ["999", "112"])
async def test_a_call_for_help_is_refused_loudly(app: WebApplication, board: Switchboard, number: str) -> None:
    board.expects_trouble("AN EMERGENCY NUMBER WAS NOT CALLED: no emergency trunk is configured")
    await app.calls(number, ncco=[talk("Hello.")])
    await board.over()
    assert (app.statuses(), app.events()[-1]["detail"]) == (["started", "failed"], "cannot_route")
    assert await app.is_warned("Emergency number not called.")
    assert board.engine.guard.gauges()["refused_emergency"] == 1


# ── how much ───────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario(limits=Limits(default=Policy(calls_at_once=2)))
async def test_one_call_too_many_at_once_is_refused_until_one_has_ended(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bob, carol = phones("bob", "carol")
    bob.answers()
    carol.answers()
    await app.calls(bob.number, ncco=[wait(5)])
    await app.calls(carol.number, ncco=[wait(20)])
    with pytest.raises(ApiError) as refused:
        await app.calls(bob.number, ncco=[wait(5)])
    assert refused.value.status == 429
    await board.passes(10)
    await app.calls(bob.number, ncco=[wait(1)])
    await board.over()


@scenario(limits=Limits(default=Policy(calls_at_once=1)))
async def test_a_connect_beyond_the_limit_is_rejected_with_an_error_event(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    app.answers(connect(bob.number), connect(carol.number), talk("Nobody else."))
    await alice.dials(app.number)
    await alice.hears("Nobody else.")
    alice.hangs_up()
    await board.over()
    rejected = next(event for event in app.events() if event["status"] == "rejected")
    assert (rejected["to"], rejected["detail"]) == (carol.number, "restricted")
    assert await app.is_warned("Concurrent call limit exceeded.")


@scenario(limits=Limits(default=Policy(spend_a_day=Decimal("0.05"))), rates=RATES)
async def test_when_the_days_spend_is_used_up_calls_go_on_and_no_new_one_is_made(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    await app.calls(bob.number, ncco=[wait(60)])
    await board.passes(33)  # 0.05 are reached after 30 s
    app.answers(connect(carol.number), talk("No money left."))
    await alice.dials(app.number)
    await alice.hears("No money left.")
    alice.hangs_up()
    await board.over()
    assert await app.is_warned("Daily spend exceeded.")
    assert next(event for event in app.events(bob.leg) if event["status"] == "completed")["duration"] == "60"
    assert next(iter(board.store.usage.values())) == (60, Decimal("0.1"))


# ── who is called into a conversation ──────────────────────────────────────────────────────────────────────────────


async def joins(rest: httpx.AsyncClient, number: str, name: str) -> httpx.Response:
    """Call somebody into the conversation `room` as a member."""
    rooms = (await rest.get("/v1/conversations")).json()["_embedded"]["conversations"]
    room = rooms[0]["id"] if rooms else (await rest.post("/v1/conversations", json={"name": "room"})).json()["id"]
    await rest.post("/v1/users", json={"name": name})
    phone = {"type": "phone", "to": {"type": "phone", "number": number}}
    body = {"state": "joined", "user": {"name": name}, "channel": phone, "media": {"audio": True}}
    return await rest.post(f"/v1/conversations/{room}/members", json=body)


@scenario(rates=RATES, limits=Limits(default=Policy(calls_at_once=1)))
async def test_a_member_that_is_called_counts_and_costs_like_any_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bob, carol = phones("bob", "carol")
    bob.answers()
    async with rest_client(board, app) as rest:
        assert (await joins(rest, bob.number, "bob")).status_code == 201
        refused = await joins(rest, carol.number, "carol")
    assert (refused.status_code, refused.json()["code"]) == (429, "http:error:too-many-request")
    await board.passes(42)
    bob.hangs_up()
    await board.over()
    end = app.events()[-1]
    assert (end["status"], end["rate"], end["network"]) == ("completed", "0.10000000", "23410")
    assert Decimal(end["price"]) > 0


@scenario(limits=Limits(default=Policy(spend_a_day=Decimal("0.05"))), rates=RATES)
async def test_nobody_is_called_into_a_conversation_when_the_days_spend_is_used_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bob, carol, dave = phones("bob", "carol", "dave")
    bob.answers()
    dave.answers()
    async with rest_client(board, app) as rest:
        await joins(rest, bob.number, "bob")
        await joins(rest, dave.number, "dave")
        await board.passes(60)
        bob.hangs_up()
        refused = await joins(rest, carol.number, "carol")
    assert (refused.status_code, refused.json()["detail"]) == (402, "Daily spend exceeded.")


@scenario
async def test_a_premium_number_is_not_called_into_a_conversation(app: WebApplication, board: Switchboard) -> None:
    async with rest_client(board, app) as rest:
        refused = await joins(rest, PREMIUM, "somebody")
    assert (refused.status_code, refused.json()["code"]) == (400, "member:error:cannot-be-reached")
    assert await app.is_warned("Destination not allowed.")
    await board.over()
    assert (app.statuses(), app.events()[-1]["detail"]) == (["started", "failed"], "cannot_route")
