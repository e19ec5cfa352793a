"""Every leg gets exactly one end, whatever the far end says."""

from __future__ import annotations

from itertools import product

import pytest

from ringline.calls.status import FINAL, NEXT, UP, Status, shown_by_rest
from ringline.calls.verdict import Side, Verdict, cancelled, completed, of_sip, refusal_code, timed_out

DETAILS: dict[Status, set[str | None]] = {
    Status.UNANSWERED: {"unavailable", "carrier_timeout"},
    Status.REJECTED: {"invalid_number", "restricted", "declined"},
    Status.FAILED: {"cannot_route", "number_out_of_service", "internal_error"},
    Status.BUSY: {None},
}


def test_every_final_response_has_a_documented_outcome() -> None:
    for code, cause in product(range(300, 700), (None, *range(128))):
        verdict = of_sip(code, cause)
        assert verdict.detail in DETAILS[verdict.status]
        assert verdict.sip_code == code
        assert verdict.side is Side.FAR


def test_a_cause_that_is_not_in_the_table_changes_nothing() -> None:
    for code in range(300, 700):
        assert of_sip(code, 99) == of_sip(code)


@pytest.mark.parametrize("status", list(Status))
def test_a_final_state_is_never_left(status: Status) -> None:
    assert (status in FINAL) == (NEXT[status] == ())
    assert all(following in NEXT for following in NEXT[status])


def test_completed_comes_only_after_an_answer() -> None:
    before = [status for status, following in NEXT.items() if Status.COMPLETED in following]
    assert all(status in UP for status in before)


def test_rest_does_not_show_human_and_disconnected() -> None:
    assert {shown_by_rest(status) for status in Status} == {
        status.value for status in Status if status not in (Status.HUMAN, Status.DISCONNECTED)
    }


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (cancelled(Side.PLATFORM, ""), 603),
        (timed_out(), 480),
        (of_sip(486), 486),
        (of_sip(603), 603),
        (of_sip(404), 503),
        (of_sip(480), 480),
        (completed(Side.FAR, ""), 480),
    ],
    ids=lambda value: getattr(value, "status", str(value)),
)
def test_a_caller_never_answered_is_refused_with_a_fitting_code(verdict: Verdict, code: int) -> None:
    assert refusal_code(verdict) == code
