"""Two requests for instructions at once on one leg: which answer counts, and that nobody waits for ever.

An answer counts while what it was asked for is still there. Whatever replaces the script drops the questions of the
script it replaces; a transfer drops all that was asked before it.
"""

from __future__ import annotations

import json

import pytest

from ringline.testing import (
    HANGS,
    Action,
    Phones,
    Reply,
    Switchboard,
    WebApplication,
    connect,
    notify,
    read_digits,
    scenario,
    talk,
    text,
    wait,
)


def later(after_s: float, *actions: Action) -> Reply:
    """A script that takes its time to come."""
    return text(json.dumps(actions), after_s=after_s)


@scenario
async def test_a_transfer_beats_the_answer_to_an_input_that_is_still_out(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press one."), read_digits(max_digits=1, url=app.url("/input")))
    app.replies("/input", later(5, talk("Too late.")))
    await alice.dials(app.number)
    await alice.hears("Press one.", to_the_end=True)
    await alice.presses("1")
    await app.gets("/input")
    app.call(alice.leg).transfer(talk("Transferred."), wait(10))
    await alice.hears("Transferred.")
    await board.over()
    assert not alice.has_heard("Too late.")


@scenario
async def test_a_transfer_by_url_replaces_what_the_input_brought_meanwhile(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press one."), read_digits(max_digits=1, url=app.url("/input")))
    app.replies("/input", later(1, talk("From the input. " * 10)))
    app.replies("/transfer", later(3, talk("From the transfer.")))
    await alice.dials(app.number)
    await alice.hears("Press one.", to_the_end=True)
    app.call(alice.leg).transfer(url=app.url("/transfer"))
    await alice.presses("1")
    await alice.hears("From the input.")
    await alice.hears("From the transfer.", to_the_end=True)
    await board.over()
    assert len(app.transfers(alice.leg)) == 1


@scenario
async def test_a_script_that_ends_waits_for_the_transfer_that_is_being_fetched(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Short."))
    app.replies("/transfer", later(4, talk("From the transfer.")))
    await alice.dials(app.number)
    await alice.hears("Short.")
    app.call(alice.leg).transfer(url=app.url("/transfer"))
    await alice.hears("From the transfer.", to_the_end=True)
    await board.over()


@scenario
async def test_of_two_transfers_the_later_one_counts(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/slow", later(4, talk("The first one.")))
    app.replies("/quick", later(1, talk("The second one."), wait(10)))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.transfer(url=app.url("/slow"))
    call.transfer(url=app.url("/quick"))
    await alice.hears("The second one.")
    await board.over()
    assert not alice.has_heard("The first one.")
    assert len(app.transfers(alice.leg)) == 1


@scenario
async def test_a_transfer_with_a_script_beats_one_by_url_that_is_still_out(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(wait(60))
    app.replies("/slow", later(4, talk("By URL.")))
    await alice.dials(app.number)
    await app.hears_of("answered")
    call = app.call(alice.leg)
    call.transfer(url=app.url("/slow"))
    call.transfer(talk("Inline."), wait(10))
    await alice.hears("Inline.")
    await board.over()
    assert not alice.has_heard("By URL.")


@scenario
async def test_a_transfer_beats_the_answer_webhook_of_a_call_by_rest(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.replies("/answer", later(4, talk("Too late.")))
    call = await app.calls(bob.number)
    await app.hears_of("answered")
    call.transfer(talk("Transferred."), wait(10))
    await bob.hears("Transferred.")
    await board.over()
    assert not bob.has_heard("Too late.")


@scenario
async def test_a_transfer_beats_the_script_that_waits_for_keys_to_be_sent(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    call = await app.calls(bob.number, ncco=[talk("Never heard.")], endpoint={"dtmfAnswer": "1pppp2"})
    await app.hears_of("answered")
    call.transfer(talk("Transferred."), wait(10))
    await bob.hears("Transferred.")
    await board.over()
    assert not bob.has_heard("Never heard.")


@scenario
async def test_a_transfer_beats_a_notify_that_is_out(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Hello."), notify({"here": True}, url=app.url("/note")), talk("Never heard."))
    app.replies("/note", later(4, talk("Too late.")))
    await alice.dials(app.number)
    await app.gets("/note")
    app.call(alice.leg).transfer(talk("Transferred."), wait(10))
    await alice.hears("Transferred.")
    await board.over()
    assert not alice.has_heard("Too late.")
    assert not alice.has_heard("Never heard.")


@scenario
async def test_a_whisper_that_comes_after_the_callee_was_transferred_is_dropped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    answered = bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}), talk("He was taken away."))
    app.replies("/whisper", later(4, talk("Too late.")))
    await alice.dials(app.number)
    await answered
    await board.passes(0.5)
    app.call(bob.leg).transfer(talk("Over here."), wait(10))
    await bob.hears("Over here.")
    await alice.hears("He was taken away.")
    await board.over()
    assert not bob.has_heard("Too late.")


@pytest.mark.parametrize("fails", [HANGS, text("OK")])
@scenario
async def test_a_transfer_that_cannot_be_had_leaves_the_old_script_and_its_questions_alone(
    fails: Reply, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press one."), read_digits(max_digits=1, url=app.url("/input")))
    app.replies("/input", later(2, talk("From the input.")))
    app.replies("/transfer", fails)
    await alice.dials(app.number)
    await alice.hears("Press one.", to_the_end=True)
    app.call(alice.leg).transfer(url=app.url("/transfer"))
    await alice.presses("1")
    await alice.hears("From the input.", to_the_end=True)
    await board.over()
    assert app.transfers(alice.leg) == []


@scenario
async def test_an_answer_that_comes_after_the_call_has_ended_harms_nobody(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Press one."), read_digits(max_digits=1, url=app.url("/input")))
    app.replies("/input", later(5, talk("Too late.")))
    await alice.dials(app.number)
    await alice.hears("Press one.", to_the_end=True)
    await alice.presses("1")
    alice.hangs_up()
    await board.over()
    await board.passes(10)
    assert app.errors() == []


# ── the place of a question among the events ───────────────────────────────────────────────────────────────────────


@scenario
async def test_the_question_about_a_failure_does_not_overtake_the_callees_events(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.rejects(486, rings_s=0.5)
    app.answers(connect(bob.number, event_type="synchronous", url=app.url("/failover")), talk("Too late."))
    app.replies("/failover", text("OK", after_s=3), text("OK", after_s=2), later(0, talk("He is busy.")))
    await alice.dials(app.number)
    await alice.hears("He is busy.", to_the_end=True)
    await board.over()
    seen = [request.json["status"] for request in app.received("/failover")]
    assert seen == ["started", "ringing", "busy"]
    told = {request.json["status"]: request.at for request in app.received("/failover")}
    assert told["busy"] - told["started"] >= 5


@scenario
async def test_the_question_about_a_failure_does_not_wait_for_another_legs_slow_receiver(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(talk("One moment."), connect(bob.number, event_type="synchronous", url=app.url("/failover")))
    app.on(lambda request: request.path == "/event", HANGS)
    app.replies("/failover", None, later(0, talk("He is busy.")))
    await alice.dials(app.number)
    await alice.hears("One moment.", to_the_end=True)
    began = board.clock.now()
    await alice.hears("He is busy.")
    assert board.clock.now() - began < 2
    alice.hangs_up()
    await board.over()


@scenario
async def test_completed_after_a_failure_follows_the_question_about_it(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.changes(completed_after_failure=True)
    app.answers(connect(bob.number, event_type="synchronous"), talk("Never mind."))
    await alice.dials(app.number)
    await alice.hears("Never mind.", to_the_end=True)
    await board.over()
    assert app.statuses(bob.leg) == ["started", "busy", "completed"]
