"""Retries and the fallback URL, row by row of the webhook reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.base import LocalProtocolError, RinglineError
from ringline.webhooks import (
    CONNECTION_CLOSED,
    CONNECTION_RESET,
    INVALID_NCCO,
    INVALID_RESPONSE_CODE,
    SOCKET_TIMEOUT,
    TABLES,
    Attempt,
    Delivery,
    Fault,
    GaveUp,
    Hook,
    Instructions,
    Kind,
    NoInstructions,
    Outcome,
    Phase,
    Reader,
    Result,
)

PRIMARY = Hook(url="https://app.example/webhook", method="POST")
FALLBACK = Hook(url="https://app.example/fallback", method="GET")
PAYLOAD = {"to": "442079460000", "from": "447700900000", "uuid": "u", "conversation_uuid": "CON-1"}
GOOD = (200, b"[talk]")
BAD = (200, b"[broken]")
EMPTY = (200, b"[]")
OK = (200, b"OK")


def parse(body: bytes) -> str:
    """A stand-in for the script reader: knows two scripts."""
    if body in (b"[talk]", b"[]"):
        return body.decode()
    raise RinglineError("Syntax error in NCCO. Invalid value type or action. here")


READER = Reader(parse=parse, looks_like_script=lambda body: body in (b"[talk]", b"[broken]"))

Step = tuple[int, bytes] | str


def run(kind: Kind, *answers: Step, fallback: bool = True) -> tuple[list[str], list[str], Outcome[str]]:
    """Answer each attempt in turn; give the URLs asked, the faults told and the outcome."""
    delivery = Delivery(kind, primary=PRIMARY, payload=PAYLOAD, reader=READER, fallback=FALLBACK if fallback else None)
    waiting = list(answers)
    asked: list[str] = []
    told: list[str] = []
    while True:
        match delivery.poll():
            case Attempt(hook=hook):
                asked.append("fallback" if hook == FALLBACK else "primary")
                answer = waiting.pop(0)
                if isinstance(answer, str):
                    delivery.failed(answer)
                else:
                    delivery.replied(*answer)
            case Fault(reason=reason):
                told.append(reason)
            case Outcome() as outcome:
                assert delivery.poll() is None
                assert waiting == []
                return asked, told, outcome
            case None:
                raise AssertionError("nothing to do, and no outcome")


MUST = [Kind.ANSWER, Kind.EVENT, Kind.REMARK]


@pytest.mark.parametrize("kind", MUST)
def test_a_valid_script_is_done(kind: Kind) -> None:
    assert run(kind, GOOD) == (["primary"], [], Instructions("[talk]"))


@pytest.mark.parametrize("kind", MUST)
@pytest.mark.parametrize(
    "first", [CONNECTION_CLOSED, CONNECTION_RESET, SOCKET_TIMEOUT, (429, b""), (503, b"[talk]"), (504, b"")]
)
def test_what_may_pass_is_tried_once_more(kind: Kind, first: Step) -> None:
    assert run(kind, first, GOOD) == (["primary", "primary"], [], Instructions("[talk]"))


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.EVENT])
@pytest.mark.parametrize("status", [100, 302, 400, 401, 404, 418, 500, 502, 505])
def test_any_other_status_goes_to_the_fallback_without_retry(kind: Kind, status: int) -> None:
    assert run(kind, (status, b"[talk]"), GOOD) == (["primary", "fallback"], [], Instructions("[talk]"))


@pytest.mark.parametrize("kind", MUST)
def test_an_invalid_script_is_told_and_goes_to_the_fallback_without_retry(kind: Kind) -> None:
    asked, told, outcome = run(kind, BAD, GOOD)
    assert (asked, outcome) == (["primary", "fallback"], Instructions("[talk]"))
    assert told == ["Syntax error in NCCO. Invalid value type or action. here"]


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.EVENT])
@pytest.mark.parametrize("second", [SOCKET_TIMEOUT, (503, b""), (500, b""), BAD])
def test_a_second_attempt_that_fails_in_any_way_goes_to_the_fallback(kind: Kind, second: Step) -> None:
    asked, _, outcome = run(kind, SOCKET_TIMEOUT, second, GOOD)
    assert (asked, outcome) == (["primary", "primary", "fallback"], Instructions("[talk]"))


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.EVENT])
@pytest.mark.parametrize("failure", [CONNECTION_RESET, (503, b""), (500, b""), (404, b"")])
def test_the_fallback_is_tried_twice(kind: Kind, failure: Step) -> None:
    asked, _, outcome = run(kind, (500, b""), failure, GOOD)
    assert (asked, outcome) == (["primary", "fallback", "fallback"], Instructions("[talk]"))
    asked, _, outcome = run(kind, (500, b""), failure, SOCKET_TIMEOUT)
    assert (asked, outcome) == (["primary", "fallback", "fallback"], GaveUp(SOCKET_TIMEOUT))


@pytest.mark.parametrize("kind", MUST)
def test_an_invalid_script_of_the_fallback_is_told_and_not_tried_again(kind: Kind) -> None:
    asked, told, outcome = run(kind, SOCKET_TIMEOUT, SOCKET_TIMEOUT, BAD)
    assert (asked, outcome) == (["primary", "primary", "fallback"], GaveUp(INVALID_NCCO))
    assert len(told) == 1


@pytest.mark.parametrize("kind", MUST)
def test_without_a_fallback_it_is_over(kind: Kind) -> None:
    asked, _, outcome = run(kind, SOCKET_TIMEOUT, CONNECTION_CLOSED, fallback=False)
    assert (asked, outcome) == (["primary", "primary"], GaveUp(CONNECTION_CLOSED))
    asked, told, outcome = run(kind, BAD, fallback=False)
    assert (asked, outcome) == (["primary"], GaveUp(INVALID_NCCO))
    assert len(told) == 1


def test_the_end_of_a_call_without_a_script_is_told_once() -> None:
    _, told, _ = run(Kind.ANSWER, (500, b""), fallback=False)
    assert told == ["Invalid response code. No NCCO from https://app.example/webhook."]
    _, told, _ = run(Kind.ANSWER, SOCKET_TIMEOUT, SOCKET_TIMEOUT, (500, b""), CONNECTION_RESET)
    assert told == ["Connection reset. No NCCO from https://app.example/webhook."]
    _, told, _ = run(Kind.EVENT, SOCKET_TIMEOUT, SOCKET_TIMEOUT, fallback=False)
    assert told == []


def test_the_url_that_gave_no_script_is_told_without_its_secrets() -> None:
    hook = Hook(url="https://user:pass@app.example:8443/move?key=secret#part")
    delivery = Delivery(Kind.ANSWER, primary=hook, payload=PAYLOAD, reader=READER)
    delivery.poll()
    delivery.replied(500, b"")
    assert delivery.poll() == Fault(reason="Invalid response code. No NCCO from https://app.example:8443/move.")


@pytest.mark.parametrize("body", [b"", b"OK", b"{}", b"<html>"])
def test_an_answer_without_a_script_is_invalid(body: bytes) -> None:
    asked, told, outcome = run(Kind.ANSWER, (200, body), GOOD)
    assert (asked, outcome) == (["primary", "fallback"], Instructions("[talk]"))
    assert len(told) == 1


def test_an_empty_script_is_valid_for_an_answer() -> None:
    assert run(Kind.ANSWER, EMPTY) == (["primary"], [], Instructions("[]"))


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.REMARK])
@pytest.mark.parametrize("reply", [EMPTY, OK, (204, b""), (200, b"{}"), (202, b""), (205, b""), (299, b"<html>")])
def test_an_event_without_a_script_goes_on(kind: Kind, reply: tuple[int, bytes]) -> None:
    assert run(kind, reply) == (["primary"], [], NoInstructions())


def test_a_fallback_may_say_go_on_as_well() -> None:
    assert run(Kind.EVENT, (500, b""), OK) == (["primary", "fallback"], [], NoInstructions())


@pytest.mark.parametrize("status", [302, 400, 404, 500, 502])
def test_a_refused_remark_is_only_logged(status: int) -> None:
    assert run(Kind.REMARK, (status, b"")) == (["primary"], [], GaveUp(INVALID_RESPONSE_CODE))
    assert run(Kind.REMARK, SOCKET_TIMEOUT, (status, b"")) == (["primary"] * 2, [], GaveUp(INVALID_RESPONSE_CODE))


def test_a_remark_that_cannot_be_delivered_goes_to_the_fallback() -> None:
    assert run(Kind.REMARK, (503, b""), SOCKET_TIMEOUT, GOOD) == (
        ["primary", "primary", "fallback"],
        [],
        Instructions("[talk]"),
    )


@pytest.mark.parametrize("reply", [OK, EMPTY, GOOD, BAD, (204, b"")])
def test_a_notification_does_not_look_at_the_body(reply: tuple[int, bytes]) -> None:
    assert run(Kind.NOTIFICATION, reply) == (["primary"], [], NoInstructions())


@pytest.mark.parametrize("first", [CONNECTION_CLOSED, SOCKET_TIMEOUT, (429, b""), (503, b""), (504, b"")])
def test_a_notification_is_tried_once_more_and_then_dropped(first: Step) -> None:
    assert run(Kind.NOTIFICATION, first, OK) == (["primary", "primary"], [], NoInstructions())
    assert run(Kind.NOTIFICATION, first, CONNECTION_RESET) == (["primary"] * 2, [], GaveUp(CONNECTION_RESET))
    assert run(Kind.NOTIFICATION, first, (500, b"")) == (["primary"] * 2, [], GaveUp(INVALID_RESPONSE_CODE))


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_refused_notification_is_dropped(status: int) -> None:
    assert run(Kind.NOTIFICATION, (status, b"")) == (["primary"], [], GaveUp(INVALID_RESPONSE_CODE))


@pytest.mark.parametrize(
    ("kind", "steps", "reason", "original"),
    [
        (Kind.ANSWER, [(503, b""), (503, b"")], INVALID_RESPONSE_CODE, "answer"),
        (Kind.ANSWER, [(500, b"")], INVALID_RESPONSE_CODE, "answer"),
        (Kind.ANSWER, [BAD], INVALID_NCCO, "answer"),
        (Kind.ANSWER, [CONNECTION_CLOSED, SOCKET_TIMEOUT], SOCKET_TIMEOUT, "answer"),
        (Kind.EVENT, [SOCKET_TIMEOUT, SOCKET_TIMEOUT], SOCKET_TIMEOUT, "event"),
        (Kind.REMARK, [CONNECTION_RESET, CONNECTION_RESET], CONNECTION_RESET, "event"),
    ],
)
def test_the_fallback_gets_the_same_data_and_why(kind: Kind, steps: list[Step], reason: str, original: str) -> None:
    delivery = Delivery(kind, primary=PRIMARY, payload=PAYLOAD, reader=READER, fallback=FALLBACK)
    sent: list[tuple[Phase, Mapping[str, Any]]] = []
    for step in [*steps, CONNECTION_CLOSED, CONNECTION_CLOSED]:
        while not isinstance(out := delivery.poll(), Attempt):
            assert isinstance(out, Fault)
        sent.append((out.phase, out.payload))
        if isinstance(step, str):
            delivery.failed(step)
        else:
            delivery.replied(*step)
    expected = {**PAYLOAD, "reason": reason, "original_request": {"url": PRIMARY.url, "type": original}}
    assert all(payload == PAYLOAD for _, payload in sent[: len(steps)])
    assert sent[len(steps) :] == [(Phase.FALLBACK, expected), (Phase.FALLBACK_AGAIN, expected)]
    assert list(expected) == list(sent[-1][1])


def test_the_tables_have_a_row_for_everything_that_can_happen() -> None:
    under_way = [Phase.FIRST, Phase.SECOND, Phase.FALLBACK, Phase.FALLBACK_AGAIN]
    for kind in MUST:
        assert set(TABLES[kind]) == {(phase, result) for phase in under_way for result in Result}
    assert set(TABLES[Kind.NOTIFICATION]) == {
        (phase, result) for phase in under_way[:2] for result in Result if result is not Result.INVALID
    }


def test_answers_out_of_turn_are_refused() -> None:
    delivery: Delivery[str] = Delivery(Kind.NOTIFICATION, primary=PRIMARY, payload=PAYLOAD)
    assert isinstance(delivery.poll(), Attempt)
    assert delivery.poll() is None
    delivery.replied(200, b"")
    with pytest.raises(LocalProtocolError):
        delivery.replied(200, b"")
    with pytest.raises(LocalProtocolError):
        delivery.failed(SOCKET_TIMEOUT)


def test_only_a_notification_can_do_without_a_reader() -> None:
    with pytest.raises(LocalProtocolError):
        Delivery(Kind.EVENT, primary=PRIMARY, payload=PAYLOAD)


steps = st.sampled_from(
    [CONNECTION_CLOSED, CONNECTION_RESET, SOCKET_TIMEOUT, GOOD, BAD, EMPTY, OK, (204, b""), (404, b""), (503, b"")]
)


@given(st.sampled_from(Kind), st.booleans(), st.lists(steps, min_size=4, max_size=4))
def test_every_delivery_ends_after_at_most_four_attempts(kind: Kind, fallback: bool, answers: list[Step]) -> None:
    delivery = Delivery(kind, primary=PRIMARY, payload=PAYLOAD, reader=READER, fallback=FALLBACK if fallback else None)
    attempts = 0
    outcome: Outcome[str] | None = None
    while (out := delivery.poll()) is not None:
        if isinstance(out, Outcome):
            outcome = out
        elif isinstance(out, Attempt):
            answer = answers[attempts]
            attempts += 1
            if isinstance(answer, str):
                delivery.failed(answer)
            else:
                delivery.replied(*answer)
    assert outcome is not None
    assert attempts <= (4 if fallback and kind is not Kind.NOTIFICATION else 2)
    assert delivery.phase in (Phase.DONE, Phase.FAILED)
    assert (delivery.phase is Phase.FAILED) == isinstance(outcome, GaveUp)
