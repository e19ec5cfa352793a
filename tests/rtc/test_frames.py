"""How calls end for apps, and what events look like to them."""

from __future__ import annotations

import pytest

from ringline.base import LegId
from ringline.rtc import Ending, Reservations, ending, frames


@pytest.mark.parametrize(
    ("inbound", "answered", "reason", "by_app", "told"),
    [
        (True, True, "ok", True, ("LOCAL_HANGUP", "local_hangup", 200, False)),
        (True, True, "ok", False, ("REMOTE_HANGUP", "remote_hangup", 200, False)),
        (False, True, "ok", False, ("REMOTE_HANGUP", "remote_hangup", 200, False)),
        (False, True, "ok", True, ("LOCAL_HANGUP", "local_hangup", 200, False)),
        (True, False, "cancelled", True, ("LOCAL_HANGUP", "local_hangup", 200, False)),
        (True, False, "rejected", False, ("REMOTE_REJECTED", "remote_rejected", 603, True)),
        (True, False, "busy_here", False, ("REMOTE_BUSY", "remote_rejected", 486, True)),
        (True, False, "temporarily_unavailable", False, ("REMOTE_NO_ANSWER", "ring_timer", 408, True)),
        (True, False, "not_found", False, ("REMOTE_NOT_FOUND", "remote_failure", 404, False)),
        (True, False, "failed", False, ("REMOTE_FAILURE", "remote_failure", 500, False)),
        (False, False, "rejected", True, ("REMOTE_REJECTED", "REMOTE_REJECT", 603, False)),
        (False, False, "timeout", False, ("RING_TIMER", "ring_timer", 487, False)),
        (False, False, "cancelled", False, ("REMOTE_CANCEL", "remote_cancel", 0, False)),
        (False, False, "failed", False, ("REMOTE_CANCEL", "remote_cancel", 0, False)),
    ],
)
def test_how_an_end_is_told(
    inbound: bool, answered: bool, reason: str, by_app: bool, told: tuple[str, str, int, bool]
) -> None:
    hangup, left, sip_code, left_first = told
    expected = Ending(hangup=hangup, left=left, sip_code=sip_code, left_first=left_first)
    assert ending(inbound=inbound, answered=answered, reason=reason, by_app=by_app) == expected


def test_statuses_are_told_in_the_three_words_that_clients_know() -> None:
    def told(status: str) -> str | None:
        body = {
            "status": status,
            "statusHistory": [{"status": "started", "date": "x"}, {"status": status, "date": "y"}],
        }
        made = frames.body_of("leg:status:update", body)
        assert made is None or [one["status"] for one in made["statusHistory"]] == [made["status"]]
        return None if made is None else made["status"]

    assert told("started") is None
    assert told("ringing") == "ringing"
    assert told("answered") == told("machine") == "answered"
    assert {told(one) for one in ("completed", "busy", "timeout", "rejected", "failed", "cancelled")} == {"completed"}


@pytest.mark.parametrize("event", ["sip:status", "rtc:status", "audio:record:done", "audio:asr:done", "sip:hangup"])
def test_prices_and_recordings_are_not_for_clients(event: str) -> None:
    assert not frames.is_for_clients(event)


def test_a_hang_up_is_complete_even_if_nothing_was_measured() -> None:
    made = frames.hung_up({}, ending(inbound=True, answered=True, reason="ok", by_app=False))
    assert made["quality"]["flaw_total"] == 0
    assert made["bandwidth"] == {"bytes_in": 0, "bytes_out": 0}
    assert made["channel"] == {"id": "", "type": "app"}


def test_reservations_are_few_and_short() -> None:
    book = Reservations()
    for number in range(5):
        assert book.has_room("one")
        book.add(LegId(str(number)), "one", now=number)
    assert not book.has_room("one")
    assert book.has_room("other")
    assert not book.take(LegId("0"), "other")
    assert book.take(LegId("0"), "one")
    assert book.deadline() == 31
    assert book.overdue(31) == [LegId("1")]
    assert book.drop(LegId("2"))
    assert not book.drop(LegId("2"))
    assert book.drop_of("one") == [LegId("3"), LegId("4")]
    assert len(book) == 0
