"""Collecting a card key by key."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.payments import FIELDS, CardField, Collector, FieldVerdict

VISA, UNIONPAY = "4111111111111111", "6212341111111111111"
NOW = datetime(2026, 3, 15, tzinfo=UTC)


class Entry:
    """Somebody at the keypad, a key a second."""

    def __init__(self) -> None:
        self.collector = Collector()
        self.now = 100.0

    def types(self, keys: str) -> list[FieldVerdict]:
        found = []
        for key in keys:
            self.now += 1
            verdict = self.collector.press(key, now=self.now, wallclock=NOW)
            found += [verdict] if verdict is not None else []
        return found

    def waits(self, seconds: float) -> FieldVerdict | None:
        self.now += seconds
        return self.collector.tick(now=self.now, wallclock=NOW)


@pytest.fixture
def entry() -> Entry:
    return Entry()


def test_three_fields_make_a_card(entry: Entry) -> None:
    for field, keys in zip(FIELDS, (VISA, "1230", "123"), strict=True):
        entry.collector.ask(field)
        assert entry.types(keys) == [FieldVerdict.OK]
    card = entry.collector.card()
    assert (card.number, card.expiry_month, card.expiry_year, card.security_code) == (VISA, 12, 2030, "123")


def test_the_verdict_comes_with_the_last_digit_and_only_once(entry: Entry) -> None:
    entry.collector.ask(CardField.NUMBER)
    assert entry.types(VISA[:-1]) == []
    assert entry.types("1") == [FieldVerdict.OK]
    assert entry.types("1234#5") == []
    assert entry.collector.deadline() is None


def test_hash_ends_an_entry_early_and_says_nothing_alone(entry: Entry) -> None:
    entry.collector.ask(CardField.CODE)
    assert entry.types("##") == []
    assert not entry.collector.begun
    assert entry.types("12#") == [FieldVerdict.INVALID_SECURITY_CODE]


def test_other_keys_say_nothing(entry: Entry) -> None:
    entry.collector.ask(CardField.EXPIRY)
    assert entry.types("*AB1*2D3") == []
    assert entry.types("0") == [FieldVerdict.OK]


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        (UNIONPAY[:16], FieldVerdict.INVALID_CARD_NUMBER),
        ("30569309025904", FieldVerdict.OK),
        ("4222222222222", FieldVerdict.OK),
        ("41111", FieldVerdict.TIMEOUT),
        ("99999", FieldVerdict.TIMEOUT),
        ("999999999999", FieldVerdict.INVALID_CARD_TYPE),
    ],
)
def test_a_pause_ends_the_number_and_judges_it_if_it_can_be_whole(
    keys: str, verdict: FieldVerdict, entry: Entry
) -> None:
    entry.collector.ask(CardField.NUMBER)
    assert entry.types(keys) == []
    assert entry.waits(9.9) is None
    assert entry.waits(0.1) is verdict
    assert entry.waits(100) is None


def test_a_pause_in_the_other_fields_is_a_timeout(entry: Entry) -> None:
    for field in (CardField.EXPIRY, CardField.CODE):
        entry.collector.ask(field)
        entry.types("12")
        assert entry.waits(10) is FieldVerdict.TIMEOUT


def test_nobody_waits_for_a_pause_before_the_first_key(entry: Entry) -> None:
    entry.collector.ask(CardField.NUMBER)
    assert entry.collector.deadline() is None
    assert entry.waits(1000) is None


def test_asking_again_begins_anew(entry: Entry) -> None:
    entry.collector.ask(CardField.EXPIRY)
    entry.types("99")
    entry.collector.ask(CardField.EXPIRY)
    assert entry.types("1230") == [FieldVerdict.OK]


def test_what_was_entered_is_overwritten(entry: Entry) -> None:
    for field, keys in zip(FIELDS, (VISA, "1230", "123"), strict=True):
        entry.collector.ask(field)
        entry.types(keys)
    held = [one for one in gc.get_referents(entry.collector._entries) if isinstance(one, bytearray)]
    assert [bytes(one) for one in held] == [VISA.encode(), b"1230", b"123"]
    entry.collector.forget()
    assert [bytes(one) for one in held] == [b"", b"", b""]
    assert repr(entry.collector) == "<Collector>"


@given(st.text("0123456789*#ABCD", max_size=60), st.sampled_from(list(CardField)))
def test_whatever_is_pressed_an_entry_ends_at_most_once(keys: str, field: CardField) -> None:
    entry = Entry()
    entry.collector.ask(field)
    assert len(entry.types(keys)) <= 1
    assert sum(len(one) for one in entry.collector._entries.values()) <= 19
