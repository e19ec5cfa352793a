"""The figures of RFC 3261 section 17 written down once more, by hand, arrow by arrow: the tables must agree.

Figures 5 to 8, as RFC 6026 changed them: a 2xx leads to Accepted instead of the end (timers L and M), and a server
whose answer could not be sent stays where it is. The machines themselves are walked in `test_every_arrow`.
"""

from __future__ import annotations

from typing import Final

import pytest

from ringline.sip import TABLES, Action, Input, State

FIGURES: Final = {
    "INVITE client": """
        calling    | timer A         | calling    | send again
        calling    | timer B         | terminated | report timeout
        calling    | transport error | terminated | report transport error
        calling    | 1xx             | proceeding | pass up
        calling    | 2xx             | accepted   | pass up
        calling    | 300-699         | completed  | send ACK, pass up
        proceeding | 1xx             | proceeding | pass up
        proceeding | 2xx             | accepted   | pass up
        proceeding | 300-699         | completed  | send ACK, pass up
        accepted   | 2xx             | accepted   | pass up
        accepted   | timer M         | terminated | end
        completed  | 300-699         | completed  | send ACK again
        completed  | transport error | terminated | end
        completed  | timer D         | terminated | end
    """,
    "non-INVITE client": """
        trying     | timer E         | trying     | send again
        trying     | timer F         | terminated | report timeout
        trying     | transport error | terminated | report transport error
        trying     | 1xx             | proceeding | pass up
        trying     | 200-699         | completed  | pass up
        proceeding | timer E         | proceeding | send again
        proceeding | timer F         | terminated | report timeout
        proceeding | transport error | terminated | report transport error
        proceeding | 1xx             | proceeding | pass up
        proceeding | 200-699         | completed  | pass up
        completed  | timer K         | terminated | end
    """,
    "INVITE server": """
        proceeding | request again   | proceeding | send again
        proceeding | 1xx             | proceeding | send
        proceeding | 2xx             | accepted   | send
        proceeding | 300-699         | completed  | send
        accepted   | ACK             | accepted   | pass up
        accepted   | 2xx             | accepted   | send
        accepted   | timer L         | terminated | end
        completed  | request again   | completed  | send again
        completed  | timer G         | completed  | send again
        completed  | ACK             | confirmed  | nothing
        completed  | timer H         | terminated | report timeout
        completed  | transport error | terminated | report transport error
        confirmed  | timer I         | terminated | end
    """,
    "non-INVITE server": """
        trying     | 1xx             | proceeding | send
        trying     | 200-699         | completed  | send
        proceeding | request again   | proceeding | send again
        proceeding | 1xx             | proceeding | send
        proceeding | 200-699         | completed  | send
        completed  | request again   | completed  | send again
        completed  | timer J         | terminated | end
    """,
}
"State, what happens, state after, what is done. At Completed the user of a client has heard all there is to hear."


def arrows(name: str) -> dict[tuple[State, Input], tuple[State, Action]]:
    rows = [[word.strip() for word in line.split("|")] for line in FIGURES[name].strip().splitlines()]
    return {(State(before), Input(what)): (State(after), Action(done)) for before, what, after, done in rows}


@pytest.mark.parametrize(
    ("name", "arrow"),
    [pytest.param(name, arrow, id=f"{name}: {', '.join(arrow)}") for name in FIGURES for arrow in arrows(name)],
)
def test_an_arrow_of_the_figure_is_in_the_table(name: str, arrow: tuple[State, Input]) -> None:
    assert TABLES[name][arrow] == arrows(name)[arrow]


@pytest.mark.parametrize("name", FIGURES)
def test_what_the_figure_does_not_draw_changes_nothing_or_ends_what_nobody_waits_for(name: str) -> None:
    """Late and repeated messages are absorbed; `given up` is how a user leaves that waits no longer.

    One arrow is more than the figure has: the connection breaks over which the answer to an INVITE would come.
    """
    drawn = arrows(name)
    for (before, what), (after, done) in TABLES[name].items():
        if (before, what) in drawn:
            continue
        if what is Input.GIVE_UP and after is State.TERMINATED:
            assert done is Action.END
        elif (name, before, what) == ("INVITE client", State.PROCEEDING, Input.TRANSPORT_ERROR):
            assert (after, done) == (State.TERMINATED, Action.REPORT_ERROR)
        else:
            assert (after, done) == (before, Action.ABSORB), f"{before}, {what}"
