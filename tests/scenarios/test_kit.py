"""The test kit itself: time, sounds, and that it notices what it is there to notice."""

from __future__ import annotations

import asyncio
import inspect
from datetime import timedelta

import pytest

import ringline.testing
from ringline.base import LegId
from ringline.calls.commands import Release
from ringline.testing import (
    STARTS_AT,
    Caption,
    Deadlock,
    LoopFailure,
    Phones,
    Switchboard,
    VirtualClock,
    WebApplication,
    caption_of,
    captioned,
    connect,
    conversation,
    read_digits,
    run_call,
    scenario,
    talk,
    wait,
)


def test_two_hours_pass_at_once() -> None:
    async def long() -> float:
        clock = VirtualClock(asyncio.get_running_loop())
        began = clock.now()
        await asyncio.sleep(7200)
        assert clock.wallclock() == STARTS_AT + timedelta(seconds=7200)
        return clock.now() - began

    assert run_call(long()) == pytest.approx(7200)


def test_waiting_for_what_cannot_come_is_an_error_where_it_waits() -> None:
    async def forlorn() -> None:
        await asyncio.sleep(3)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="after 3 s") as error:
        run_call(forlorn())
    assert any(entry.name == "forlorn" for entry in error.traceback)


def test_an_error_in_a_callback_is_not_lost() -> None:
    async def careless() -> None:
        asyncio.get_running_loop().call_later(1, lambda: 1 // 0)
        await asyncio.sleep(2)

    with pytest.raises(LoopFailure) as error:
        run_call(careless())
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_results_and_errors_come_through() -> None:
    async def wrong() -> None:
        raise LookupError("this one")

    with pytest.raises(LookupError, match="this one"):
        run_call(wrong())


@pytest.mark.parametrize("text", ["", "Hello.", "Grüße 🎉 \x00", "x" * 1500])
def test_a_caption_is_read_back_from_its_audio(text: str) -> None:
    audio = captioned(Caption("speech", text), seconds=1.0)
    assert caption_of(audio) == Caption("speech", text)
    assert caption_of(audio[2:]) is None
    assert caption_of(b"") is None


def test_a_scenario_is_a_plain_function_with_the_other_parameters() -> None:
    @scenario
    async def test(number: int, app: WebApplication, name: str) -> None:
        """Says something."""

    assert list(inspect.signature(test).parameters) == ["number", "name"]
    assert not inspect.iscoroutinefunction(test)
    assert test.__doc__ == "Says something."


def test_a_leg_that_is_never_let_go_is_noticed() -> None:
    @scenario
    async def leaks(board: Switchboard) -> None:
        board.media.open(LegId("forgotten"))

    with pytest.raises(AssertionError, match="leg forgotten is open"):
        leaks()


def test_a_journal_that_does_not_replay_is_noticed() -> None:
    @scenario
    async def lies(app: WebApplication, phones: Phones, board: Switchboard) -> None:
        (alice,) = phones("alice")
        app.answers(wait(1))
        await alice.dials(app.number)
        await board.over()
        line = next(line for lines in board.store.journals.values() for line in lines if line.data.get("commands"))
        line.data["commands"].append({"=": Release.__name__, "leg": "somebody"})

    with pytest.raises(AssertionError, match="Difference"):
        lies()


def test_an_error_in_the_log_is_noticed() -> None:
    @scenario
    async def complains(app: WebApplication, phones: Phones, board: Switchboard) -> None:
        (alice,) = phones("alice")
        board.recordings.full = "the disk is full"
        app.answers({"action": "record"})
        await alice.dials(app.number)
        await board.over()

    with pytest.raises(AssertionError, match="a recording was lost"):
        complains()


@scenario
async def test_what_was_not_heard_is_reported_with_what_was(app: WebApplication, phones: Phones) -> None:
    (alice,) = phones("alice")
    app.answers(talk("Good morning."), wait(5))
    await alice.dials(app.number)
    with pytest.raises(AssertionError, match=r"alice did not hear 'Good night', but \['Good morning.'\]"):
        await alice.hears("Good night", within_s=2)
    with pytest.raises(AssertionError, match="got nothing on /input"):
        await app.gets("/input", within_s=0.5)
    with pytest.raises(AssertionError, match="was not told of completed"):
        await app.hears_of("completed", within_s=0.5)


@scenario
async def test_words_are_heard_when_they_are_spoken(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    app.answers(talk("One. Two. Three.", barge_in=True), read_digits(max_digits=1))
    await alice.dials(app.number)
    prompt = await alice.hears("One.")
    assert board.clock.now() == pytest.approx(prompt.began + 4 * 0.06)
    await alice.hears("Two.")
    assert board.clock.now() == pytest.approx(prompt.began + 9 * 0.06)
    assert not alice.has_heard("Three.")
    alice.presses("1")
    await board.passes(0.01)
    assert alice.heard_words == ["One. Two."]
    assert prompt.cut


@scenario
async def test_who_comes_late_hears_only_the_rest(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    app.answers(conversation("room"))
    await alice.dials(app.number)
    await board.passes(1)
    alice.says("First half, second half.")
    await board.passes(11 * 0.06)
    await bob.dials(app.number)
    await bob.hears("second half.")
    assert not bob.has_heard("First")


@scenario
async def test_the_state_of_a_phone_can_be_followed(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    alice, bob = phones("alice", "bob")
    assert alice.is_free
    with pytest.raises(AssertionError, match="alice has no call"):
        assert alice.leg
    app.answers(connect(bob.number))
    await alice.dials(app.number)
    await bob.rings()
    await bob.answers(after_s=2)
    assert await alice.can_talk_with(bob)
    alice.hangs_up()
    with pytest.raises(AssertionError, match="alice hung up itself"):
        await alice.is_hung_up()
    assert (await bob.is_hung_up()).ended_by == "ringline"
    assert alice.is_free
    assert bob.is_free


def test_everything_the_front_door_names_is_there() -> None:
    names = ringline.testing.__all__
    assert len(set(names)) == len(names)
    assert all(hasattr(ringline.testing, name) for name in names)
