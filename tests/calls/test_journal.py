"""Running a journal again."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import ringline.calls
from ringline.calls import replay
from ringline.calls.codec import CodecError
from ringline.testing import Switchboard, connect, read_digits, run_call, talk


def recorded() -> list[dict[str, Any]]:
    """The journal of a call that went through a menu to a second phone."""

    async def call() -> list[dict[str, Any]]:
        board = Switchboard()
        app, (alice, bob) = board.application(), board.phones("alice", "bob")
        app.answers(talk("Press one.", barge_in=True), read_digits(max_digits=1))
        app.on_digits("1", [connect(bob.number)])
        bob.answers()
        await alice.dials(app.number)
        await alice.hears("Press")
        alice.presses("1")
        assert await alice.can_talk_with(bob)
        bob.hangs_up()
        await board.over()
        await board.close()
        ((_, lines),) = board.store.journals.items()
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        return [json.loads(json.dumps(line.data)) for line in lines if line.kind == "input"]

    return run_call(call())


def test_a_journal_gives_the_same_commands_again() -> None:
    lines = recorded()
    assert replay(lines) is None
    assert replay(lines[:5]) is None
    assert len(lines) >= 10


def test_the_same_call_gives_the_same_journal() -> None:
    assert recorded() == recorded()


def test_the_first_difference_is_found() -> None:
    lines = recorded()
    changed = copy.deepcopy(lines)
    line = next(number for number, one in enumerate(changed) if len(one["commands"]) > 2)
    changed[line]["commands"].pop()
    difference = replay(changed)
    assert difference is not None
    assert difference.line == line + 1
    assert difference.now == lines[line]["commands"]


def test_a_journal_of_another_format_is_refused() -> None:
    lines = recorded()
    lines[3]["format"] = 99
    with pytest.raises(CodecError, match="line 4"):
        replay(lines)


def test_a_journal_without_its_beginning_is_refused() -> None:
    with pytest.raises(CodecError):
        replay(recorded()[1:])


def test_no_lines_are_no_difference() -> None:
    assert replay([]) is None


def test_the_front_door_is_in_order() -> None:
    assert list(ringline.calls.__all__) == sorted(ringline.calls.__all__)
    assert all(hasattr(ringline.calls, name) for name in ringline.calls.__all__)
