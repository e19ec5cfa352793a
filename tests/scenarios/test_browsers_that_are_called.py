"""Browsers are called on the client wire (client SDK reference, section 6.2)."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.testing import Browser, Phones, Switchboard, WebApplication, connect, scenario, talk


def cancelled(browser: Browser) -> tuple[str, int]:
    """By which the library tells its app why a call does not ring any more."""
    (left,) = [one for one in browser.received("member:left") if one["from"] == browser.member]
    (hangup,) = browser.received("rtc:hangup")
    return left["body"]["reason"]["code"], hangup["body"]["reason"]["sip_code"]


@scenario
async def test_a_phone_is_connected_with_a_browser(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice", from_=app.number))
    await alice.logs_in()
    await bob.dials(app.number)
    invitation = await alice.is_invited()
    body = invitation["body"]
    assert body["channel"]["from"] == {"type": "phone", "number": app.number}
    assert body["channel"]["to"] == {"type": "app", "user": "alice"}
    assert body["media"]["audio_settings"] == {"enabled": True, "muted": False, "earmuffed": False}
    assert body["sdp"].startswith("v=0")
    assert body["conversation"]["conversation_id"] == invitation["cid"]
    room = await alice.asks("GET", f"/v0.3/conversations/{alice.conversation}")
    assert room.body["state"] == "ACTIVE"
    answered = await alice.answers()
    assert (answered.status, answered.body) == (200, {"id": alice.leg})
    joined = await alice.hears_of("member:joined")
    assert joined["body"]["channel"]["id"] == alice.leg
    await board.passes(1)
    assert alice.can_hear(bob.leg)
    bob.hangs_up()
    assert (await alice.hears_of("rtc:hangup"))["body"]["reason"]["code"] == "REMOTE_HANGUP"
    await board.over()
    assert app.statuses(alice.leg) == ["started", "answered", "completed"]
    last = app.events(alice.leg)[-1]
    assert (last["rate"], last["price"], last["to"]) == ("0.00", "0", "alice")


@scenario
async def test_rest_calls_a_browser(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    call = await app.calls("app:alice", ncco=[talk("Hello, Alice.")])
    await alice.is_invited()
    assert alice.leg == call.uuid
    assert (await alice.answers()).status == 200
    await board.over()
    assert [one.text for one in alice.heard] == ["Hello, Alice."]
    assert app.statuses(call.uuid) == ["started", "answered", "completed"]


@scenario
async def test_the_conversation_knows_who_was_called(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    await app.calls("app:alice", ncco=[talk("Hello, Alice.")])
    await alice.is_invited()
    await alice.answers()
    await board.over()
    user = await board.make_user(app, "alice")
    told = [one for one in board.store.events_of(alice.conversation) if one.member == alice.member]
    assert {one.person.id for one in told if one.person is not None} == {user.id}
    assert [one.type for one in told][:3] == ["member:invited", "leg:status:update", "leg:status:update"]
    assert [one.type for one in told][-1] == "member:left"


@scenario
async def test_a_browser_declines(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice, elsewhere = board.browser("alice"), board.browser("alice")
    app.answers(connect("app:alice"), talk("She does not want to."))
    await alice.logs_in()
    await elsewhere.logs_in()
    await bob.dials(app.number)
    await alice.is_invited()
    await elsewhere.is_invited()
    declined = await alice.hangs_up(code="REMOTE_REJECT", text="call-rejected-by-callee")
    assert (declined.status, declined.body) == (200, {})
    await bob.hears("She does not want to.")
    await board.over()
    assert cancelled(elsewhere) == ("REMOTE_REJECT", 603)
    last = app.events(alice.leg)[-1]
    assert (last["status"], last["detail"]) == ("rejected", "declined")


@scenario
async def test_the_caller_gives_up(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice"))
    await alice.logs_in()
    await bob.dials(app.number)
    await alice.is_invited()
    bob.hangs_up()
    await board.over()
    assert cancelled(alice) == ("remote_cancel", 0)
    late = await alice.claims()
    assert late.status == 404


@scenario
async def test_nobody_answers_in_time(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice", timeout=10), talk("Nobody there."))
    await alice.logs_in()
    await bob.dials(app.number)
    await bob.hears("Nobody there.")
    await board.over()
    alice._is_in(alice.received("member:invited")[0])
    assert cancelled(alice) == ("ring_timer", 487)
    assert app.statuses(alice.received("member:invited")[0]["body"]["channel"]["id"]) == ["started", "timeout"]


@scenario
async def test_all_browsers_of_a_user_ring_and_the_first_one_gets_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    first, second = board.browser("alice"), board.browser("alice")
    app.answers(connect("app:alice"))
    await first.logs_in()
    await second.logs_in()
    await bob.dials(app.number)
    await first.is_invited()
    await second.is_invited()
    assert first.leg == second.leg
    assert (await second.claims()).status == 200
    late = await first.answers()
    assert (late.status, late.body["code"]) == (409, "conversation:error:member-already-joined")
    assert (await second.answers()).status == 200
    elsewhere = await first.hears_of("member:joined")
    assert elsewhere["body"]["channel"]["id"] == first.leg
    await board.passes(1)
    assert second.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_browser_that_claims_and_does_not_answer_loses_its_claim(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    first, second = board.browser("alice"), board.browser("alice")
    app.answers(connect("app:alice"))
    await first.logs_in()
    await second.logs_in()
    await bob.dials(app.number)
    await first.is_invited()
    await second.is_invited()
    assert (await first.claims()).status == 200
    await board.passes(12)
    assert (await second.answers()).status == 200
    await board.passes(1)
    assert second.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_browser_whose_session_ends_with_its_claim_leaves_the_call_to_the_other(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    first, second = board.browser("alice"), board.browser("alice")
    app.answers(connect("app:alice"))
    await first.logs_in()
    await second.logs_in()
    await bob.dials(app.number)
    await first.is_invited()
    await second.is_invited()
    await first.claims()
    await first.logs_out()
    assert (await second.answers()).status == 200
    await board.passes(1)
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_call_that_rings_is_told_to_who_logs_in(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    first, second = board.browser("alice"), board.browser("alice")
    app.answers(connect("app:alice"))
    await first.logs_in()
    await bob.dials(app.number)
    await first.is_invited()
    await second.logs_in()
    (pending,) = second.received("session:success")[0]["body"]["pending_events"]
    assert (pending["type"], pending["id"]) == ("member:invited", first.received("member:invited")[0]["id"])
    await second.is_invited()
    assert (await second.answers()).status == 200
    await board.passes(1)
    assert second.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()


@scenario
async def test_audio_that_does_not_come_to_stand_fails_the_call(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice"), talk("It does not work."))
    await alice.logs_in()
    await bob.dials(app.number)
    await alice.is_invited()
    board.webrtc.connects = False
    assert (await alice.answers()).status == 200
    await bob.hears("It does not work.")
    await board.over()
    last = app.events(alice.leg)[-1]
    assert (last["status"], last["detail"]) == ("failed", "internal_error")


@pytest.mark.parametrize(
    ("who", "outcome", "detail"), [("alice", "unanswered", "unavailable"), ("nobody", "failed", "cannot_route")]
)
@scenario
async def test_a_user_who_cannot_be_reached(
    who: str, outcome: str, detail: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    await alice.logs_in()
    await alice.logs_out()
    app.answers(connect(f"app:{who}"), talk("Not there."))
    await bob.dials(app.number)
    await bob.hears("Not there.")
    await board.over()
    child = [event for event in app.events() if event["to"] == who]
    assert [(one["status"], one.get("detail")) for one in child] == [("started", None), (outcome, detail)]


@scenario
async def test_a_user_of_another_application_is_not_called(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    other = board.application("other")
    stranger = board.browser("alice", app=other)
    await stranger.logs_in()
    app.answers(connect("app:alice"), talk("Nobody."))
    await bob.dials(app.number)
    await bob.hears("Nobody.")
    await board.over()
    assert stranger.names() == ["session:success"]


@scenario
async def test_an_answer_that_is_no_description_is_refused_and_may_be_repeated(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice"))
    await alice.logs_in()
    await bob.dials(app.number)
    await alice.is_invited()
    refused: Any = await alice.answers("v=0")
    assert (refused.status, refused.body["code"]) == (400, "http:error:validation-fail")
    assert (await alice.answers()).status == 200
    await board.passes(1)
    assert alice.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()
