"""Far ends that are no phones: WebSocket servers, app users, extensions; what the application is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringline.testing import (
    HANGS,
    Phones,
    SocketServer,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    notify,
    scenario,
    talk,
    text,
    wait,
)

HEADERS = {"caller-id": "447700900123", "nested": {"tier": 1}}


def orders(app: WebApplication) -> list[str]:
    return [event["status"] for event in app.events()]


# ── a WebSocket that is opened ─────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_socket_never_rings_and_its_headers_are_in_all_its_events(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number, endpoint={"headers": HEADERS}, from_=app.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    assert bot.headers == HEADERS
    bot.closes()
    await board.over()
    assert app.statuses(bot.leg) == ["started", "answered", "disconnected", "completed"]
    assert all(event["headers"] == HEADERS for event in app.events(bot.leg))
    assert all(event["headers"] == {} for event in app.events(alice.leg))
    gone = app.events(bot.leg)[2]
    assert (gone["from"], gone["to"], gone["direction"]) == (app.number, bot.number, "outbound")
    assert gone["conversation_uuid"] == app.events(alice.leg)[0]["conversation_uuid"]
    assert "detail" not in gone


@scenario
async def test_a_caller_left_by_the_bot_with_nothing_to_run_is_hung_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number), talk("Played on connect."))
    await alice.dials(app.number)
    await alice.hears("Played on connect.", to_the_end=True)
    bot.closes()
    await alice.is_hung_up()
    await board.over()
    by = {event["uuid"]: event["disconnected_by"] for event in app.events() if event["status"] == "completed"}
    assert by == {bot.leg: "user", alice.leg: "platform"}


@scenario
async def test_the_callers_script_goes_on_when_the_bot_leaves(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number), talk("One. " * 30), talk("The end."))
    await alice.dials(app.number)
    await alice.hears("One.")
    bot.closes()
    await alice.hears("The end.", to_the_end=True)
    await board.over()


@pytest.mark.parametrize("event_type", [None, "synchronous"])
@scenario
async def test_disconnected_may_bring_another_script_for_the_caller(
    event_type: str | None, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bot = board.websocket()
    bob.answers()
    app.answers(connect(bot.number, event_type=event_type), talk("Blah. " * 50))
    app.on_event("disconnected", [talk("The robot is ill."), connect(bob.number)])
    await alice.dials(app.number)
    await alice.hears("Blah.")
    bot.closes()
    await alice.hears("The robot is ill.", to_the_end=True)
    assert await alice.can_talk_with(bob)
    assert app.statuses(bot.leg) == ["started", "answered", "disconnected", "completed"]
    alice.hangs_up()
    await board.over()


@scenario
async def test_the_caller_waits_for_the_answer_to_disconnected(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number))
    app.on_event("disconnected", text('[{"action":"talk","text":"Sorry."}]', after_s=6))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    bot.closes()
    await alice.hears("Sorry.", to_the_end=True)
    await board.over()


@scenario
async def test_completed_does_not_overtake_disconnected(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number))
    app.on_event("answered", text("OK", after_s=5))
    app.on_event("disconnected", HANGS)
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    bot.closes()
    await board.over()
    assert app.statuses(bot.leg) == ["started", "answered", "disconnected", "disconnected", "completed"]


@scenario
async def test_a_socket_that_is_closed_by_rest_is_not_disconnected(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    app.call(bot.leg).hang_up()
    await board.over()
    assert app.statuses(bot.leg) == ["started", "answered", "completed"]
    assert app.events(bot.leg)[-1]["disconnected_by"] == "platform"
    assert "sip_code" not in app.events(bot.leg)[-1]


@scenario
async def test_a_socket_whose_caller_leaves_is_not_disconnected(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    alice.hangs_up()
    await board.over()
    assert app.statuses(bot.leg) == ["started", "answered", "completed"]
    assert bot.call.ended_by == "ringline"


@scenario
async def test_sockets_left_among_themselves_are_closed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    one, other = board.websocket("wss://one.example.com/"), board.websocket("wss://other.example.com/")
    app.answers(connect(one.number), connect(other.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(other)
    alice.hangs_up()
    await board.over()
    assert app.statuses(one.leg)[-1] == app.statuses(other.leg)[-1] == "completed"


@scenario
async def test_in_a_named_conversation_sockets_are_participants_like_any_other(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    one, other = board.websocket("wss://one.example.com/"), board.websocket("wss://other.example.com/")
    first = await app.calls(one.number, ncco=[conversation("room")])
    second = await app.calls(other.number, ncco=[conversation("room")])
    assert await one.can_talk_with(other)
    await board.passes(100)
    one.closes()
    await app.hears_of("disconnected")
    await app.hears_of("completed", first.uuid)
    await board.passes(100)
    assert second.status == "answered"
    second.hang_up()
    await board.over()
    assert app.statuses(first.uuid) == ["started", "answered", "disconnected", "completed"]


# ── a WebSocket called by REST ─────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_socket_called_by_rest_is_completed_once_disconnected_was_answered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bot = board.websocket()
    app.on_event("disconnected", text("OK", after_s=4))
    call = await app.calls(bot.number, ncco=[wait(100)], endpoint={"headers": HEADERS})
    await app.hears_of("answered")
    bot.closes()
    await app.hears_of("disconnected")
    assert call.status == "answered"  # `disconnected` exists in webhooks only
    told = board.clock.now()
    await board.over()
    assert board.clock.now() - told == pytest.approx(4, abs=0.5)
    assert orders(app) == ["started", "answered", "disconnected", "completed"]
    assert app.events()[-1]["disconnected_by"] == "user"


@scenario
async def test_the_script_that_disconnected_brings_runs_for_those_who_are_left(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bot = board.websocket()
    app.on_event("disconnected", [notify({"bot": "down"}, url=app.url("/note")), talk("The bot has left us.")])
    await app.calls(bot.number, ncco=[connect(bob.number)])
    assert await bob.can_talk_with(bot)
    bot.closes()
    await bob.hears("The bot has left us.", to_the_end=True)
    await bob.is_hung_up()
    await board.over()
    assert len(app.received("/note")) == 1
    assert app.statuses(bot.leg) == ["started", "answered", "disconnected", "completed"]


@scenario
async def test_a_closed_socket_does_not_go_to_a_conversation(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bot = board.websocket()
    app.on_event("disconnected", [conversation("room")])
    await app.calls(bot.number, ncco=[wait(100)])
    await app.hears_of("answered")
    bot.closes()
    await board.over()
    assert orders(app) == ["started", "answered", "disconnected", "completed"]


@scenario
async def test_a_bot_that_sends_too_far_ahead_is_told_and_the_call_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    app.answers(connect(bot.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bot)
    bot.overflows()
    assert await alice.can_talk_with(bot)
    alice.hangs_up()
    await board.over()
    assert app.errors() == ["WebSocket buffer overflow"]
    assert app.statuses(bot.leg) == ["started", "answered", "completed"]


@scenario
async def test_a_socket_is_disconnected_once(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    bot = board.websocket()
    app.on_event("disconnected", text("OK", after_s=2))
    await app.calls(bot.number, ncco=[wait(100)])
    await app.hears_of("answered")
    bot.closes()
    bot.closes()
    await board.over()
    assert orders(app) == ["started", "answered", "disconnected", "completed"]


@scenario
async def test_rest_may_hang_up_a_closed_socket_that_waits_for_an_answer(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bot = board.websocket()
    app.on_event("disconnected", HANGS)
    call = await app.calls(bot.number, ncco=[wait(100)])
    await app.hears_of("answered")
    bot.closes()
    await app.hears_of("disconnected")
    call.hang_up()
    await board.over()
    assert orders(app) == ["started", "answered", "disconnected", "completed"]


@scenario
async def test_without_an_event_url_a_closed_socket_is_gone_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    bot = board.websocket()
    app.changes(event_url=None)
    await app.calls(bot.number, ncco=[wait(100)])
    await board.passes(1)
    bot.closes()
    await board.over(within_s=1)


# ── a WebSocket that cannot be had ─────────────────────────────────────────────────────────────────────────────────

FAILURES: list[tuple[Any, str, str]] = [
    (SocketServer.refuses, "failed", "cannot_route"),
    (lambda bot: bot.answers_with(403), "failed", "internal_error"),
    (SocketServer.hangs, "unanswered", "carrier_timeout"),
    (lambda bot: bot.accepts(after_s=20), "unanswered", "carrier_timeout"),  # the connect's own timeout comes first
]


@pytest.mark.parametrize(("fate", "outcome", "detail"), FAILURES)
@scenario
async def test_a_socket_that_cannot_be_had_says_why_and_keeps_its_headers(
    fate: Any, outcome: str, detail: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    fate(bot)
    app.answers(connect(bot.number, timeout=10, endpoint={"headers": HEADERS}), talk("No robot today."))
    await alice.dials(app.number)
    await alice.hears("No robot today.", to_the_end=True)
    await board.over()
    assert app.statuses(bot.leg) == ["started", outcome]
    last = app.events(bot.leg)[-1]
    assert (last["detail"], last["headers"]) == (detail, HEADERS)
    assert "sip_code" not in last


@pytest.mark.parametrize(("fate", "outcome", "detail"), FAILURES)
@scenario
async def test_a_socket_that_cannot_be_had_may_bring_another_script(
    fate: Any, outcome: str, detail: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    fate(bot)
    app.answers(connect(bot.number, timeout=10, event_type="synchronous"), talk("Never heard."))
    app.on_event(outcome, [talk("Instead of the robot.")])
    await alice.dials(app.number)
    await alice.hears("Instead of the robot.", to_the_end=True)
    await board.over()
    assert not alice.has_heard("Never heard.")


@scenario
async def test_an_address_nobody_knows_is_failed(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(connect("wss://nowhere.example.com/"), talk("Nobody there."))
    await alice.dials(app.number)
    await alice.hears("Nobody there.")
    await board.over()
    assert ("failed", "cannot_route") in [(event["status"], event.get("detail")) for event in app.events()]


@scenario
async def test_a_caller_who_gives_up_cancels_the_handshake(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    bot = board.websocket()
    bot.hangs()
    app.answers(connect(bot.number))
    await alice.dials(app.number)
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    assert app.statuses(bot.leg) == ["started", "cancelled"]


# ── app users ──────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_an_app_user_is_called_without_ringing_and_costs_nothing(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    jamie = board.user("jamie")
    app.answers(connect("app:jamie"))
    jamie.accepts()
    await alice.dials(app.number)
    assert await alice.can_talk_with(jamie)
    jamie.hangs_up()
    await board.over()
    assert app.statuses(jamie.leg) == ["started", "answered", "completed"]
    last = app.events(jamie.leg)[-1]
    assert (last["rate"], last["price"], last["network"]) == ("0.00", "0", None)
    assert (last["to"], last["disconnected_by"]) == ("jamie", "user")
    assert "sip_code" not in last


@pytest.mark.parametrize(
    ("name", "fate", "outcome", "detail"),
    [
        ("jamie", lambda user: user.declines(), "rejected", "declined"),
        ("jamie", lambda user: user.is_logged_out(), "unanswered", "unavailable"),
        ("nobody", lambda user: None, "failed", "cannot_route"),
        ("jamie", lambda user: None, "timeout", None),
    ],
)
@scenario
async def test_an_app_user_who_does_not_come(
    name: str, fate: Any, outcome: str, detail: str | None, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    fate(board.user("jamie"))
    app.answers(connect(f"app:{name}", timeout=10), talk("Not there."))
    await alice.dials(app.number)
    await alice.hears("Not there.")
    await board.over()
    child = [event for event in app.events() if event["to"] == name]
    assert [event["status"] for event in child] == ["started", outcome]
    assert child[-1].get("detail") == detail
    assert "sip_code" not in child[-1]


@scenario
async def test_an_app_user_calls_by_name_and_may_give_data_along(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    jamie = board.user("jamie")
    app.answers(talk("Hello, Jamie."))
    await jamie.calls_in(app, context={"to": "sales", "device_name": "Jamie's app"})
    await jamie.hears("Hello, Jamie.", to_the_end=True)
    await board.over()
    asked = app.received("/answer")[0].json
    assert asked["from_user"] == "jamie"
    assert "from" not in asked
    assert (asked["to"], asked["endpoint_type"]) == ("sales", "app")
    assert asked["custom_data"] == {"device_name": "Jamie's app"}
    assert {(event["from"], event["direction"]) for event in app.events()} == {("jamie", "inbound")}


@scenario
async def test_an_app_user_may_call_without_naming_anybody(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    jamie = board.user("jamie")
    app.answers(talk("Hello."))
    await jamie.calls_in(app)
    await jamie.hears("Hello.", to_the_end=True)
    await board.over()
    assert {event["to"] for event in app.events()} == {""}
    assert app.received("/answer")[0].json["to"] == ""
    assert app.events()[-1]["rate"] == "0.00"


@scenario
async def test_an_app_user_may_be_called_by_rest(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    jamie = board.user("jamie")
    jamie.accepts()
    app.answers(talk("Hello."))
    await app.calls("app:jamie")
    await jamie.hears("Hello.", to_the_end=True)
    await board.over()
    asked = app.received("/answer")[0].json
    assert (asked["to"], asked["endpoint_type"], asked["from"]) == ("jamie", "app", app.number)


# ── extensions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_an_extension_rings_like_a_phone(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    desk = board.extension("4521")
    desk.answers()
    app.answers(connect("vbc:4521"))
    await alice.dials(app.number)
    assert await alice.can_talk_with(desk)
    desk.hangs_up()
    await board.over()
    assert app.statuses(desk.leg) == ["started", "ringing", "answered", "completed"]
    assert app.events(desk.leg)[-1]["to"] == "4521"


@scenario
async def test_without_the_capability_a_script_that_calls_an_extension_is_invalid(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    desk = board.extension("4521")
    known = board.directory.application(app.id)
    assert known is not None
    board.directory.put_application(replace(known, other_capabilities="{}"))
    app.answers(connect("vbc:4521"))
    await alice.dials(app.number)
    assert (await alice.is_hung_up()).code == 503
    await board.over()
    assert desk.calls == []
    assert any("capability vbc" in reason for reason in app.errors())


@scenario
async def test_the_script_that_disconnected_brings_cancels_whom_the_caller_is_just_calling(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bot = board.websocket()
    app.answers(connect(bot.number), connect(bob.number))
    app.on_event("disconnected", [talk("Instead of both.")])
    await alice.dials(app.number)
    await bob.rings()
    bot.closes()
    await alice.hears("Instead of both.", to_the_end=True)
    await board.over()
    assert app.statuses(bob.leg) == ["started", "ringing", "cancelled"]
