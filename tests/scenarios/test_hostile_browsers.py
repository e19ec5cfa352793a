"""What clients get that want what is not theirs, or send nonsense: refused alike, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringline.testing import Browser, Phones, Switchboard, WebApplication, connect, scenario, wait
from ringline.testing.browsers import OFFER

NOBODY = "00000000-0000-4000-8000-000000000000"


async def in_a_call(app: WebApplication, board: Switchboard) -> tuple[Browser, Browser]:
    """Alice in a call, and Mallory, another user of the same application."""
    alice, mallory = board.browser("alice"), board.browser("mallory")
    app.answers(wait(600))
    await alice.logs_in()
    await mallory.logs_in()
    await alice.calls_in()
    return alice, mallory


@scenario
async def test_nothing_can_be_told_of_the_calls_of_others(app: WebApplication, board: Switchboard) -> None:
    alice, mallory = await in_a_call(app, board)

    async def both(method: str, path: str, body: Any = None) -> None:
        """The same for what exists and for what does not."""
        real = await mallory.asks(method, path, body)
        guessed = path.replace(alice.conversation, f"CON-{NOBODY}").replace(alice.leg, NOBODY)
        made_up = await mallory.asks(method, guessed.replace(alice.member, f"MEM-{NOBODY}"), body)
        assert real.status == made_up.status, (method, path, real, made_up)
        assert 400 <= real.status < 500
        assert {**real.body, "instance": ""} == {**made_up.body, "instance": ""}

    room, session = f"/v0.3/conversations/{alice.conversation}", {"originating_session": mallory.session}
    await both("GET", room)
    await both("GET", f"{room}/legs")
    await both("GET", f"{room}/members/me")
    await both("GET", f"/v0.3/legs/{alice.leg}")
    await both("PUT", f"{room}/members/{alice.member}", {**session, "state": "joined"})
    await both("DELETE", f"{room}/members/{alice.member}")
    await both("POST", f"{room}/rtc/{alice.leg}/offer", {**session, "body": {"offer": {"sdp": OFFER}}})
    await both("POST", f"{room}/rtc/{alice.leg}/answer", {**session, "body": {"answer": OFFER}})
    await both("POST", f"{room}/events", {**session, "type": "audio:mute:on", "body": {"rtc_id": alice.leg}})
    old = await mallory.asks("DELETE", f"/v0.2/conversations/{alice.conversation}/members/{alice.member}")
    assert old.status == 403
    assert not alice.received("rtc:hangup")
    await alice.hangs_up()
    await board.over()


@scenario
async def test_requests_in_the_name_of_a_session_of_others_are_refused(app: WebApplication, board: Switchboard) -> None:
    alice, mallory = await in_a_call(app, board)
    own = mallory.session
    for named in (alice.session, f"SES-{NOBODY}"):
        mallory.session = named
        refused = await mallory.reserves()
        assert (refused.status, refused.body["code"]) == (403, "session:error:invalid")
        renewed = await mallory.asks("PUT", f"/v0.2/sessions/{named}", "")
        assert (renewed.status, renewed.body["code"]) == (403, "session:error:invalid")
    mallory.session = own
    leg = (await alice.reserves()).body["rtc_id"]
    stolen = await mallory.knocks(leg)
    assert (stolen.status, stolen.body["code"]) == (404, "leg:error:not-found")
    assert (await alice.knocks(leg)).status == 200
    await alice.logs_out()
    await board.over()


@scenario
async def test_in_a_shared_call_nobody_mutes_or_removes_another(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice, mallory = board.browser("alice"), board.browser("mallory")
    app.answers(connect("app:mallory"))
    await alice.logs_in()
    await mallory.logs_in()
    await alice.calls_in()
    await mallory.is_invited()
    await mallory.answers()
    await board.passes(1)
    refused = await mallory.posts("audio:mute:on", {"rtc_id": alice.leg}, to=mallory.member)
    assert (refused.status, refused.body["code"]) == (403, "system:error:permission")
    for path in ("v0.2", "v0.3"):
        removed = await mallory.asks("DELETE", f"/{path}/conversations/{alice.conversation}/members/{alice.member}")
        assert removed.status in (403, 404)
    borrowed = await mallory.posts("audio:dtmf", {"digit": "1"}, **{"from": alice.member})
    assert borrowed.status == 404
    assert mallory.can_hear(alice.leg)
    await alice.hangs_up()
    await board.over()


@scenario
async def test_tokens_open_only_what_their_acl_says(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    weak = app.token(sub="alice", acl={"paths": {"/*/sessions/**": {}, "/*/legs/**": {"methods": ["GET"]}}})
    body = {"originating_session": alice.session, "body": {"offer": {"sdp": OFFER}}}
    for method, path in (("POST", "/v0.3/legs"), ("POST", "/v0.3/knocking"), ("GET", "/v0.3/users/me")):
        refused = await alice.asks(method, path, body if method == "POST" else None, token=weak)
        assert (refused.status, refused.body["code"]) == (403, "system:error:permission")
    admin = await alice.asks("POST", "/v0.3/legs", body, token=app.token())
    assert admin.status == 403
    none = await alice.asks("POST", "/v0.3/legs", body, headers={"authorization": ""})
    assert none.status == 401


@scenario
async def test_browsers_of_every_origin_may_ask(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    preflight = await alice.asks("OPTIONS", "/v0.3/legs", headers={"origin": "https://shop.example.com"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert int(preflight.headers["access-control-max-age"]) > 0
    for path in ("/v0.3/users/me", "/v0.3/nothing/here", "/v0.3/conversations", "/v0.3/users/nobody"):
        assert (await alice.asks("GET", path)).headers["access-control-allow-origin"] == "*"
    for path in ("/v0.3/conversations", "/v0.3/conversations/CON-1/members", "/v0.3/conversations/CON-1/events"):
        unknown = await alice.asks("GET", path)
        assert (unknown.status, unknown.body["code"]) == (404, "http:error:not-found"), path
    assert {"title", "detail", "code"} <= set(unknown.body)
    outside = await alice.asks("GET", "/v1/users/me")
    assert "access-control-allow-origin" not in outside.headers


@pytest.mark.parametrize("frame", ["nonsense", "42", "42[", '42[{"a":1}]', "9" * 70_000, "40/admin,", "451-[1]"])
@scenario
async def test_nonsense_on_the_channel_costs_the_connection_and_nothing_else(
    frame: str, app: WebApplication, board: Switchboard
) -> None:
    alice, mallory = await in_a_call(app, board)
    mallory.says(frame)
    await board.passes(0.1)
    assert not mallory.is_connected()
    assert alice.is_connected()
    assert await mallory.logs_in(token=mallory.token, resumes=True) == "session:success"
    await alice.hangs_up()
    await board.over()


@scenario
async def test_events_that_clients_have_not_to_send_are_ignored(app: WebApplication, board: Switchboard) -> None:
    alice, mallory = await in_a_call(app, board)
    for frame in ('42["member:left",{}]', '427["anything",{"body":{}}]', "43999999[]", "2", "6", "3"):
        mallory.says(frame)
    await board.passes(0.1)
    assert mallory.is_connected()
    await alice.hangs_up()
    await board.over()


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    [
        *("originating_session", "body", "channel", "properties", "custom_data", "id", "offer", "answer", "sdp"),
        *("type", "from", "to", "state", "rtc_id", "digit", "text", "level", "loop", "stream_url"),
    ]
)
bodies = st.dictionaries(names, json_values | st.dictionaries(names, json_values, max_size=4), max_size=6)
requests = st.sampled_from(
    [
        ("POST", "/v0.3/legs"),
        ("POST", "/v0.3/knocking"),
        ("DELETE", "/v0.3/knocking/x"),
        ("POST", "/v0.3/conversations/{cid}/events"),
        ("PUT", "/v0.3/conversations/{cid}/members/{mid}"),
        ("POST", "/v0.3/conversations/{cid}/rtc/{leg}/offer"),
        ("POST", "/v0.3/conversations/{cid}/rtc/{leg}/answer"),
        ("POST", "/v0.3/conversations/{cid}/rtc/x/answer"),
        ("PUT", "/v0.2/sessions/{sid}"),
        ("POST", "/v2/rtc/metrics"),
        ("GET", "/v0.3/legs/x"),
        ("GET", "/v0.3/users/x"),
    ]
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(requests, bodies, st.booleans(), st.sampled_from(["audio:say", "audio:dtmf", "audio:play"])),
        max_size=40,
    )
)
def test_whatever_a_body_says_the_answer_is_a_refusal_or_a_success(asked: list[Any]) -> None:
    @scenario
    async def play(app: WebApplication, board: Switchboard) -> None:
        alice, _ = await in_a_call(app, board)
        for (method, path), body, signed, kind in asked:
            place = {"cid": alice.conversation, "mid": alice.member, "leg": alice.leg, "sid": alice.session}
            if signed:
                body = {**body, "originating_session": alice.session, "type": kind}
            answer = await alice.asks(method, path.format(**place), body)
            assert answer.status < 500, (method, path, body, answer)
        await alice.logs_out()
        await asyncio.sleep(40)

    play()
