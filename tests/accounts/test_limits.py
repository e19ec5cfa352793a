"""Limits of applications and trunks, dear numbers, and numbers that call for help."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.accounts import Bar, Emergency, Limits, Policy, Refusal, dear_kind

APP, TRUNK = "app:shop", "trunk:carrier"
LONDON, PREMIUM, SATELLITE = "442079460000", "449091234567", "881612345678"


def bar(refusal: Refusal | None) -> Bar | None:
    return refusal.bar if refusal is not None else None


# ── whom nobody may call ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (LONDON, None),
        ("447700900123", None),
        (PREMIUM, "premium"),
        (PREMIUM + "89", "premium"),
        ("19005551234", "premium"),
        ("43900123456", "premium"),
        ("979123456789", "premium"),
        (SATELLITE, "satellite"),
        ("870773111632", "satellite"),
        ("88299123456", "satellite"),
        ("8816", "satellite"),
        ("80012345678", None),
        ("999999999999999", None),
        ("0", None),
    ],
)
def test_premium_and_satellite_numbers_are_known_even_with_digits_too_many(number: str, kind: str | None) -> None:
    assert dear_kind(number) == kind


def test_dear_numbers_are_denied_unless_the_operator_says_otherwise() -> None:
    assert bar(Limits().destination(APP, PREMIUM)) is Bar.DESTINATION
    assert bar(Limits().destination(APP, SATELLITE)) is Bar.DESTINATION
    assert Limits().destination(APP, LONDON) is None
    assert Limits(default=Policy(premium=True)).destination(APP, SATELLITE) is None
    assert Limits(default=Policy(allow=("", "44909"))).destination(APP, PREMIUM) is None
    assert bar(Limits(default=Policy(allow=("", "44909"))).destination(APP, SATELLITE)) is Bar.DESTINATION
    assert Limits().destination(TRUNK, PREMIUM) is None, "a trunk without limits leaves it to the application"


@pytest.mark.parametrize(
    ("allow", "deny", "number", "allowed"),
    [
        ((), ("44",), LONDON, False),
        ((), ("44",), "12025550123", True),
        (("44",), (), LONDON, True),
        (("44",), (), "12025550123", False),
        (("4420",), ("44",), LONDON, True),
        (("44",), ("4420",), LONDON, False),
        (("44",), ("44",), LONDON, False),
        (("",), ("4420",), "447700900123", True),
        ((), ("",), LONDON, False),
    ],
)
def test_the_longer_prefix_decides(allow: tuple[str, ...], deny: tuple[str, ...], number: str, allowed: bool) -> None:
    found = Limits(policies={APP: Policy(allow=allow, deny=deny)}).destination(APP, number)
    assert (found is None) == allowed


@pytest.mark.parametrize(
    ("dialled", "helps"),
    [
        ("999", True),
        ("+999", True),
        ("112", True),
        ("911", True),
        ("44999", True),
        ("+44999", True),
        ("0044112", True),
        ("4711", True),
        ("110", False),
        ("9990", False),
        (LONDON, False),
        ("999123456", False),
        ("", False),
        ("alice", False),
        ("٩٩٩", False),
    ],
)
def test_calls_for_help_are_known_by_country(dialled: str, helps: bool) -> None:
    assert Emergency(countries=("GB",), numbers=("4711",)).calls_for_help(dialled) == helps


def test_every_country_has_its_own() -> None:
    assert Emergency(countries=("DE",)).calls_for_help("110")
    assert Emergency(countries=("AU",)).calls_for_help("000")
    assert not Emergency(countries=("DE",)).calls_for_help("999")
    assert Emergency().calls_for_help("112")


# ── how much ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_at_once_are_counted_until_they_end() -> None:
    limits = Limits(default=Policy(calls_at_once=2))
    for leg in ("a", "b"):
        assert limits.room(APP, now=0, day=1) is None
        limits.begin(leg, APP)
    assert bar(limits.room(APP, now=0, day=1)) is Bar.AT_ONCE
    assert limits.room("app:other", now=0, day=1) is None
    limits.begin("b", APP)
    limits.end("b", day=1)
    limits.end("b", day=1)
    assert limits.room(APP, now=0, day=1) is None
    limits.end("a", day=1)
    assert limits.live == 0


def test_new_calls_come_from_a_bucket_of_one_second() -> None:
    limits = Limits(default=Policy(calls_per_second=2))
    assert [bar(limits.take(APP, now=10)) for _ in range(3)] == [None, None, Bar.RATE]
    assert bar(limits.take(APP, now=10.4)) is Bar.RATE
    assert limits.take(APP, now=10.5) is None
    assert [bar(limits.take(APP, now=100)) for _ in range(3)] == [None, None, Bar.RATE]
    assert Limits().take(APP, now=0) is None


def test_minutes_of_a_day_count_what_live_calls_have_used_so_far() -> None:
    limits = Limits(default=Policy(minutes_a_day=2))
    limits.begin("a", APP)
    limits.answered("a", now=100)
    assert limits.room(APP, now=219, day=1) is None
    assert bar(limits.room(APP, now=220, day=1)) is Bar.MINUTES
    limits.end("a", day=1, seconds=119)
    assert limits.room(APP, now=300, day=1) is None
    limits.restore(APP, day=1, seconds=1, spend=Decimal(0))
    assert bar(limits.room(APP, now=300, day=1)) is Bar.MINUTES
    assert limits.room(APP, now=300, day=2) is None, "the next day"


def test_spend_of_a_day_counts_too_and_a_call_may_have_two_owners() -> None:
    policy = Policy(spend_a_day=Decimal("1.00"))
    limits = Limits(default=Policy(), policies={TRUNK: policy})
    for owner in (APP, TRUNK):
        limits.begin("a", owner)
    limits.answered("a", now=0, per_second=Decimal("0.01"))
    assert limits.room(TRUNK, now=99, day=1) is None
    assert bar(limits.room(TRUNK, now=100, day=1)) is Bar.SPEND
    assert limits.room(APP, now=100, day=1) is None
    assert limits.end("a", day=1, seconds=100, spend=Decimal("0.99")) == (APP, TRUNK)
    assert limits.room(TRUNK, now=200, day=1) is None
    limits.change(default=Policy(), policies={TRUNK: Policy(spend_a_day=Decimal("0.99"))}, emergency=Emergency())
    assert bar(limits.room(TRUNK, now=200, day=1)) is Bar.SPEND


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["begin", "answer", "end"])), max_size=60))
def test_whatever_happens_nothing_is_left_when_all_have_ended(steps: list[tuple[str, str]]) -> None:
    limits = Limits(default=Policy(calls_at_once=1, minutes_a_day=1))
    for now, (leg, step) in enumerate(steps):
        match step:
            case "begin":
                limits.begin(leg, APP)
                limits.begin(leg, TRUNK)
            case "answer":
                limits.answered(leg, now=now, per_second=Decimal("0.1"))
            case _:
                limits.end(leg, day=1)
    for leg in "abc":
        limits.end(leg, day=1)
    assert limits.live == 0
    assert limits.room(APP, now=10_000, day=1) is None
