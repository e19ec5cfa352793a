"""The four transaction tables: complete, and as the RFCs draw them."""

from __future__ import annotations

import pytest

from ringline.base import LocalProtocolError
from ringline.sip import TABLES, Action, Input, Machine, State, Table, draw

_MESSAGES = {
    "INVITE client": (Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.TRANSPORT_ERROR, Input.GIVE_UP),
    "non-INVITE client": (Input.PROVISIONAL, Input.FINAL, Input.TRANSPORT_ERROR, Input.GIVE_UP),
    "INVITE server": (Input.REPEAT, Input.ACK, Input.TRANSPORT_ERROR),
    "non-INVITE server": (Input.REPEAT, Input.TRANSPORT_ERROR),
}


def states_of(table: Table) -> set[State]:
    return {state for state, _ in table} | {after for after, _ in table.values()}


@pytest.mark.parametrize("name", TABLES)
def test_whatever_the_far_end_does_has_a_row_in_every_state(name: str) -> None:
    table = TABLES[name]
    missing = [
        (state, what)
        for state in states_of(table) - {State.TERMINATED}
        for what in _MESSAGES[name]
        if (state, what) not in table
    ]
    assert missing == []


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_and_left(name: str) -> None:
    table = TABLES[name]
    assert {after for after, _ in table.values()} >= {state for state, _ in list(table)[1:]} - {next(iter(table))[0]}
    for state in states_of(table) - {State.TERMINATED}:
        assert any(after is not state for (before, _), (after, _) in table.items() if before is state), state


@pytest.mark.parametrize("name", TABLES)
def test_nothing_leaves_the_end(name: str) -> None:
    assert not any(state is State.TERMINATED for state, _ in TABLES[name])


def test_what_is_not_in_the_table_is_our_own_fault() -> None:
    machine = Machine(TABLES["INVITE server"], State.COMPLETED)
    with pytest.raises(LocalProtocolError):
        machine.step(Input.PROVISIONAL)


def test_a_table_can_be_drawn() -> None:
    drawn = draw(TABLES["INVITE client"]).splitlines()
    assert drawn[0] == "| state | input | next state | action |"
    assert f"| {State.CALLING} | {Input.TIMER_A} | {State.CALLING} | {Action.RESEND} |" in drawn
    assert len(drawn) == 2 + len(TABLES["INVITE client"])
