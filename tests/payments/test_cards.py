"""What a payment card looks like. The numbers are the card schemes' published test numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.payments import Card, FieldVerdict, brand_of, judge_code, judge_expiry, judge_number, luhn

MARCH = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4111111111111111", "visa"),
        ("4222222222222", "visa"),
        ("4000000000000000006", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
        ("341111111111111", "amex"),
        ("36227206271667", "diners"),
        ("30569309025904", "diners"),
        ("6011111111111117", "discover"),
        ("3566002020360505", "jcb"),
        ("6205500000000000004", "unionpay"),
        ("6759649826438453", "maestro"),
    ],
)
def test_cards_are_known_by_their_first_digits(number: str, brand: str) -> None:
    found = brand_of(number)
    assert found is not None
    assert found.name == brand
    assert judge_number(number) is FieldVerdict.OK


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        ("4111111111111112", FieldVerdict.INVALID_CARD_NUMBER),
        ("41111111111111", FieldVerdict.INVALID_CARD_NUMBER),
        ("4", FieldVerdict.INVALID_CARD_NUMBER),
        ("9999", FieldVerdict.INVALID_CARD_NUMBER),
        ("9999999999999995", FieldVerdict.INVALID_CARD_TYPE),
        ("1234567890123452", FieldVerdict.INVALID_CARD_TYPE),
        ("", FieldVerdict.INVALID_CARD_NUMBER),
    ],
)
def test_what_is_no_card_number(number: str, verdict: FieldVerdict) -> None:
    assert judge_number(number) is verdict


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(digits: str, place: int, more: int) -> None:
    number = next(digits + last for last in "0123456789" if luhn(digits + last))
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    assert not luhn(wrong)


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ("0326", True),
        ("0226", False),
        ("1225", False),
        ("0127", True),
        ("1299", True),
        ("1326", False),
        ("0026", False),
        ("326", False),
        ("", False),
    ],
)
def test_a_card_is_good_until_the_end_of_its_month(entry: str, good: bool) -> None:
    verdict = judge_expiry(entry, wallclock=MARCH)
    assert verdict is (FieldVerdict.OK if good else FieldVerdict.INVALID_EXPIRATION_DATE)


@pytest.mark.parametrize(("hour", "good"), [(11, True), (13, False)])
def test_a_month_is_over_when_it_is_over_everywhere(hour: int, good: bool) -> None:
    verdict = judge_expiry("0326", wallclock=datetime(2026, 4, 1, hour, tzinfo=UTC))
    assert (verdict is FieldVerdict.OK) is good


@pytest.mark.parametrize(
    ("number", "code", "good"),
    [
        ("4111111111111111", "123", True),
        ("4111111111111111", "1234", False),
        ("4111111111111111", "", False),
        ("378282246310005", "123", False),
        ("378282246310005", "1234", True),
    ],
)
def test_security_codes_have_three_digits_but_for_amex(number: str, code: str, good: bool) -> None:
    verdict = judge_code(code, brand_of(number))
    assert verdict is (FieldVerdict.OK if good else FieldVerdict.INVALID_SECURITY_CODE)


def test_a_card_does_not_show_its_digits() -> None:
    card = Card(brand="visa", number="4111111111111111", expiry_month=12, expiry_year=2030, security_code="987")
    assert repr(card) == str(card) == "Card(brand='visa')"
