"""Sessions of the client wire: logging in, losing the socket, coming back (client SDK reference, section 4)."""

from __future__ import annotations

import pytest

from ringline.testing import Phones, Switchboard, WebApplication, connect, scenario, talk, wait


@scenario
async def test_a_login_is_answered_with_the_session_and_its_user(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    assert await alice.logs_in() == "session:success"
    user = await board.make_user(app, "alice")
    body = alice.received("session:success")[0]["body"]
    assert body["id"].startswith("SES-")
    assert (body["user_id"], body["name"], body["api_key"]) == (user.id, "alice", "abcd1234")
    assert body["pending_events"] == []


@pytest.mark.parametrize(
    ("claims", "frame"),
    [
        ({"sub": "nobody"}, "system:error:invalid-token"),
        ({"sub": None}, "user:error:invalid-user"),
        ({"iat": 1}, "system:error:invalid-token"),
        ({"acl": {"paths": {"/*/users/**": {}}}}, "system:error:permission"),
    ],
)
@scenario
async def test_a_login_without_a_good_token_is_refused(
    claims: dict[str, object], frame: str, app: WebApplication, board: Switchboard
) -> None:
    alice = board.browser("alice")
    await board.make_user(app, "alice")
    given = {name: value for name, value in ({"sub": "alice"} | claims).items() if value is not None}
    assert await alice.logs_in(token=app.token(**given)) == frame
    await board.passes(0.1)
    assert not alice.is_connected()


@scenario
async def test_nonsense_for_a_token_is_refused(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    assert await alice.logs_in(token="nonsense") == "system:error:invalid-token"


@scenario
async def test_other_transports_are_not_served(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    assert await alice.logs_in(transport="polling") == "closed"
    assert await alice.logs_in(EIO="3") == "closed"


@scenario
async def test_a_user_has_so_many_sessions_at_most(app: WebApplication, board: Switchboard) -> None:
    for _ in range(10):
        assert await board.browser("alice").logs_in() == "session:success"
    assert await board.browser("alice").logs_in() == "session:error:max-open-sessions"
    assert await board.browser("carol").logs_in() == "session:success"


@scenario
async def test_a_session_that_comes_back_is_the_same_and_gets_what_it_missed(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.answers(after_s=5)
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    await alice.calls_in()
    session = alice.session
    alice.loses_its_socket()
    before = len(alice.frames)
    await board.passes(10)
    assert len(alice.frames) == before
    assert await alice.logs_in(token=alice.token, resumes=True) == "session:success"
    assert alice.session == session
    numbers = [payload["id"] for _, payload in alice.frames if "id" in payload]
    assert numbers == sorted(set(numbers))
    told = [payload["body"]["status"] for payload in alice.received("leg:status:update")]
    assert "answered" in told
    assert alice.can_hear(bob.leg)
    answer = await alice.asks("POST", "/v2/rtc/metrics", {"body": {"sessionId": session, "metrics": []}})
    assert (answer.status, answer.body) == (200, b"")
    assert (await alice.hangs_up()).status == 200
    await board.over()
    assert "rtc:hangup" in alice.names()


@scenario
async def test_a_session_that_does_not_come_back_ends_with_its_calls(
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
    await board.passes(28)
    assert alice.can_hear(bob.leg)
    await bob.is_hung_up(within_s=5)
    await board.over()
    assert await alice.logs_in(token=alice.token, resumes=True) == "session:invalid"
    assert app.events(leg)[-1]["disconnected_by"] == "user"
    left = [one for one in board.store.events_of(alice.conversation) if one.type == "member:left"]
    assert "ClientDisconnected" in [one.body["reason"].get("text") for one in left]


@scenario
async def test_who_logs_out_ends_its_calls_at_once(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.answers()
    alice = board.browser("alice")
    app.answers(connect(bob.number))
    await alice.logs_in()
    await alice.calls_in()
    await board.passes(3)
    await alice.logs_out()
    await bob.is_hung_up(within_s=0.5)
    await alice.hears_of("session:logged-out")
    await board.over()


@scenario
async def test_nobody_comes_back_to_the_session_of_another(app: WebApplication, board: Switchboard) -> None:
    alice, mallory = board.browser("alice"), board.browser("mallory")
    await alice.logs_in()
    await mallory.logs_in()
    alice.loses_its_socket()
    mallory.loses_its_socket()
    mallory.session = alice.session
    assert await mallory.logs_in(token=mallory.token, resumes=True) == "session:invalid"
    mallory.session = "SES-00000000-0000-4000-8000-000000000000"
    assert await mallory.logs_in(token=mallory.token, resumes=True) == "session:invalid"
    assert await alice.logs_in(token=alice.token, resumes=True) == "session:success"


@scenario
async def test_a_token_that_ends_ends_the_session_unless_there_is_a_newer_one(
    app: WebApplication, board: Switchboard
) -> None:
    now = int(board.clock.wallclock().timestamp())
    alice, carol = board.browser("alice"), board.browser("carol")
    for browser in (alice, carol):
        await board.make_user(app, browser.name)
        await browser.logs_in(token=app.token(sub=browser.name, iat=now, exp=now + 100))
    newer = app.token(sub="carol", iat=now, exp=now + 1000)
    answer = await carol.asks("PUT", f"/v0.2/sessions/{carol.session}", "", token=newer)
    assert (answer.status, answer.body) == (200, {"session_id": carol.session})
    await board.passes(200)
    assert not alice.is_connected()
    assert carol.is_connected()
    await board.passes(1000)
    assert not carol.is_connected()


@scenario
async def test_a_browser_that_answers_no_ping_is_away(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    await alice.logs_in()
    await board.passes(100)
    assert alice.is_connected()
    alice.answers_pings = False
    await board.passes(50)
    assert not alice.is_connected()
    assert await alice.logs_in(token=alice.token, resumes=True) == "session:success"


@scenario
async def test_a_call_survives_a_socket_that_is_replaced_before_we_have_noticed(
    app: WebApplication, board: Switchboard
) -> None:
    alice = board.browser("alice")
    app.answers(wait(30), talk("Still here."))
    await alice.logs_in()
    await alice.calls_in()
    old = alice._socket
    assert await alice.logs_in(token=alice.token, resumes=True) == "session:success"
    await board.passes(1)
    assert old is not None
    assert old.closed
    await alice.hears_of("rtc:hangup")
    await board.over()
    assert [one.text for one in alice.heard] == ["Still here."]


@scenario
async def test_the_sessions_of_a_user_are_listed(app: WebApplication, board: Switchboard) -> None:
    browsers = [board.browser("alice") for _ in range(3)]
    for browser in browsers:
        await browser.logs_in()
    path = "/v1/users/me/sessions?page_size=2"
    page = (await browsers[0].asks("GET", path)).body
    assert [one["id"] for one in page["_embedded"]["sessions"]] == [one.session for one in browsers[:2]]
    first = page["_embedded"]["sessions"][0]
    assert (first["_embedded"]["user"]["name"], first["_embedded"]["api_key"]) == ("alice", "abcd1234")
    assert first["properties"] == {"ttl": 30}
    following = page["_links"]["next"]["href"].partition("?")[2]
    page = (await browsers[0].asks("GET", f"/v1/users/me/sessions?{following}")).body
    assert [one["id"] for one in page["_embedded"]["sessions"]] == [browsers[2].session]
    page = (await browsers[0].asks("GET", f"{path}&order=desc")).body
    assert [one["id"] for one in page["_embedded"]["sessions"]] == [browsers[2].session, browsers[1].session]
