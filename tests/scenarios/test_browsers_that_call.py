"""Browsers call the application on the client wire, and talk (client SDK reference, sections 6.1, 6.3 to 6.6)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringline.testing import (
    HANGS,
    Browser,
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    read_digits,
    record,
    scenario,
    status,
    talk,
    wait,
)


def ending(browser: Browser) -> list[tuple[str, str, Any]]:
    """The events that end the browser's call, in order: name, reason and SIP code."""
    told = [
        one for one in browser.frames if one[0] in ("rtc:hangup", "member:left") and one[1]["from"] == browser.member
    ]
    return [(name, one["body"]["reason"]["code"], one["body"]["reason"].get("sip_code")) for name, one in told]


# ── calling ────────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_a_browser_calls_and_its_context_goes_to_the_application(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.answers(talk("Hello, Alice."))
    assert await alice.logs_in() == "session:success"
    leg = await alice.calls_in({"to": "15551234567", "foo": "bar", "n": 3})
    await alice.hears_of("rtc:hangup")
    await board.over()
    asked = app.received("/answer")[0].json
    assert (asked["from_user"], asked["to"], asked["uuid"]) == ("alice", "15551234567", leg)
    assert (asked["custom_data"], asked["endpoint_type"]) == ({"foo": "bar", "n": 3}, "app")
    assert "from" not in asked
    assert app.statuses(leg) == ["started", "answered", "completed"]
    assert [one.text for one in alice.heard] == ["Hello, Alice."]
    assert {(event["from"], event["to"]) for event in app.events()} == {("alice", "15551234567")}


@scenario
async def test_a_browser_may_call_without_saying_anything(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.answers(talk("Hello."))
    await alice.logs_in()
    leg = await alice.calls_in()
    joined = alice.received("member:joined")[0]
    assert joined["body"]["channel"]["id"] == leg
    assert joined["body"]["user"]["name"] == "alice"
    assert joined["id"] == 1
    await board.over()
    asked = app.received("/answer")[0].json
    assert asked["to"] == ""
    assert "custom_data" not in asked


@scenario
async def test_the_caller_hears_of_nothing_before_its_knock_is_answered(
    app: WebApplication, board: Switchboard
) -> None:
    alice = board.browser("alice")
    app.answers(wait(1))
    await alice.logs_in()
    leg = (await alice.reserves()).body["rtc_id"]
    knocked = await alice.knocks(leg)
    assert knocked.body["id"].startswith("knocker:")
    assert alice.names() == ["session:success"] or "member:joined" in alice.names()
    alice._is_in(await alice.hears_of("member:joined"))
    await board.over()


@scenario
async def test_an_application_that_cannot_answer_refuses_the_knock(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.replies("/answer", status(500))
    await alice.logs_in()
    leg = (await alice.reserves()).body["rtc_id"]
    knocked = await alice.knocks(leg)
    assert (knocked.status, knocked.body["code"]) == (400, "knocking:error:not-accepted")
    assert "failed" in knocked.body["detail"]
    await board.over()
    assert alice.names() == ["session:success"]
    assert app.statuses(leg) == ["started", "failed"]


@scenario
async def test_a_caller_whose_audio_goes_while_it_knocks_has_given_up(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.replies("/answer", HANGS)
    await alice.logs_in()
    leg = (await alice.reserves()).body["rtc_id"]
    knock = asyncio.ensure_future(alice.knocks(leg))
    await board.passes(1)
    board.webrtc.interrupt(leg)
    assert (await knock).status == 400
    await board.over()
    assert app.statuses(leg) == ["started", "cancelled"]


@scenario
async def test_a_browser_is_connected_with_a_phone_and_hears_it_ring(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    bob.answers(after_s=5)
    await alice.calls_in({"to": bob.number})
    await board.passes(3)
    assert [one.text for one in alice.heard] == ["ringback"]
    await board.passes(3)
    assert alice.can_hear(bob.leg)
    statuses = [
        one["body"]["status"] for one in alice.received("leg:status:update") if one["body"]["leg_id"] == bob.leg
    ]
    assert statuses == ["ringing", "answered"]
    bob.hangs_up()
    await board.over()
    last = alice.received("leg:status:update")
    assert {one["body"]["status"] for one in last if one["body"]["leg_id"] == bob.leg} >= {"completed"}
    assert ending(alice) == [("rtc:hangup", "REMOTE_HANGUP", 200), ("member:left", "remote_hangup", None)]


@scenario
async def test_browsers_are_connected_with_each_other(app: WebApplication, board: Switchboard) -> None:
    alice, carol = board.browser("alice"), board.browser("carol")
    app.answers(connect("app:carol", from_=None))
    await alice.logs_in()
    await carol.logs_in()
    await alice.calls_in()
    invitation = await carol.is_invited()
    assert invitation["body"]["channel"]["from"] == {"type": "app", "user": "alice"}
    assert (await carol.answers()).status == 200
    await board.passes(1)
    assert alice.can_hear(carol.leg)
    assert carol.can_hear(alice.leg)
    assert (await carol.hangs_up()).status == 200
    await board.over()
    assert ending(carol)[0] == ("rtc:hangup", "LOCAL_HANGUP", 200)
    assert ending(alice)[0] == ("rtc:hangup", "REMOTE_HANGUP", 200)


# ── how it ends ────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_who_hangs_up_is_told_that_it_was_itself(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    answer = await alice.hangs_up(code="bye", text="done for today")
    assert (answer.status, answer.body) == (200, {})
    await bob.is_hung_up()
    await board.over()
    assert ending(alice) == [("rtc:hangup", "LOCAL_HANGUP", 200), ("member:left", "local_hangup", None)]
    assert alice.received("member:left")[-1]["body"]["reason"]["text"] == "done for today"
    last = app.events(leg)[-1]
    assert (last["status"], last["disconnected_by"]) == ("completed", "user")


@pytest.mark.parametrize(
    ("fate", "first", "code"),
    [
        (lambda bob: bob.declines(), "remote_rejected", "REMOTE_REJECTED"),
        (lambda bob: bob.is_busy(), "remote_rejected", "REMOTE_BUSY"),
        (lambda bob: bob.never_answers(), "ring_timer", "REMOTE_NO_ANSWER"),
    ],
)
@scenario
async def test_a_callee_who_does_not_come_is_told_by_leaving_first(
    fate: Any, first: str, code: str, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    fate(bob)
    alice = board.browser("alice")
    app.answers(connect(bob.number, timeout=10))
    await alice.logs_in()
    await alice.calls_in()
    await board.over()
    assert [(name, reason) for name, reason, _ in ending(alice)] == [("member:left", first), ("rtc:hangup", code)]


@scenario
async def test_a_caller_may_give_up_while_it_rings(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await bob.rings()
    assert (await alice.hangs_up()).status == 200
    await board.over()
    assert ending(alice)[0] == ("rtc:hangup", "LOCAL_HANGUP", 200)
    assert app.statuses(leg)[-1] == "cancelled"
    assert app.statuses(bob.leg)[-1] == "cancelled"


@scenario
async def test_every_member_of_a_hang_up_is_there(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.answers(talk("Bye."))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.over()
    (hangup,) = alice.received("rtc:hangup")
    body = hangup["body"]
    assert isinstance(hangup["id"], int)
    assert (body["channel"]["id"], body["channel"]["type"]) == (leg, "app")
    assert body["direction"] == "inbound"
    assert body["bandwidth"] == {"bytes_in": 0, "bytes_out": 0}
    assert set(body["quality"]) == {
        "mos_score",
        "quality_percentage",
        "jitter_min_var",
        "jitter_max_var",
        "jitter_loss_rate",
        "jitter_burst_rate",
        "flaw_total",
        "packet_cnt",
        "packet_loss_perc",
    }
    assert all(isinstance(body["quality"][name], int) for name in ("flaw_total", "packet_cnt"))


# ── in the call ────────────────────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_keys_of_a_browser_are_heard_by_scripts_and_sent_on_to_a_phone(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(talk("Press some.", barge_in=True), read_digits(max_digits=3))
    app.on_digits("12#", [connect(bob.number)])
    app.on_digits("12", [connect(bob.number)])
    await alice.logs_in()
    await alice.calls_in()
    await board.passes(0.5)
    pressed = await alice.presses("12#")
    assert (pressed.status, type(pressed.body["id"])) == (200, int)
    assert [one["body"]["digit"] for one in alice.received("audio:dtmf")] == ["1", "2", "#"]
    await board.passes(3)
    assert alice.can_hear(bob.leg)
    await alice.presses("45")
    await board.passes(1)
    assert bob.keys_received == "45"
    bob.presses("9")
    await board.passes(1)
    told = alice.received("audio:dtmf")[-1]["body"]
    assert (told["digit"], told["channel"]["id"], told["channel"]["type"]) == ("9", bob.leg, "phone")
    bob.hangs_up()
    await board.over()


@scenario
async def test_mute_and_earmuff_act_in_the_mixer_and_are_echoed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    for what, still in (("mute", (False, True)), ("earmuff", (True, False))):
        done = await alice.posts(f"audio:{what}:on", {"rtc_id": leg}, to=alice.member)
        assert (done.status, type(done.body["id"])) == (200, int)
        assert (board.media.hears(bob.leg, leg), alice.can_hear(bob.leg)) == still
        assert (await alice.hears_of(f"audio:{what}:on"))["body"]["rtc_id"] == leg
        assert (await alice.posts(f"audio:{what}:off", {"rtc_id": leg}, to=alice.member)).status == 200
        assert (await alice.hears_of(f"audio:{what}:off"))["body"]["rtc_id"] == leg
        assert board.media.hears(bob.leg, leg)
        assert alice.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_mute_by_rest_is_told_to_the_browser(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    app.call(leg).mute()
    assert (await alice.hears_of("audio:mute:on"))["body"]["rtc_id"] == leg
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_browser_says_something_to_all(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    await alice.calls_in()
    await board.passes(3)
    wish = {"text": "hello", "level": 1, "loop": 1, "queue": True, "voice_name": "amy", "ssml": True}
    said = await alice.posts("audio:say", wish)
    assert said.status == 200
    assert (said.body["type"], said.body["body"]["text"], said.body["body"]["level"]) == ("audio:say", "hello", 1)
    await bob.hears("hello")
    told = await alice.hears_of("audio:say")
    assert told["body"]["say_id"] == said.body["body"]["say_id"]
    assert isinstance(told["body"]["level"], int)
    done = await alice.hears_of("audio:say:done")
    assert done["body"]["say_id"] == said.body["body"]["say_id"]
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_browser_goes_to_a_named_conversation_and_is_told_where_it_is(
    app: WebApplication, board: Switchboard
) -> None:
    alice = board.browser("alice")
    app.answers(conversation("room"))
    await alice.logs_in()
    leg = await alice.calls_in()
    old, member = alice.conversation, alice.member
    moved = await alice.hears_of("rtc:transfer")
    assert moved["cid"] != old
    assert moved["body"]["transferred_from"] == old
    assert moved["body"]["was_member"] == member
    assert moved["body"]["channel"]["id"] == leg
    assert not alice.received("member:left")
    alice.conversation, alice.member = moved["cid"], moved["from"]
    read = await alice.asks("GET", f"/v0.3/conversations/{moved['cid']}")
    assert (read.status, read.body["name"], read.body["state"]) == (200, "room", "ACTIVE")
    assert read.body["_embedded"]["member"] == {"id": moved["from"], "state": "JOINED"}
    assert (await alice.hangs_up()).status == 200
    await board.over()
    assert ending(alice)[0] == ("rtc:hangup", "LOCAL_HANGUP", 200)


@scenario
async def test_what_a_browser_reads_of_its_call(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(record(), connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in({"to": "15551234567"})
    await board.passes(3)
    room = (await alice.asks("GET", f"/v0.3/conversations/{alice.conversation}")).body
    assert (room["id"], room["state"]) == (alice.conversation, "ACTIVE")
    assert set(room["timestamp"]) == {"created", "updated"}
    assert room["media_state"] == {
        "mute": False,
        "earmuff": False,
        "play_stream": False,
        "tts": False,
        "recording": True,
        "transcribing": False,
    }
    me = await alice.asks("GET", f"/v0.3/conversations/{alice.conversation}/members/me")
    assert me.body == {"id": alice.member, "state": "JOINED"}
    mine = (await alice.asks("GET", f"/v0.3/legs/{leg}")).body
    assert (mine["id"], mine["conversation_id"], mine["status"]) == (leg, alice.conversation, "answered")
    assert (mine["type"], mine["direction"], mine["end_time"]) == ("app", "inbound", "")
    assert mine["from"] == {"type": "app", "user": "alice"}
    assert mine["to"] == {"type": "phone", "number": "15551234567"}
    page = (await alice.asks("GET", f"/v0.3/conversations/{alice.conversation}/legs")).body
    assert [one["id"] for one in page["_embedded"]["legs"]] == [leg, bob.leg]
    assert all(len(one["media_state"]) == 6 for one in page["_embedded"]["legs"])
    user = (await alice.asks("GET", "/v0.3/users/me")).body
    assert user["name"] == "alice"
    bob.hangs_up()
    await board.over()
    assert (await alice.asks("GET", f"/v0.3/legs/{leg}")).body["status"] == "completed"


# ── audio that comes and goes ──────────────────────────────────────────────────────────────────────────────────────


@scenario
async def test_audio_that_no_call_uses_is_let_go_after_half_a_minute(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    for _ in range(5):
        assert (await alice.reserves()).status == 200
    crowded = await alice.reserves()
    assert (crowded.status, crowded.body["code"]) == (429, "leg:error:too-many")
    assert board.media.gauges()["legs"] == 5
    await board.passes(32)
    assert board.media.gauges()["legs"] == 0
    assert (await alice.reserves()).status == 200
    await board.passes(32)


@scenario
async def test_an_offer_without_audio_is_refused(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    refused = await alice.reserves("v=0")
    assert (refused.status, refused.body["code"]) == (400, "http:error:validation-fail")
    assert "no audio" in refused.body["detail"]


@scenario
async def test_a_call_gets_new_audio_and_goes_on(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    board.webrtc.interrupt(leg)
    await board.passes(5)
    answer = await alice.reconnects()
    assert (answer.status, answer.body) == (200, {"id": leg})
    told = await alice.hears_of("rtc:answer")
    assert told["body"]["rtc_id"] == leg
    assert told["body"]["answer"].startswith("v=0")
    assert told["cid"] == alice.conversation
    await board.passes(60)
    assert alice.can_hear(bob.leg)
    bob.hangs_up()
    await board.over()


@scenario
async def test_a_call_whose_audio_does_not_come_back_ends(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    board.webrtc.interrupt(leg)
    await board.passes(28)
    assert alice.can_hear(bob.leg)
    await bob.is_hung_up(within_s=5)
    await board.over()
    assert ending(alice)[0] == ("rtc:hangup", "REMOTE_HANGUP", 200)


@scenario
async def test_a_page_that_is_loaded_anew_takes_its_call_over(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    leg = await alice.calls_in()
    await board.passes(3)
    alice.loses_its_socket()
    anew = board.browser("alice")
    await anew.logs_in()
    assert anew.session != alice.session
    found = (await anew.asks("GET", f"/v0.3/legs/{leg}")).body
    me = (await anew.asks("GET", f"/v0.3/conversations/{found['conversation_id']}/members/me")).body
    anew.leg, anew.conversation, anew.member = leg, found["conversation_id"], me["id"]
    assert (await anew.reconnects()).status == 200
    await anew.hears_of("rtc:answer")
    await board.passes(60)
    assert anew.can_hear(bob.leg)
    assert (await anew.hangs_up()).status == 200
    await board.over()
    assert ending(anew)[0] == ("rtc:hangup", "LOCAL_HANGUP", 200)
