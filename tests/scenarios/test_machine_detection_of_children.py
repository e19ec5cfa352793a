"""Machine detection of those whom a script connects: when they are joined, and whose script an answer replaces."""

from __future__ import annotations

from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    scenario,
    talk,
    text,
    wait,
)

BEEP = {"mode": "detect_beep"}
PARALLEL = {"mode": "default"}


def sub_states(app: WebApplication) -> list[str | None]:
    return [event.get("sub_state") for event in app.events() if event["status"] == "machine"]


@scenario
async def test_a_child_is_not_joined_before_the_verdict_and_its_caller_hears_ringing(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_a_person(after_s=3)
    app.answers(talk("One moment."), connect(bob.number, machine_detection="continue"))
    answered = bob.answers()
    await alice.dials(app.number)
    await answered
    await board.passes(2.5)
    assert bob.call.state == "answered"
    assert not alice.can_hear(bob)
    assert alice.hears_now == ["ringback"]
    assert bob.hears_now == []
    assert await alice.can_talk_with(bob)
    assert alice.hears_now == []
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "human"]


@scenario
async def test_an_unanswered_caller_is_answered_when_the_person_is_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_person(after_s=3)
    app.answers(connect(bob.number, machine_detection="continue"))
    await alice.dials(app.number)
    await app.hears_of("human")
    assert await alice.can_talk_with(bob)
    order = [(event["uuid"] == bob.leg, event["status"]) for event in app.events()]
    assert order.index((True, "human")) < order.index((False, "answered"))


@scenario
async def test_a_machine_child_is_hung_up_and_the_callers_script_goes_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.answers()
    bob.is_a_machine(after_s=2)
    carol.answers()
    app.answers(connect(bob.number, machine_detection="hangup"), connect(carol.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(carol)
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "machine", "completed"]
    assert app.events(bob.leg)[-1]["disconnected_by"] == "platform"
    alice.hangs_up()
    await board.over()


@scenario
async def test_the_event_of_a_hung_up_child_may_bring_another_script_for_its_caller(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    app.answers(connect(bob.number, machine_detection="hangup"), talk("Never heard."))
    app.on_event("machine", [talk("Only his machine is there.")])
    await alice.dials(app.number)
    await alice.hears("Only his machine is there.", to_the_end=True)
    await board.over()
    assert not alice.has_heard("Never heard.")
    assert app.statuses(bob.leg)[-2:] == ["machine", "completed"]


@scenario
async def test_the_event_of_a_held_child_brings_the_script_that_runs_once_it_is_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    app.answers(connect(bob.number, machine_detection="continue"), talk("Never heard."))
    app.on_event("machine", [talk("This call is for you both.")])
    await alice.dials(app.number)
    await alice.hears("This call is for you both.")
    assert bob.has_heard("This call")
    assert await alice.can_talk_with(bob)
    assert not alice.has_heard("Never heard.")
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_child_in_parallel_mode_is_joined_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=4, beep_after_s=6)
    app.answers(connect(bob.number, advanced_machine_detection=PARALLEL))
    await alice.dials(app.number)
    await app.hears_of("answered")
    assert await alice.can_talk_with(bob, within_s=1)
    await board.passes(8)
    assert sub_states(app) == [None, "beep_start"]
    alice.hangs_up()
    await board.over()


@scenario
async def test_the_event_of_a_joined_child_replaces_its_callers_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=4)
    app.answers(connect(bob.number, advanced_machine_detection=PARALLEL), talk("Blah. " * 50))
    app.on_event("machine", [talk("He is not there.")])
    await alice.dials(app.number)
    await alice.hears("Blah.")
    await alice.hears("He is not there.", to_the_end=True)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await board.over()


@scenario
async def test_in_beep_mode_a_machine_child_is_joined_after_the_beep(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_a_machine(after_s=2, beep_after_s=7)
    app.answers(connect(bob.number, advanced_machine_detection=BEEP))
    answered = bob.answers()
    await alice.dials(app.number)
    await answered
    await board.passes(6)
    assert not alice.can_hear(bob)
    assert await alice.can_talk_with(bob)
    assert sub_states(app) == ["beep_start"]
    alice.hangs_up()
    await board.over()


@scenario
async def test_the_whisper_comes_after_the_verdict(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_person(after_s=3)
    endpoint = {"onAnswer": {"url": app.url("/whisper")}}
    app.answers(connect(bob.number, machine_detection="continue", endpoint=endpoint))
    app.replies("/whisper", [talk("Alice is calling.")])
    await alice.dials(app.number)
    await bob.hears("Alice is calling.")
    paths = [one.path if one.path == "/whisper" else one.json.get("status") for one in app.requests]
    assert paths.index("human") < paths.index("/whisper")
    assert await alice.can_talk_with(bob)
    assert not alice.has_heard("Alice is calling.")
    alice.hangs_up()
    await board.over()


@scenario
async def test_the_caller_who_leaves_takes_the_held_child_along(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=4)
    app.answers(connect(bob.number, machine_detection="continue"))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    alice.hangs_up()
    await board.over()
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "completed"]
    assert app.statuses(alice.leg)[-1] == "cancelled"


@scenario
async def test_a_held_child_that_hangs_up_lets_the_callers_script_go_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=4)
    app.answers(connect(bob.number, machine_detection="continue"), talk("He has gone."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    bob.hangs_up()
    await alice.hears("He has gone.", to_the_end=True)
    await board.over()
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "completed"]


@scenario
async def test_a_held_child_taken_away_by_rest_is_not_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=4)
    app.answers(connect(bob.number, machine_detection="continue"), talk("He was taken away."))
    await alice.dials(app.number)
    await app.hears_of("answered")
    await board.passes(1)
    app.call(bob.leg).transfer(talk("Over here."), wait(5))
    await bob.hears("Over here.")
    await alice.hears("He was taken away.")
    await app.hears_of("machine")
    await board.over()


@scenario
async def test_the_question_stands_behind_the_childs_earlier_events(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=1)
    app.on_event("started", text("OK", after_s=4))
    app.on_event("completed", text("OK", after_s=1))
    app.on_event("machine", text("OK", after_s=3))
    app.answers(connect(bob.number, machine_detection="hangup"), talk("Later."))
    await alice.dials(app.number)
    await alice.hears("Later.", within_s=60)
    await board.over()
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "machine", "completed"]
    machine, done = (next(e for e in app.requests if e.json.get("status") == s) for s in ("machine", "completed"))
    assert app.requests.index(machine) < app.requests.index(done)


@scenario
async def test_an_answer_during_the_whisper_waits_until_the_child_is_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    endpoint = {"onAnswer": {"url": app.url("/whisper")}}
    app.answers(connect(bob.number, advanced_machine_detection=PARALLEL, endpoint=endpoint), talk("Never heard."))
    app.replies("/whisper", [talk("A long whisper. " * 5)])
    app.on_event("machine", [talk("For both of you.")])
    await alice.dials(app.number)
    await bob.hears("A long whisper. " * 5)
    await alice.hears("For both of you.")
    assert bob.has_heard("For both")
    assert not alice.has_heard("Never heard.")
    alice.hangs_up()
    await board.over()


@scenario
async def test_a_child_that_leaves_while_its_event_is_out_keeps_its_caller_waiting_for_the_answer(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    bob.is_a_machine(after_s=1)
    app.answers(connect(bob.number, machine_detection="continue"), talk("Never heard."))
    app.on_event("machine", text('[{"action":"talk","text":"He has left."}]', after_s=5))
    await alice.dials(app.number)
    await app.hears_of("machine")
    bob.hangs_up()
    await alice.hears("He has left.", to_the_end=True)
    await board.over()
    assert app.statuses(bob.leg)[-2:] == ["machine", "completed"]
