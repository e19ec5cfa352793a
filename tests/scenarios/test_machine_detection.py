"""Machine detection: what the application is told, when the call goes on, and who is hung up."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.testing import (
    HANGS,
    Phones,
    Switchboard,
    WebApplication,
    conversation,
    record,
    scenario,
    status,
    talk,
    text,
    wait,
)

BEEP = {"mode": "detect_beep"}
PARALLEL = {"mode": "default"}


def sub_states(app: WebApplication) -> list[str | None]:
    return [event.get("sub_state") for event in app.events() if event["status"] == "machine"]


# ── calls by REST ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "wish", [{"machine_detection": "continue"}, {"advanced_machine_detection": {"mode": "detect"}}]
)
@scenario
async def test_the_script_is_asked_for_once_it_is_known_that_a_person_answered(
    wish: dict[str, Any], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_person(after_s=2)
    app.answers(talk("Hello."))
    call = await app.calls(bob.number, **wish)
    await app.hears_of("answered")
    answered = board.clock.now()
    await bob.hears("Hello.")
    assert board.clock.now() - answered >= 2
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "human", "completed"]
    order = [request.path if request.path == "/answer" else request.json["status"] for request in app.requests]
    assert order == ["started", "ringing", "answered", "human", "/answer", "completed"]
    human = app.events()[3]
    assert (human["uuid"], human["call_uuid"], human["direction"]) == (call.uuid, call.uuid, "outbound")
    assert "sub_state" not in human
    assert human["conversation_uuid"] == app.events()[0]["conversation_uuid"]


@pytest.mark.parametrize(
    "wish", [{"machine_detection": "continue"}, {"advanced_machine_detection": {"mode": "detect"}}]
)
@scenario
async def test_a_machine_that_may_stay_is_told_without_a_sub_state_and_hears_the_script(
    wish: dict[str, Any], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=8)
    app.answers(talk("Please call us back."))
    call = await app.calls(bob.number, **wish)
    await app.hears_of("machine")
    await bob.hears("Please call us back.")
    assert call.status == "machine"
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "machine", "completed"]
    assert sub_states(app) == [None]
    record = await call.record()
    assert record.status == "completed"


@pytest.mark.parametrize(
    "wish",
    [
        {"machine_detection": "hangup"},
        {"advanced_machine_detection": {"mode": "detect", "behavior": "hangup"}},
        {"advanced_machine_detection": {"mode": "detect_beep", "behavior": "hangup"}},
    ],
)
@scenario
async def test_a_machine_is_hung_up_before_any_script_is_asked_for(
    wish: dict[str, Any], app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=8)
    app.answers(talk("Never heard."))
    await app.calls(bob.number, **wish)
    await app.hears_of("answered")
    answered = board.clock.now()
    await bob.is_hung_up()
    assert board.clock.now() - answered == pytest.approx(3, abs=0.1)
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "machine", "completed"]
    assert sub_states(app) == [None]
    assert app.events()[-1]["disconnected_by"] == "platform"
    assert app.received("/answer") == []


@scenario
async def test_hangup_lets_a_person_through(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, machine_detection="hangup", ncco=[talk("Hello.")])
    await bob.hears("Hello.", to_the_end=True)
    await board.over()
    assert "human" in app.statuses()


@scenario
async def test_in_beep_mode_the_message_is_left_after_the_beep(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=9)
    call = await app.calls(bob.number, advanced_machine_detection=BEEP, ncco=[talk("Please call us back.")])
    await app.hears_of("answered")
    answered = board.clock.now()
    await board.passes(5)
    assert call.status == "machine"
    assert "machine" not in app.statuses()
    await bob.hears("Please")
    assert board.clock.now() - answered >= 9
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "machine", "completed"]
    assert sub_states(app) == ["beep_start"]


@pytest.mark.parametrize(("beep_timeout", "seconds"), [(None, 45), (30, 30)])
@scenario
async def test_a_beep_that_does_not_come_is_waited_for_from_the_recognition(
    beep_timeout: int | None, seconds: float, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3)
    wish = BEEP if beep_timeout is None else BEEP | {"beep_timeout": beep_timeout}
    await app.calls(bob.number, advanced_machine_detection=wish, ncco=[talk("Please call us back.")])
    await app.hears_of("answered")
    answered = board.clock.now()
    await bob.hears("Please", within_s=90)
    assert board.clock.now() - answered == pytest.approx(3 + seconds, abs=0.7)
    assert sub_states(app) == ["beep_timeout"]


@scenario
async def test_in_beep_mode_a_person_is_spoken_to_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, advanced_machine_detection=BEEP, ncco=[talk("Hello.")])
    await bob.hears("Hello.", to_the_end=True)
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "human", "completed"]


@scenario
async def test_the_parallel_mode_holds_nothing_up_and_tells_of_machine_and_beep(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=8)
    app.answers(talk("Hello at once."), wait(20))
    await app.calls(bob.number, advanced_machine_detection=PARALLEL)
    await app.hears_of("answered")
    answered = board.clock.now()
    await bob.hears("Hello")
    assert board.clock.now() - answered < 1
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "machine", "machine", "completed"]
    assert sub_states(app) == [None, "beep_start"]


@scenario
async def test_the_parallel_mode_tells_of_a_beep_that_does_not_come(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3)
    wish = PARALLEL | {"beep_timeout": 30}
    await app.calls(bob.number, advanced_machine_detection=wish, ncco=[wait(60)])
    await board.over()
    assert sub_states(app) == [None, "beep_timeout"]


@scenario
async def test_the_parallel_mode_tells_of_a_person(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, advanced_machine_detection=PARALLEL, ncco=[wait(5)])
    await board.over()
    assert app.statuses() == ["started", "ringing", "answered", "human", "completed"]


@scenario
async def test_the_parallel_mode_hangs_a_machine_up_in_the_middle_of_the_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=5)
    wish = PARALLEL | {"behavior": "hangup"}
    await app.calls(bob.number, advanced_machine_detection=wish, ncco=[talk("A long story. " * 20)])
    await bob.hears("A long story.")
    await bob.is_hung_up()
    await board.over()
    assert sub_states(app) == [None]
    assert app.statuses()[-2:] == ["machine", "completed"]


@scenario
async def test_advanced_wins_when_both_are_set(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    await app.calls(
        bob.number,
        machine_detection="hangup",
        advanced_machine_detection={"mode": "detect"},
        ncco=[talk("Still here.")],
    )
    await bob.hears("Still here.", to_the_end=True)


@scenario
async def test_who_cannot_be_told_from_a_person_is_a_person(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.keeps_the_detector_guessing()
    await app.calls(bob.number, machine_detection="hangup", ncco=[talk("Hello.")])
    await bob.hears("Hello.", within_s=15)
    assert "human" in app.statuses()


@scenario(detects_machines=False)
async def test_without_a_detector_everybody_is_a_person_and_the_call_says_why(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine()
    await app.calls(bob.number, machine_detection="hangup", ncco=[talk("Hello.")])
    await bob.hears("Hello.", to_the_end=True)
    assert "human" in app.statuses()
    notes = [line.data for lines in board.store.journals.values() for line in lines if line.kind == "trace"]
    assert any(note.get("what") == "detection" and "no detector" in note["text"] for note in notes)


@scenario
async def test_the_keys_of_dtmf_answer_are_sent_before_anybody_listens(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("Hi.")], endpoint={"dtmfAnswer": "1pp2"})
    await app.hears_of("answered")
    await board.passes(0.5)
    assert board.detector.listened_to == []
    await bob.hears("Hi.")
    assert bob.keys_received == "12"


@scenario
async def test_early_media_is_listened_to_and_the_verdict_comes_after_the_answer(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers(after_s=6, early_media="You have reached the mail box of Bob.")
    bob.is_a_machine(after_s=1)
    call = await app.calls(bob.number, machine_detection="continue", ncco=[talk("Please call back.")])
    await board.passes(4)
    assert board.detector.early == [call.uuid]
    assert "machine" not in app.statuses()
    await bob.hears("Please call back.", to_the_end=True)
    await board.over()
    assert board.detector.listened_to == [call.uuid], "once"
    assert app.statuses() == ["started", "ringing", "answered", "machine", "completed"]


@scenario
async def test_nobody_listens_early_where_keys_are_to_be_sent_first(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers(after_s=3, early_media="Welcome.")
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("Hi.")], endpoint={"dtmfAnswer": "1"})
    await bob.hears("Hi.", to_the_end=True)
    await board.over()
    assert board.detector.early == []
    assert len(board.detector.listened_to) == 1


@scenario
async def test_early_media_that_is_never_answered_leaves_nobody_listening(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.rings(early_media="All lines are busy.")
    await app.calls(bob.number, machine_detection="continue", ringing_timer=10, ncco=[talk("Hi.")])
    await board.over()
    assert len(board.detector.early) == 1
    assert app.statuses()[-1] == "timeout"


@scenario
async def test_a_machine_that_beeps_before_it_was_recognised_is_one(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=4, beep_after_s=2)
    await app.calls(bob.number, advanced_machine_detection=PARALLEL, ncco=[wait(10)])
    await board.over()
    assert sub_states(app) == [None, "beep_start"]


@pytest.mark.parametrize("mode", ["detect", "detect_beep", "default"])
@scenario
async def test_hanging_up_while_somebody_listens_leaves_nothing_behind(
    mode: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    await app.calls(bob.number, advanced_machine_detection={"mode": mode}, ncco=[wait(60)])
    await app.hears_of("answered")
    await board.passes(1 if mode == "detect" else 10)
    bob.hangs_up()
    await board.over()
    assert app.events()[-1]["disconnected_by"] == "user"


# ── answers to the event ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["human", "machine"])
@scenario
async def test_the_event_of_a_held_call_may_bring_the_script_that_runs_instead(
    who: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    if who == "machine":
        bob.is_a_machine()
    app.answers(talk("The usual."))
    app.on_event(who, [talk("The special.")])
    await app.calls(bob.number, machine_detection="continue")
    await bob.hears("The special.", to_the_end=True)
    await board.over()
    assert app.received("/answer") == []


@scenario
async def test_the_beep_may_bring_the_message_that_is_left(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=9)
    app.answers(talk("Hello? " * 60))
    app.on(lambda one: bool(one.json) and one.json.get("sub_state") == "beep_start", [talk("Please call us back.")])
    await app.calls(bob.number, advanced_machine_detection=PARALLEL)
    await bob.hears("Hello?")
    await bob.hears("Please call us back.", to_the_end=True)
    await board.over()


@pytest.mark.parametrize(
    "reply", [None, text("OK"), text("<html></html>"), [], status(404), status(500), status(503), HANGS]
)
@scenario
async def test_without_a_script_in_the_answer_the_call_goes_on(
    reply: Any, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on_event("human", reply)
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("Hello.")])
    await bob.hears("Hello.", to_the_end=True)
    await board.over()
    assert app.errors() == []


@scenario
async def test_nothing_goes_on_before_the_event_has_been_answered_or_given_up(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on_event("human", HANGS)
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("Hello.")])
    await app.hears_of("human")
    told = board.clock.now()
    await bob.hears("Hello.")
    assert board.clock.now() - told >= 20  # two attempts of 10 s


@scenario
async def test_an_invalid_script_in_the_answer_is_reported_and_the_fallback_asked(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on(lambda one: one.path == "/event" and one.json.get("status") == "human", [{"action": "dance"}])
    app.has_fallback([talk("From the fallback.")])
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("The usual.")])
    await bob.hears("From the fallback.", to_the_end=True)
    assert any("Invalid value type or action" in reason for reason in app.errors())


@scenario
async def test_a_refusal_of_the_event_is_no_reason_to_ask_the_fallback(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on_event("human", status(404))
    app.has_fallback([talk("From the fallback.")])
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("The usual.")])
    await bob.hears("The usual.", to_the_end=True)
    assert app.received("/fallback") == []


@scenario
async def test_without_an_event_url_the_call_goes_on_at_once(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.changes(event_url=None)
    await app.calls(bob.number, machine_detection="continue", ncco=[talk("Hello.")])
    await bob.hears("Hello.", to_the_end=True)
    await board.over()


@scenario
async def test_a_script_that_is_over_waits_for_the_answer_to_the_event(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=2)
    app.on_event("machine", text("OK", after_s=5))
    await app.calls(bob.number, advanced_machine_detection=PARALLEL, ncco=[wait(3)])
    await app.hears_of("machine")
    told = board.clock.now()
    await bob.is_hung_up()
    assert board.clock.now() - told >= 5
    await board.over()
    assert app.statuses()[-1] == "completed"


@scenario
async def test_the_events_answer_beats_an_answer_webhook_that_is_still_out(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=1)
    app.replies("/answer", [talk("Too late.")])
    app.on(lambda one: one.path == "/answer", text('[{"action":"talk","text":"Too late."}]', after_s=4))
    app.on_event("machine", [talk("In time.", loop=5)])
    await app.calls(bob.number, advanced_machine_detection=PARALLEL)
    await bob.hears("In time.")
    await board.passes(5)
    await board.over()
    assert not bob.has_heard("Too late.")


@scenario
async def test_a_transfer_ends_the_waiting_and_the_event_is_told_all_the_same(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=4)
    call = await app.calls(bob.number, machine_detection="continue", ncco=[talk("Never heard.")])
    await app.hears_of("answered")
    await board.passes(1)
    call.transfer(talk("Transferred."), wait(10))
    await bob.hears("Transferred.")
    await app.hears_of("machine")
    await board.over()
    assert not bob.has_heard("Never heard.")


@scenario
async def test_an_answer_to_the_event_that_comes_after_a_transfer_is_dropped(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on_event("human", text('[{"action":"talk","text":"Too late."}]', after_s=5))
    call = await app.calls(bob.number, machine_detection="continue", ncco=[talk("Never heard.")])
    await app.hears_of("human")
    call.transfer(talk("Transferred."), wait(10))
    await bob.hears("Transferred.")
    await board.over()
    assert not bob.has_heard("Too late.")
    assert not bob.has_heard("Never heard.")


# ── who is not listened to ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["websocket", "app", "vbc"])
@scenario
async def test_the_wish_is_ignored_where_no_machine_can_be(
    kind: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    far = {
        "websocket": board.websocket("wss://bot.example.com/socket"),
        "app": board.user("jamie"),
        "vbc": board.extension("4521"),
    }[kind]
    far.answers()
    to = {"websocket": far.number, "app": "app:jamie", "vbc": "vbc:4521"}[kind]
    await app.calls(to, machine_detection="hangup", ncco=[talk("Hello.")])
    await far.hears("Hello.", to_the_end=True)
    await board.over()
    assert board.detector.listened_to == []
    assert "human" not in app.statuses()


@scenario
async def test_a_sip_address_may_be_a_machine(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine()
    await app.calls(bob.sip, machine_detection="hangup", ncco=[talk("Never heard.")])
    await bob.is_hung_up(within_s=90)
    await board.over()
    assert app.statuses()[-2:] == ["machine", "completed"]


# ── with everything else ───────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_leg_that_goes_to_a_conversation_takes_its_detector_along(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    bob.is_a_machine(after_s=3, beep_after_s=6)
    call = await app.calls(bob.number, advanced_machine_detection=PARALLEL, ncco=[conversation("room")])
    await board.passes(10)
    assert sub_states(app) == [None, "beep_start"]
    machine = next(event for event in app.events() if event["status"] == "machine")
    assert machine["conversation_uuid"] == app.transfers()[0]["conversation_uuid_to"]
    call.hang_up()
    await board.over()


@scenario
async def test_a_recording_asked_for_by_the_event_replaces_the_waiting_script(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    app.on_event("human", [record(end_on_key="#", url=app.url("/rec")), talk("Thank you.")])
    await app.calls(bob.number, advanced_machine_detection=PARALLEL, ncco=[wait(100)])
    await app.hears_of("human")
    await board.passes(1)
    bob.presses("#")
    await bob.hears("Thank you.", to_the_end=True)
    await board.over()
    assert len(app.received("/rec")) == 1
