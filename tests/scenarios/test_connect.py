"""`connect`: calling somebody from a script, joining him, and what follows when that fails."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.accounts import Number
from ringline.testing import (
    CallState,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    scenario,
    status,
    talk,
    text,
    wait,
)

TONE = "https://app.example.org/tone.mp3"


@scenario
async def test_the_callee_shares_the_conversation_and_sees_the_caller_id(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number, from_="+44 20 7946-0000"))
    bob.answers()
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    assert bob.call.caller == app.number
    started = app.events(bob.leg)[0]
    assert (started["from"], started["to"], started["direction"]) == (app.number, bob.number, "outbound")
    assert started["conversation_uuid"] == app.events(alice.leg)[0]["conversation_uuid"]
    assert len(app.received("/answer")) == 1


@scenario
async def test_without_from_the_caller_is_unknown(app: WebApplication, phones: Phones) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    assert bob.call.caller == "Unknown"
    assert app.events(bob.leg)[0]["from"] == "Unknown"


@scenario
async def test_a_random_caller_id_prefers_the_destinations_country(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    for number in ("12025550123", "447000000001", "33123456789"):
        board.directory.put_number(Number(msisdn=number, application_id=app.id))
    app.answers(connect(bob.number, random_from_number=True))
    await alice.dials(app.number)
    await bob.rings()
    assert bob.call.caller == "447000000001"


@scenario
async def test_two_answered_connects_make_a_conference(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(connect(bob.number), connect(carol.number))
    bob.answers()
    carol.answers(after_s=3)
    await alice.dials(app.number)
    assert await alice.can_talk_with(carol)
    assert await alice.can_talk_with(bob)
    assert await bob.can_talk_with(carol)
    assert len({event["conversation_uuid"] for event in app.events()}) == 1


@scenario
async def test_the_second_is_called_once_the_first_has_failed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    bob.never_answers()
    carol.answers()
    app.answers(connect(bob.number, timeout="5"), connect(carol.number))
    await alice.dials(app.number)
    await bob.rings()
    assert carol.calls == []
    assert await alice.can_talk_with(carol, within_s=20)
    await bob.is_hung_up()
    assert app.statuses(bob.leg) == ["started", "ringing", "timeout"]
    assert {app.events(leg)[0]["conversation_uuid"] for leg in (bob.leg, carol.leg)} == {
        app.events(alice.leg)[0]["conversation_uuid"]
    }


@scenario
async def test_ringing_is_timed_from_the_first_ring(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number, timeout=7))
    await alice.dials(app.number)
    ringing = await bob.rings()
    began = board.clock.now()
    await bob.is_hung_up()
    assert board.clock.now() - began == pytest.approx(7, abs=0.1)
    assert ringing.state is CallState.ENDED


@scenario
async def test_after_a_busy_callee_the_script_goes_on(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number), talk("Nobody is free."))
    await alice.dials(app.number)
    await alice.hears("Nobody is free.", to_the_end=True)
    await board.over()
    assert app.statuses(bob.leg) == ["started", "busy"]
    assert app.statuses(alice.leg)[-1] == "completed"


@pytest.mark.parametrize(
    ("outcome", "refuse"),
    [
        ("busy", lambda bob: bob.is_busy()),
        ("rejected", lambda bob: bob.rejects(603)),
        ("unanswered", lambda bob: bob.rejects(480)),
        ("failed", lambda bob: bob.rejects(404)),
        ("timeout", lambda bob: bob.never_answers()),
    ],
)
@scenario
async def test_a_synchronous_failure_may_be_answered_with_a_script(
    outcome: str, refuse: Any, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    refuse(bob)
    app.answers(
        connect(bob.number, event_type="synchronous", timeout=5, url=app.url("/failover")), talk("The old script.")
    )
    app.on_event(outcome, [talk("Instead of him.")])
    await alice.dials(app.number)
    await alice.hears("Instead of him.", to_the_end=True)
    await board.over()
    assert not alice.has_heard("old")
    assert [one.json["status"] for one in app.received("/failover")][-1] == outcome
    assert [one.json["status"] for one in app.received("/failover")].count(outcome) == 1


@scenario
async def test_the_outcome_is_told_even_when_the_caller_leaves_in_the_same_moment(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Hi."), connect(bob.number, event_type="synchronous"))
    app.on_event("rejected", text("", status=503))
    await alice.dials(app.number)
    await bob.rings()
    bob.hangs_up()
    alice.hangs_up()
    await board.over()
    await board.passes(1)
    assert app.statuses(bob.leg) == ["started", "ringing", "rejected"]


@scenario
async def test_the_script_waits_for_the_answer_to_a_synchronous_failure(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(talk("One moment."), connect(bob.number, event_type="synchronous"), talk("Sorry."))
    app.on_event("busy", text("OK", after_s=4.0))
    await alice.dials(app.number)
    moment = await alice.hears("moment.", to_the_end=True)
    sorry = await alice.hears("Sorry.")
    assert moment.ended is not None
    assert sorry.began - moment.ended > 4.0
    assert app.errors() == []


@scenario
async def test_answers_to_other_events_are_ignored(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, event_type="synchronous"))
    for event in ("started", "ringing", "answered", "completed"):
        app.on_event(event, [talk("Not this.")])
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    bob.hangs_up()
    await board.over()
    assert not alice.has_heard("Not this.")


@scenario
async def test_without_synchronous_the_answer_to_a_failure_is_ignored(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number), talk("Sorry."))
    app.on_event("busy", [talk("Not this.")])
    await alice.dials(app.number)
    await alice.hears("Sorry.", to_the_end=True)
    assert not alice.has_heard("Not this.")


@scenario
async def test_the_childs_events_go_to_its_own_url(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, url=app.url("/bob")))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    bob.hangs_up()
    await board.over()
    assert [one.json["status"] for one in app.received("/bob")] == ["started", "ringing", "answered", "completed"]
    assert {event["uuid"] for event in app.events(path="/event")} == {alice.leg}


@scenario
async def test_a_child_inherits_the_event_url_of_its_parent(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    alice.answers()
    bob.answers()
    await app.calls(alice.number, ncco=[connect(bob.number)], event_url=app.url("/mine"))
    await bob.answers()
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    await board.over()
    assert app.received("/event") == []
    assert {one.json["uuid"] for one in app.received("/mine")} == {alice.leg, bob.leg}


@scenario
async def test_dtmf_answer_is_sent_before_the_callee_is_joined(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number, endpoint={"dtmfAnswer": "1p2x#"}))
    await alice.dials(app.number)
    await bob.answers()
    assert not alice.can_hear(bob)
    answered = board.clock.now()
    assert await alice.can_talk_with(bob)
    assert bob.keys_received == "12#"
    assert board.clock.now() - answered >= 1.1


@scenario
async def test_a_whisper_is_heard_by_the_callee_only_and_then_both_talk(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(talk("Hello."), connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}))
    app.replies("/whisper", [talk("A call from the shop.")])
    await alice.dials(app.number)
    await bob.hears("A call from", within_s=20)
    assert not alice.can_hear(bob)
    await bob.hears("the shop.", to_the_end=True)
    assert await alice.can_talk_with(bob)
    assert not alice.has_heard("the shop")
    asked = (await app.gets("/whisper")).json
    assert (asked["uuid"], asked["to"]) == (bob.leg, bob.number)


@scenario
async def test_meanwhile_the_caller_hears_the_ringback_tone_of_the_whisper(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    board.files.has(TONE, seconds=3)
    app.answers(
        talk("Hello."),
        connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper"), "ringbackTone": TONE}}),
    )
    app.replies("/whisper", [wait(4)])
    await alice.dials(app.number)
    tone = await alice.hears(TONE)
    await bob.answers()
    assert tone.ended is None
    assert await alice.can_talk_with(bob, within_s=10)
    assert tone.cut


@scenario
async def test_a_callee_who_hangs_up_during_the_whisper_lets_the_script_go_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}), talk("He is gone."))
    app.replies("/whisper", [talk("A long announcement.", loop=0)])
    await alice.dials(app.number)
    await bob.hears("A long")
    bob.hangs_up()
    await alice.hears("He is gone.")
    assert app.statuses(bob.leg) == ["started", "ringing", "answered", "completed"]


@pytest.mark.parametrize("reply", [status(500), text("[]"), text("nonsense"), text('[{"action":"sing"}]')])
@scenario
async def test_a_whisper_that_cannot_be_had_does_not_cost_the_call(
    reply: Any, app: WebApplication, phones: Phones
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}))
    app.replies("/whisper", reply)
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)


@scenario
async def test_a_whisper_that_goes_to_a_conference_takes_the_callee_away(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, endpoint={"onAnswer": {"url": app.url("/whisper")}}), talk("Not joined."))
    app.replies("/whisper", [conversation("elsewhere")])
    await alice.dials(app.number)
    await alice.hears("Not joined.", to_the_end=True)
    assert not alice.can_hear(bob)
    await alice.is_hung_up()
    assert bob.call.state is CallState.ANSWERED


@scenario
async def test_an_answered_caller_hears_ringing_only_once_the_callee_rings(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Hi."), connect(bob.number))
    await alice.dials(app.number)
    tone = await alice.hears("ringback")
    assert bob.call.state is CallState.RINGING
    await bob.answers(after_s=12)
    assert await alice.can_talk_with(bob)
    assert tone.cut
    assert tone.kind == "tone"


@scenario
async def test_american_numbers_ring_the_american_way(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    board.phone("bob", number="12025550123")
    app.answers(talk("Hi."), connect("12025550123"))
    await alice.dials(app.number)
    await alice.hears("ringback-us")


@scenario
async def test_a_ringback_tone_on_the_first_connect_is_early_media(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    board.files.has(TONE, seconds=3)
    app.answers(connect(bob.number, ringback_tone=[TONE]))
    call = await alice.dials(app.number)
    await alice.hears(TONE)
    assert call.state is CallState.EARLY
    await bob.answers(after_s=8)
    assert await alice.can_talk_with(bob)
    assert call.history[-2:] == [CallState.EARLY, CallState.ANSWERED]
    assert alice.hears_now == []


@scenario
async def test_early_media_of_the_callee_is_heard_by_the_caller(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(connect(bob.number))
    call = await alice.dials(app.number)
    bob.rings(early_media="Please hold the line.")
    await alice.hears("hold the line.")
    assert call.state is CallState.EARLY
    assert not bob.can_hear(alice)


@scenario
async def test_a_ringback_tone_wins_over_early_media(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    board.files.has(TONE, seconds=3)
    app.answers(talk("Hi."), connect(bob.number, ringback_tone=TONE))
    bob.answers(after_s=6, early_media="Please hold the line.")
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob, within_s=20)
    assert alice.has_heard(TONE)
    assert not alice.has_heard("Please")


@scenario
async def test_a_ringback_tone_that_cannot_be_had_becomes_a_local_one(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    board.files.fails(TONE)
    app.answers(talk("Hi."), connect(bob.number, ringback_tone=TONE))
    await alice.dials(app.number)
    await alice.hears("ringback")
    assert await app.is_warned("Stream URL not reachable")
    await bob.answers()
    assert await alice.can_talk_with(bob)
    assert alice.hears_now == []


@scenario
async def test_a_replaced_script_cancels_the_ringing_callee(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(talk("Hi."), connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    app.call(alice.leg).transfer(talk("Something else."))
    await bob.is_hung_up()
    await alice.hears("Something else.")
    assert app.statuses(bob.leg) == ["started", "ringing", "cancelled"]


@scenario
async def test_limit_ends_the_callees_leg(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number, limit=30))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await board.over()
    end = app.events(bob.leg)[-1]
    assert (end["status"], end["duration"], end["disconnected_by"]) == ("completed", "30", "platform")
    assert app.events(alice.leg)[-1]["disconnected_by"] == "platform"


@scenario
async def test_a_caller_never_answered_shares_the_callees_fate(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.is_busy()
    app.answers(connect(bob.number))
    call = await alice.dials(app.number)
    await board.over()
    assert call.code == 486
    assert CallState.ANSWERED not in call.history
    assert app.statuses(alice.leg) == ["started", "ringing", "busy"]


@scenario
async def test_a_number_nobody_has_cannot_be_routed(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(connect("447700999999"), talk("No such number."))
    await alice.dials(app.number)
    await alice.hears("No such number.")
    failed = next(event for event in app.events() if event["status"] == "failed")
    assert failed["detail"] == "cannot_route"
    assert "sip_code" not in failed


@scenario
async def test_an_endpoint_kind_that_is_not_there_fails(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.answers(connect("wss://bot.example.org/socket"), talk("No sockets here."))
    await alice.dials(app.number)
    await alice.hears("No sockets here.")
    assert next(event for event in app.events() if event["status"] == "failed")["detail"] == "cannot_route"


@scenario
async def test_sip_headers_reach_the_far_end(app: WebApplication, phones: Phones) -> None:
    alice, bob = phones("alice", "bob")
    more = {"headers": {"Shop": "7"}, "standardHeaders": {"User-to-User": "342342ef34;encoding=hex"}}
    app.answers(connect(bob.sip, endpoint=more))
    await alice.dials(app.number)
    await bob.rings()
    assert dict(bob.call.details["headers"]) == {"Shop": "7"}
    assert dict(bob.call.details["standard_headers"]) == {"User-to-User": "342342ef34;encoding=hex"}
