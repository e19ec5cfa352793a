"""Keys between two connected phones: sent on, so that menus of telephone systems work."""

from __future__ import annotations

from ringline.testing import (
    Phones,
    Switchboard,
    WebApplication,
    connect,
    conversation,
    listen_for_keys,
    read_digits,
    scenario,
    wait,
)


@scenario
async def test_keys_go_through_a_connected_pair_both_ways(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.presses("12#")
    await bob.presses("*")
    await board.passes(1)
    assert bob.keys_received == "12#"
    assert alice.keys_received == "*"


@scenario
async def test_keys_for_a_running_script_are_not_sent_on(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(connect(bob.number), read_digits(max_digits=2, time_out=10), wait(20))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.presses("12")
    await board.passes(2)
    assert bob.keys_received == ""


@scenario
async def test_keys_are_not_sent_on_in_a_conference(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.presses("1")
    await board.passes(1)
    assert bob.keys_received == ""
    for phone in (bob, carol):
        phone.answers()
    app.answers(connect(carol.number))
    assert carol.is_free


@scenario
async def test_a_listener_hears_the_keys_that_go_through(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.answers()
    app.answers(listen_for_keys(app.url("/keys")), connect(bob.number))
    await alice.dials(app.number)
    assert await alice.can_talk_with(bob)
    await alice.presses("7")
    await bob.presses("8")
    await board.passes(1)
    assert [one.json["dtmf"]["digits"] for one in app.received("/keys")] == ["7"]
    assert (bob.keys_received, alice.keys_received) == ("7", "8")


@scenario
async def test_a_key_is_told_once_it_is_up(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(listen_for_keys(app.url("/keys")), wait(60))
    await alice.dials(app.number)
    await app.hears_of("answered")
    alice.presses("5", held_s=3.0)
    await board.passes(2.9)
    assert app.received("/keys") == []
    await board.passes(0.2)
    assert len(app.received("/keys")) == 1
