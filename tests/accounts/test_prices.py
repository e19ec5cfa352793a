"""The operator's table of rates: what is found in it, and every line that is wrong."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.accounts import RateTable, RateTableError, Tariff, read_rates
from ringline.calls.rating import price, written

TABLE = """\
# from the carrier, March
prefix,rate,network
44,0.0072,GB-FIXED
+447,0.1,23410

1,0.01,
"""


def test_the_longest_prefix_counts() -> None:
    table = read_rates(TABLE, name="rates.csv")
    assert table.find("out", "442079460000") == Tariff(rate=Decimal("0.0072"), network="GB-FIXED")
    assert table.find("out", "447700900123") == Tariff(rate=Decimal("0.1"), network="23410")
    assert table.find("out", "12025550123") == Tariff(rate=Decimal("0.01"), network=None)
    assert table.find("out", "33123456789") is None
    assert table.find("out", "4") is None
    assert table.find("in", "447700900123") is None
    assert len(table) == 3
    assert RateTable().find("out", "447700900123") is None


def test_an_empty_prefix_takes_the_rest_and_inbound_calls_have_rows_of_their_own() -> None:
    table = read_rates("direction,network,prefix,rate\nin,,44,0.5\n,,,2\nout,X,44,3\n", name="r")
    found = [table.find(*wanted) for wanted in (("in", "4420"), ("out", "4420"), ("out", "33"), ("in", "33"))]
    assert [one.rate if one else None for one in found] == [Decimal("0.5"), Decimal(3), Decimal(2), None]


def test_every_wrong_line_is_named_with_its_number() -> None:
    text = (
        "prefix,rate,network\n44,0.1,X\nabc,0.1,\n33,much,\n44,0.2,\n1,-1,\n2,nan,\n3,0.123456789,\n4,1\n"
        "5,1,toolong" + "x" * 40 + "\n6,99999999,\n"
    )
    with pytest.raises(RateTableError) as caught:
        read_rates(text, name="rates.csv")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [f"line {n}" for n in range(3, 12)]
    assert "rates.csv" in str(caught.value)
    assert "prefix '44' is there twice" in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "prefix,rate\n44,1\n", "prefix,rate,network,colour\n", '"x\n', "a,a,a\n"])
def test_a_table_without_its_heading_is_refused(text: str) -> None:
    with pytest.raises(RateTableError, match="line"):
        read_rates(text, name="rates.csv")


def test_a_table_that_is_all_wrong_does_not_name_all_of_it() -> None:
    with pytest.raises(RateTableError) as caught:
        read_rates("prefix,rate,network\n" + "x,1,\n" * 5000, name="r")
    assert len(caught.value.faults) == 21
    assert "4980 more" in caught.value.faults[-1]


@given(st.text(max_size=200))
def test_noise_is_only_ever_refused_politely(text: str) -> None:
    for given_text in (text, "prefix,rate,network\n" + text):
        with contextlib.suppress(RateTableError):
            read_rates(given_text, name="r")


@pytest.mark.parametrize(
    ("rate", "seconds", "step_s", "cost"),
    [
        ("0.1", 2, 1, "0.00333333"),
        ("0.0072", 42, 1, "0.00504000"),
        ("0.1", 0, 60, "0.00000000"),
        ("0.1", 1, 60, "0.10000000"),
        ("0.1", 61, 60, "0.20000000"),
        ("0.1", 61, 6, "0.11000000"),
        ("10000", 7200, 1, "1200000.00000000"),
        ("0.00000001", 1, 1, "0.00000000"),
    ],
)
def test_prices_are_per_minute_by_steps_of_seconds(rate: str, seconds: int, step_s: int, cost: str) -> None:
    assert written(price(Decimal(rate), seconds, step_s=step_s)) == cost
