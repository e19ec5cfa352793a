"""When something breaks that must not: only that conversation ends, and its legs have an end all the same."""

from __future__ import annotations

import pytest

from ringline.testing import CallState, Phones, Switchboard, WebApplication, conversation, ncco, scenario, talk, wait

BUG = "a conversation broke: a bug"


def break_on_keys(patch: pytest.MonkeyPatch) -> None:
    def boom(*_: object) -> None:
        raise RuntimeError("a rule that does not hold")

    patch.setattr("ringline.calls.keys.pressed", boom)


@scenario
async def test_a_bug_in_the_rules_ends_one_conversation_and_no_other(
    app: WebApplication, phones: Phones, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    board.expects_trouble(BUG)
    break_on_keys(monkeypatch)
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    app.answers(wait(60), talk("Unharmed."))
    await carol.dials(app.number)
    assert await alice.can_talk_with(bob)
    alice.presses("1")
    await alice.is_hung_up(within_s=1)
    await bob.is_hung_up(within_s=1)
    assert alice.call.code is None
    await carol.hears("Unharmed.", within_s=70)
    for leg in (alice.leg, bob.leg):
        end = await app.hears_of("completed", leg)
        assert end["disconnected_by"] == "platform"
        assert (await app.call(leg).record()).status == "completed"


@scenario
async def test_the_name_of_a_broken_conversation_can_be_used_again(
    app: WebApplication, phones: Phones, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    board.expects_trouble(BUG)
    app.changes(conversations_ttl_h=1)
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await app.hears_of("answered")
    with monkeypatch.context() as patch:
        break_on_keys(patch)
        alice.presses("1")
        await alice.is_hung_up(within_s=1)
    await board.passes(1800)
    await bob.dials(app.number)
    await board.passes(1801)  # the lifetime of the broken one is over
    await carol.dials(app.number)
    assert await bob.can_talk_with(carol)


@scenario
async def test_a_caller_not_answered_yet_hears_500(
    app: WebApplication, phones: Phones, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alice,) = phones("alice")
    board.expects_trouble(BUG)
    break_on_keys(monkeypatch)
    app.replies("/answer", ncco(talk("Never."), after_s=3))
    call = await alice.dials(app.number)
    await board.passes(1)
    alice.presses("1")
    await alice.is_hung_up(within_s=1)
    await board.over()
    assert (call.state, call.code) == (CallState.ENDED, 500)
    assert app.statuses() == ["started", "ringing", "failed"]


@scenario
async def test_a_shell_that_fails_ends_only_that_call(
    app: WebApplication, phones: Phones, board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = phones("alice", "bob")
    board.expects_trouble(BUG)
    app.answers(wait(30), talk("Unharmed."))
    await alice.dials(app.number)
    await bob.dials(app.number)
    await board.passes(1)

    def boom(*_: object) -> None:
        raise OSError("no such device")

    with monkeypatch.context() as patch:
        patch.setattr(board.media, "send_keys", boom)
        app.call(alice.leg).send_keys("1")
    await alice.is_hung_up(within_s=1)
    await bob.hears("Unharmed.")


@scenario
async def test_an_application_deleted_under_its_calls(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(wait(5), conversation("room"))
    await alice.dials(app.number)
    await bob.dials(app.number)
    await app.hears_of("answered")
    board.directory.drop_application(app.id)
    await board.passes(6)
    assert await alice.can_talk_with(bob)
    app.call(alice.leg).transfer(talk("Good bye."))
    await alice.hears("Good bye.", to_the_end=True)
    bob.hangs_up()
    await board.over()
    assert app.statuses(alice.leg)[-1] == app.statuses(bob.leg)[-1] == "completed"
    assert (await board.store.leg(alice.leg)) is not None


@scenario
async def test_closing_the_engine_ends_every_call_properly(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob, carol = phones("alice", "bob", "carol")
    app.answers({"action": "record"}, wait(600))
    await alice.dials(app.number)
    await app.hears_of("answered", alice.leg)
    await app.calls(bob.number, ncco=[wait(600)])
    await bob.rings()
    app.replies("/answer", ncco(wait(600), after_s=4))
    await carol.dials(app.number)
    await board.engine.close()
    ends = {event["uuid"]: event for event in app.events()}
    assert ends[alice.leg]["status"] == "completed"
    assert ends[bob.leg]["status"] == "cancelled"
    assert ends[carol.leg]["status"] == "cancelled"
    assert {event.get("disconnected_by") for event in ends.values()} <= {"platform", None}
    assert len(app.recordings()) == 1
