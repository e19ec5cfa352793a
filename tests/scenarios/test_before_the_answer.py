"""An inbound leg whose script runs can be steered by REST although nobody has answered the caller yet."""

from __future__ import annotations

import pytest

from ringline.base import ApiError
from ringline.testing import HANGS, CallState, Phones, Switchboard, WebApplication, connect, scenario, talk


@scenario
async def test_a_caller_who_hears_ringing_can_be_transferred(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.never_answers()
    app.answers(connect(bob.number, timeout=60))
    await alice.dials(app.number)
    await bob.rings()
    assert alice.call.state is CallState.RINGING
    app.call(alice.leg).transfer(talk("Bob is not in today."))
    await alice.hears("Bob is not in today.")
    assert app.statuses(bob.leg) == ["started", "ringing", "cancelled"]
    assert app.statuses(alice.leg)[:3] == ["started", "ringing", "answered"]
    await alice.is_hung_up()


@scenario
async def test_words_for_a_caller_who_hears_ringing_come_as_early_audio(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    bob.never_answers()
    app.answers(connect(bob.number, timeout=60))
    await alice.dials(app.number)
    await bob.rings()
    app.call(alice.leg).talk("We are looking for Bob.")
    await alice.hears("We are looking for Bob.")
    assert "answered" not in app.statuses(alice.leg)
    alice.hangs_up()
    await board.over()


@scenario
async def test_while_the_script_is_fetched_nothing_can_be_steered(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", HANGS)
    await alice.dials(app.number)
    await board.passes(1)
    with pytest.raises(ApiError):
        app.call(alice.leg).mute()
    alice.hangs_up()
    await board.over()
