"""Somebody calls a number of an application: when the call rings, is answered, and ends."""

from __future__ import annotations

import pytest

from ringline.testing import (
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    listen_for_keys,
    notify,
    read_digits,
    record,
    scenario,
    status,
    stream,
    talk,
    text,
    wait,
)


@scenario
async def test_a_call_rings_is_answered_by_its_first_prompt_and_ends_with_its_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello and good bye."))
    call = await alice.dials(app.number)
    assert call.state is CallState.RINGING
    await alice.hears("good bye", to_the_end=True)
    await alice.is_hung_up()
    await board.over()
    assert call.history == [CallState.CALLING, CallState.RINGING, CallState.ANSWERED, CallState.ENDED]
    assert app.statuses(alice.leg) == ["started", "ringing", "answered", "completed"]
    assert (await app.hears_of("completed"))["disconnected_by"] == "platform"


@scenario
async def test_the_answer_url_is_asked_while_the_caller_still_hears_ringing(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", text("[]", after_s=4.0))
    call = await alice.dials(app.number)
    await board.passes(3.0)
    assert call.state is CallState.RINGING
    await alice.is_hung_up()
    assert [received.method for received in app.received("/answer")] == ["GET"]


@pytest.mark.parametrize(
    "first",
    [
        talk("Hello."),
        stream("https://app.example.org/hello.mp3"),
        read_digits(),
        listen_for_keys(),
        record(),
        conversation("room"),
        wait(1),
    ],
    ids=lambda action: f"{action['action']}-{action.get('mode', 'plain')}",
)
@scenario
async def test_the_first_action_that_needs_audio_answers(
    first: dict[str, object], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    board.files.has("https://app.example.org/hello.mp3")
    app.answers(notify({"before": "it"}), first)
    app.replies("/event", text("OK"))
    call = await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    assert CallState.ANSWERED in call.history
    at = next(received.at for received in app.requests if "payload" in received.json)
    assert next(received.at for received in app.requests if received.json.get("status") == "answered") > at


@scenario
async def test_notify_does_not_answer_the_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(notify({"who": "calls"}, url=app.url("/notify")))
    app.replies("/notify", text("OK", after_s=5.0))
    call = await alice.dials(app.number)
    await app.gets("/notify")
    await board.passes(3.0)
    assert call.state is CallState.RINGING


@scenario
async def test_with_connect_first_the_caller_is_answered_right_after_the_callee(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number, from_=app.number))
    call = await alice.dials(app.number)
    await bob.rings()
    assert call.state is CallState.RINGING
    await bob.answers(after_s=3.0)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await board.over()
    told = [(fields["direction"], fields["status"]) for fields in app.events()]
    assert sorted(told[:2]) == [("inbound", "ringing"), ("inbound", "started")]
    assert told[2:5] == [("outbound", "started"), ("outbound", "ringing"), ("outbound", "answered")]
    assert told[5] == ("inbound", "answered")
    assert told[6:] == [("inbound", "completed"), ("outbound", "completed")]
    assert len({fields["conversation_uuid"] for fields in app.events()}) == 1


@scenario
async def test_an_empty_script_answers_and_completes_the_call(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers()
    await alice.dials(app.number)
    call = await alice.is_hung_up()
    assert CallState.ANSWERED in call.history
    await app.hears_of("completed", alice.leg)
    assert app.errors() == []


@scenario
async def test_a_caller_who_leaves_while_it_rings_is_cancelled(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", text("[]", after_s=4.0))
    await alice.dials(app.number)
    await board.passes(1.0)
    alice.hangs_up()
    await board.over()
    assert app.statuses(alice.leg) == ["started", "ringing", "cancelled"]
    assert app.events(alice.leg)[-1]["direction"] == "inbound"


@scenario
async def test_a_caller_who_leaves_while_the_callee_rings_cancels_both(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    await board.passes(5.0)
    alice.hangs_up()
    await bob.is_hung_up()
    await board.over()
    assert app.statuses(alice.leg)[-1] == "cancelled"
    assert app.statuses(bob.leg) == ["started", "ringing", "cancelled"]
    assert "completed" not in app.statuses()


@scenario
async def test_an_answered_caller_who_leaves_while_the_callee_rings_is_completed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("One moment."), connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    alice.hangs_up()
    await board.over()
    assert app.events(alice.leg)[-1]["status"] == "completed"
    assert app.events(alice.leg)[-1]["disconnected_by"] == "user"
    assert app.statuses(bob.leg)[-1] == "cancelled"


@scenario
async def test_an_application_without_answer_url_refuses_with_503(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.changes(answer_url=None)
    call = await alice.dials(app.number)
    await board.over()
    assert (call.state, call.code) == (CallState.ENDED, 503)
    end = app.events(alice.leg)[-1]
    assert (end["status"], end["detail"]) == ("failed", "internal_error")


@scenario
async def test_a_number_of_nobody_is_refused_and_nobody_is_told(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    call = await alice.dials("442079469999")
    assert (call.state, call.code) == (CallState.ENDED, 404)
    await board.passes(1.0)
    assert app.requests == []


@scenario
async def test_an_inbound_leg_ends_after_two_hours(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("endless"))
    await alice.dials(app.number)
    await alice.is_hung_up(within_s=7300)
    await board.over()
    end = app.events(alice.leg)[-1]
    assert (end["duration"], end["disconnected_by"]) == ("7200", "platform")


@scenario(inbound_limit_s=90)
async def test_the_longest_an_inbound_leg_may_last_is_a_setting(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(conversation("endless"))
    await alice.dials(app.number)
    await alice.is_hung_up(within_s=100)
    await board.over()
    assert app.events(alice.leg)[-1]["duration"] == "90"


@scenario
async def test_two_callers_of_one_number_do_not_meet(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(wait(30))
    await alice.dials(app.number)
    await bob.dials(app.number)
    await board.passes(2.0)
    assert not alice.can_hear(bob)
    assert len({fields["conversation_uuid"] for fields in app.events()}) == 2


@scenario
async def test_an_anonymous_caller_is_unknown(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(wait(1))
    await alice.dials(app.number, anonymous=True)
    assert (await app.gets("/answer")).json["from"] == "Unknown"
    assert (await app.hears_of("answered"))["from"] == "Unknown"


@scenario
async def test_a_call_whose_audio_dies_is_ended(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.loses_its_audio()
    await alice.is_hung_up(within_s=90)
    await board.over()
    assert app.events(alice.leg)[-1]["disconnected_by"] == "platform"


@scenario
async def test_old_applications_may_get_completed_after_a_failure(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.is_busy()
    app.changes(completed_after_failure=True)
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    assert app.statuses() == ["started", "busy", "completed"]
    end = app.events()[-1]
    assert (end["duration"], end["start_time"]) == ("0", None)


@scenario
async def test_a_refused_answer_url_without_fallback_ends_the_call_unanswered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", status(500))
    call = await alice.dials(app.number)
    await alice.is_hung_up()
    await board.over()
    assert call.code == 503
    assert len(app.received("/answer")) == 1
    assert app.statuses() == ["started", "ringing", "failed"]
    assert app.events()[-1]["detail"] == "internal_error"
    assert [reason.split(".")[0] for reason in app.errors()] == ["Invalid response code"]
