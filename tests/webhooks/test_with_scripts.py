"""Deliveries with the real script reader, wired as the engine wires them."""

from __future__ import annotations

import json

import pytest

from ringline import ncco
from ringline.webhooks import (
    INVALID_NCCO,
    Attempt,
    Delivery,
    Fault,
    GaveUp,
    Hook,
    Instructions,
    Kind,
    NoInstructions,
    Outcome,
    Reader,
)

READER = Reader(parse=ncco.parse, looks_like_script=ncco.looks_like_ncco)
TALK = [{"action": "talk", "text": "Hello"}]


def run(kind: Kind, *bodies: bytes, fallback: bool = False) -> tuple[list[str], Outcome[ncco.Ncco]]:
    delivery = Delivery(
        kind,
        primary=Hook(url="https://app.example/webhook"),
        payload={},
        reader=READER,
        fallback=Hook(url="https://app.example/fallback", method="GET") if fallback else None,
    )
    waiting = list(bodies)
    told: list[str] = []
    while not isinstance(out := delivery.poll(), Outcome):
        match out:
            case Attempt():
                delivery.replied(200, waiting.pop(0))
            case Fault(reason=reason):
                told.append(reason)
    return told, out


def test_a_script_is_read_once_it_comes() -> None:
    told, outcome = run(Kind.ANSWER, json.dumps(TALK).encode())
    assert told == []
    assert outcome == Instructions(ncco.from_json(TALK))


@pytest.mark.parametrize("body", [b"OK", b"", b"[]", b"{}", b"<html></html>", b'{"status":"ok"}'])
def test_frameworks_that_answer_ok_do_not_disturb_a_call(body: bytes) -> None:
    assert run(Kind.EVENT, body) == ([], NoInstructions())


def test_an_interruptible_prompt_before_connect_is_told_and_ends_the_call() -> None:
    script = [
        {"action": "talk", "text": "x", "bargeIn": True},
        {"action": "connect", "endpoint": [{"type": "phone", "number": "447700900001"}]},
    ]
    told, outcome = run(Kind.ANSWER, json.dumps(script).encode())
    assert outcome == GaveUp(INVALID_NCCO)
    (reason,) = told
    assert reason.startswith("Syntax error in NCCO. Invalid value type or action. [0].bargeIn: ")


def test_a_fallback_script_saves_the_call() -> None:
    told, outcome = run(Kind.ANSWER, b'[{"action":"tlak"}]', json.dumps(TALK).encode(), fallback=True)
    assert len(told) == 1
    assert isinstance(outcome, Instructions)


def test_an_array_with_wrong_content_is_invalid_for_events_too() -> None:
    told, outcome = run(Kind.EVENT, b'[{"action":"fly"}]')
    assert (len(told), outcome) == (1, GaveUp(INVALID_NCCO))
