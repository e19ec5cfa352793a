"""Browsers on the client wire: logging in, calling, being called (client SDK reference)."""

from __future__ import annotations

from ringline.testing import Phones, Switchboard, WebApplication, connect, scenario, talk


@scenario
async def test_a_browser_calls_the_application_and_hears_it(app: WebApplication, board: Switchboard) -> None:
    alice = board.browser("alice")
    app.answers(talk("Hello, Alice."))
    assert await alice.logs_in() == "session:success"
    leg = await alice.calls_in({"to": "15551234567", "foo": "bar", "n": 3})
    await alice.hears_of("rtc:hangup")
    await board.over()
    asked = app.received("/answer")[0].json
    assert (asked["from_user"], asked["to"], asked["uuid"]) == ("alice", "15551234567", leg)
    assert asked["custom_data"] == {"foo": "bar", "n": 3}
    assert "from" not in asked
    assert app.statuses(leg) == ["started", "ringing", "answered", "completed"]
    assert [one.text for one in alice.heard] == ["Hello, Alice."]


@scenario
async def test_a_phone_calls_a_browser(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    alice = board.browser("alice")
    app.answers(connect("app:alice"))
    await alice.logs_in()
    await bob.dials(app.number)
    invitation = await alice.is_invited()
    print(invitation)
    assert (await alice.answers()).status == 200
    await alice.hears_of("member:joined")
    assert alice.can_hear(bob.leg)
    bob.hangs_up()
    await alice.hears_of("rtc:hangup")
    await board.over()
    print(alice.names())
