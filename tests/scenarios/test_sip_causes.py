"""What the far end's SIP answer means for a call (call flow reference, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from ringline.testing import Phones, Switchboard, WebApplication, connect, scenario, talk

ROWS: list[tuple[int, str, str | None]] = [
    *[(code, "failed", "internal_error") for code in (400, 401, 405, 407, 415, 420, 488, 491, 606)],
    *[(code, "rejected", "restricted") for code in (402, 403, 423, 608)],
    (404, "failed", "cannot_route"),
    *[(code, "rejected", "invalid_number") for code in (406, 484, 485, 416)],
    (408, "unanswered", "carrier_timeout"),
    *[(code, "failed", "number_out_of_service") for code in (410, 604)],
    (480, "unanswered", "unavailable"),
    (486, "busy", None),
    (600, "busy", None),
    (487, "unanswered", "unavailable"),
    *[(code, "failed", "internal_error") for code in (500, 501, 502, 503, 505, 513, 580)],
    (504, "unanswered", "carrier_timeout"),
    (603, "rejected", "declined"),
    (607, "rejected", "declined"),
    (499, "failed", "internal_error"),
    (599, "failed", "internal_error"),
    (699, "rejected", "restricted"),
    (302, "failed", "cannot_route"),
]


@pytest.mark.parametrize(("code", "status", "detail"), ROWS)
@scenario
async def test_each_final_response_has_its_status_and_detail(
    code: int, status: str, detail: str | None, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.rejects(code)
    call = await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    assert app.statuses() == ["started", status]
    end = app.events()[-1]
    assert (end.get("detail"), end["sip_code"]) == (detail, code)
    record = await call.record()
    assert (record.status, record.detail, record.sip_code, record.duration_s) == (status, detail, code, 0)


@pytest.mark.parametrize("code", [480, 503, 477])
@pytest.mark.parametrize(
    ("q850", "status", "detail"),
    [
        (1, "failed", "number_out_of_service"),
        (17, "busy", None),
        (18, "unanswered", "unavailable"),
        (19, "unanswered", "unavailable"),
        (21, "rejected", "declined"),
        (27, "unanswered", "unavailable"),
        (28, "rejected", "invalid_number"),
    ],
)
@scenario
async def test_a_reason_header_refines_it(
    code: int,
    q850: int,
    status: str,
    detail: str | None,
    app: WebApplication,
    phones: Phones,
    board: Switchboard,
) -> None:
    (bob,) = phones("bob")
    bob.rejects(code, q850=q850)
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    assert (app.events()[-1]["status"], app.events()[-1].get("detail")) == (status, detail)


@scenario
async def test_a_reason_header_does_not_overrule_a_clear_code(
    app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    (bob,) = phones("bob")
    bob.rejects(486, q850=1)
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    assert app.statuses()[-1] == "busy"


@scenario
async def test_no_response_at_all(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.is_unreachable()
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    end = app.events()[-1]
    assert (end["status"], end["detail"], end["sip_code"]) == ("unanswered", "carrier_timeout", 408)
    assert app.statuses() == ["started", "unanswered"]


@scenario
async def test_our_own_ringing_timer(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.never_answers()
    await app.calls(bob.number, ncco=[talk("Hello.")], ringing_timer=10)
    await board.over()
    end = app.events()[-1]
    assert end["status"] == "timeout"
    assert not {"detail", "sip_code"} & set(end)
    assert bob.call.ended_by == "ringline"


@scenario
async def test_hung_up_by_rest_while_it_rings(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    call = await app.calls(bob.number, ncco=[talk("Hello.")])
    await bob.rings()
    call.hang_up()
    await board.over()
    end = app.events()[-1]
    assert end["status"] == "cancelled"
    assert not {"detail", "sip_code"} & set(end)


@scenario
async def test_a_callee_who_declines(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    bob.declines(after_s=3)
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    assert app.statuses() == ["started", "ringing", "rejected"]
    assert app.events()[-1]["detail"] == "declined"


@scenario
async def test_no_port_left_is_our_own_fault(app: WebApplication, phones: Phones, board: Switchboard) -> None:
    (bob,) = phones("bob")
    board.media.ports_left = 0
    await app.calls(bob.number, ncco=[talk("Hello.")])
    await board.over()
    end = app.events()[-1]
    assert (end["status"], end["detail"]) == ("failed", "internal_error")


@pytest.mark.parametrize(
    ("refuse", "code"),
    [
        (lambda bob: bob.is_busy(), 486),
        (lambda bob: bob.rejects(603), 603),
        (lambda bob: bob.rejects(404), 503),
        (lambda bob: bob.rejects(480), 480),
        (lambda bob: bob.never_answers(), 480),
    ],
    ids=["busy", "declined", "no-route", "unavailable", "timeout"],
)
@scenario
async def test_what_a_caller_who_was_never_answered_hears_of_it(
    refuse: Any, code: int, app: WebApplication, phones: Phones, board: Switchboard
) -> None:
    alice, bob = phones("alice", "bob")
    refuse(bob)
    app.answers(connect(bob.number, timeout=5))
    call = await alice.dials(app.number)
    await board.over()
    assert call.code == code
