"""Scripts that are read otherwise than they are written, and scripts that cannot be read at all."""

from __future__ import annotations

import json

import pytest

from ringline.testing import Phones, Switchboard, WebApplication, scenario, talk, text, wait


@scenario
async def test_a_number_out_of_range_is_brought_into_range_and_the_log_says_so(
    app: WebApplication, phones: Phones, board: Switchboard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ringline.engine")
    (alice,) = phones("alice")
    app.answers(wait(0.01), talk("Here we are.", level=9))
    await alice.dials(app.number)
    await alice.hears("Here we are.", to_the_end=True)
    await alice.is_hung_up()
    told = [vars(one)["ringline_fields"]["notes"] for one in caplog.records if "otherwise" in one.getMessage()]
    assert told == [("timeout is out of range, 0.1 is used", "level is out of range, 1 is used")]
    assert app.errors() == []


@scenario
async def test_the_error_event_says_what_is_wrong_and_where(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (alice,) = phones("alice")
    app.replies("/answer", text('[{"action": "talk", "text": "Hi", "loop": "often"},\n {"action": "conect"}]'))
    await alice.dials(app.number)
    await alice.is_hung_up()
    await board.over()
    (reason,) = app.errors()
    assert reason == (
        "Syntax error in NCCO. Invalid value type or action. "
        "[0].loop: a whole number; [1].action: the name of an action"
    )


@scenario
async def test_the_reason_of_an_error_event_is_bounded(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (alice,) = phones("alice")
    deep: object = {}
    for _ in range(70):
        deep = {"k" * 500: deep}
    app.replies("/answer", text(json.dumps([{"action": "notify", "payload": deep}])))
    await alice.dials(app.number)
    await alice.is_hung_up()
    await board.over()
    (reason,) = app.errors()
    assert len(reason) == 500
