"""States as tables: every pair of state and input that may happen has a row; anything else is our own fault."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, unique

from ringline.base import LocalProtocolError


@unique
class State(StrEnum):
    """The states of the four transactions (RFC 3261 section 17, RFC 6026)."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@unique
class Input(StrEnum):
    """What can happen to a transaction."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    FINAL = "200-699"
    REPEAT = "request again"
    ACK = "ACK"
    GIVE_UP = "given up by its user"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "timer A"
    TIMER_B = "timer B"
    TIMER_D = "timer D"
    TIMER_E = "timer E"
    TIMER_F = "timer F"
    TIMER_G = "timer G"
    TIMER_H = "timer H"
    TIMER_I = "timer I"
    TIMER_J = "timer J"
    TIMER_K = "timer K"
    TIMER_L = "timer L"
    TIMER_M = "timer M"


@unique
class Action(StrEnum):
    """What a transaction does about it."""

    ABSORB = "nothing"
    PASS_UP = "pass up"
    RESEND = "send again"
    SEND = "send"
    ACK_AND_PASS_UP = "send ACK, pass up"
    RESEND_ACK = "send ACK again"
    TIME_OUT = "report timeout"
    REPORT_ERROR = "report transport error"
    END = "end"


Table = Mapping[tuple[State, Input], tuple[State, Action]]


class Machine:
    """A state and the table it moves by."""

    __slots__ = ("_table", "state")

    def __init__(self, table: Table, state: State) -> None:
        self._table = table
        self.state = state

    def step(self, what: Input) -> Action:
        """Move, and return what to do.

        Raises:
            LocalProtocolError: the table has no row for this; the calling code asked for the impossible.
        """
        row = self._table.get((self.state, what))
        if row is None:
            raise LocalProtocolError(f"{what} cannot happen in state {self.state}")
        self.state, action = row
        return action


def draw(table: Table) -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| state | input | next state | action |", "|---|---|---|---|"]
    lines += [f"| {state} | {what} | {after} | {action} |" for (state, what), (after, action) in table.items()]
    return "\n".join(lines)
