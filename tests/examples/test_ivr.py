"""The IVR example: keys cut the prompt, sub-menus, back, wrong keys, silence."""

from __future__ import annotations

from types import ModuleType

from ringline.testing import Switchboard, scenario


@scenario
async def test_a_caller_finds_the_way_down_and_back(board: Switchboard, example: ModuleType) -> None:
    app = board.application(wsgi=example.create_app())
    alice = board.phone("alice")
    await alice.dials(app.number)
    prompt = await alice.hears("Welcome. For opening hours")
    await alice.presses("2")
    assert prompt.cut
    await alice.hears("For London, press 1")
    await alice.presses("2")
    await alice.hears("20 Sample Road, Leeds")
    await alice.presses("0")
    await alice.hears("For opening hours", to_the_end=True)
    await alice.presses("1")
    await alice.hears("nine to five")
    alice.hangs_up()
    await board.over()
    assert app.errors() == []


@scenario
async def test_wrong_keys_and_silence_are_asked_again_and_then_the_call_ends(
    board: Switchboard, example: ModuleType
) -> None:
    app = board.application(wsgi=example.create_app())
    alice = board.phone("alice")
    await alice.dials(app.number)
    await alice.hears("Welcome", to_the_end=True)
    await alice.presses("7")
    await alice.hears("That is no choice. For opening hours", to_the_end=True)
    await alice.hears("I did not hear a key. For opening hours", to_the_end=True)
    await alice.hears("Please call again. Goodbye.", to_the_end=True)
    await alice.is_hung_up()
    await board.over()
    assert app.errors() == []
