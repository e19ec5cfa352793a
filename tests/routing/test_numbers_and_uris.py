"""Numbers, SIP URIs and headers as strangers write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline import routing
from ringline.base import SeededRandom
from ringline.routing import (
    choose_number,
    country_of,
    custom_headers,
    digits_of,
    read_e164,
    read_host_port,
    read_sip_address,
    user_to_user,
)
from ringline.webhooks import sip_fields


def test_the_front_door_is_sorted_and_true() -> None:
    assert routing.__all__ == sorted(routing.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(routing, name) for name in routing.__all__)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+44 20 7946 0000", "442079460000"),
        ("0044-20.7946(0000)", "442079460000"),
        ("101", "101"),
        ("+1555;npdi=yes", "1555"),
        ("", None),
        ("+", None),
        ("00", None),
        ("++44", None),
        ("４４", None),
        ("1" * 65, None),
        ("12a", None),
    ],
)
def test_numbers_are_read_as_digits(text: str, digits: str | None) -> None:
    assert digits_of(text) == digits


@pytest.mark.parametrize(
    ("text", "number"), [("123456", None), ("1234567", "1234567"), ("1" * 15, "1" * 15), ("1" * 16, None)]
)
def test_e164_has_7_to_15_digits(text: str, number: str | None) -> None:
    assert read_e164(text) == number


def test_national_numbers_become_international() -> None:
    assert read_e164("020 7946 0000", country="GB") == "442079460000"
    assert read_e164("(555) 123-0002", country="US") == "15551230002"
    assert read_e164("442079460000", country="GB") == "442079460000"
    assert digits_of("101", country="GB") == "101"


def test_a_number_names_its_country_where_it_has_one() -> None:
    assert [country_of(one) for one in ("442079460000", "12125550123", "999", "x")] == ["GB", "US", None, None]


def test_a_random_number_is_of_the_destinations_country_if_possible() -> None:
    random = SeededRandom(b"1")
    numbers = ["442079460000", "12125550123", "442079460001"]
    assert {choose_number(numbers, "447700900123", random) for _ in range(30)} == {"442079460000", "442079460001"}
    assert choose_number(numbers, "12125550199", random) == "12125550123"
    assert {choose_number(numbers, "4915112345678", random) for _ in range(60)} == set(numbers)
    assert choose_number([], "447700900123", random) is None


@pytest.mark.parametrize(
    ("uri", "written", "place"),
    [
        ("sip:a@h", "sip:a@h", ("h", None, None)),
        ("SIP:Bob@Example.COM:5070", "sip:Bob@example.com:5070", ("example.com", 5070, None)),
        ("sip:a@[::1]:5060;transport=TCP", "sip:a@[::1]:5060;transport=tcp", ("::1", 5060, "tcp")),
        ("sip:+44;ext=1@h;user=phone", "sip:+44;ext=1@h;user=phone", ("h", None, None)),
        ("sip:a:pw@h?Subject=x", "sip:a@h", ("h", None, None)),
        ("sip:a#1@phone_2", "sip:a%231@phone_2", ("phone_2", None, None)),
        ("sip:host1;lr", "sip:host1;lr", ("host1", None, None)),
        ("sips:a@h", "sip:a@h;transport=tls", ("h", None, "tls")),
        ("sip:a@h;media=srtp;x", "sip:a@h;x", ("h", None, None)),
    ],
)
def test_a_sip_uri_is_written_back_in_order_and_names_its_place(
    uri: str, written: str, place: tuple[str, int | None, str | None]
) -> None:
    address = read_sip_address(uri)
    assert address is not None
    assert address.request_uri() == written
    assert (address.host, address.port, address.transport) == place


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a b@h",
        "sip:a@h\r\nVia: x",
        "sip:a@h:0",
        "sip:a@h:99999",
        "sip:a@h:",
        "sip:a@-h",
        "sip:a@[::1",
        "sip:a@[::1]x",
        "sip:a@[::1]:",
        "sip:a@[zz]",
        "sip:a@h;",
        "sip:a@h;x=",
        "sip:a@h;x=\x00",
        "sip:é@h",
        "sip:a@b@h",
        "sip:a%0@h",
        "tel:+44",
        "sip:a@h;transport=sctp",
        "sip:a@" + "h" * 250,
    ],
)
def test_what_is_no_sip_uri(uri: str) -> None:
    assert read_sip_address(uri) is None


@given(st.text(max_size=60).map(lambda text: "sip:" + text) | st.text(max_size=60))
def test_what_is_read_is_safe_to_write_and_reads_back(text: str) -> None:
    address = read_sip_address(text)
    if address is not None:
        written = address.request_uri()
        assert written.isascii()
        assert written.isprintable()
        assert " " not in written
        assert read_sip_address(written) == (address if not address.srtp else read_sip_address(written))


@given(st.text(max_size=40))
def test_noise_is_no_reason_to_stumble(text: str) -> None:
    digits_of(text)
    digits_of(text, country="GB")
    country_of(text)
    read_host_port(text)


def test_custom_headers_get_their_prefix_once() -> None:
    sent, dropped = custom_headers(
        {"Location": "Lab 4", "x-Mine": "1", "n": 7, "o": {"a": [1]}, "b": True, "bad\r\n": "x", "X-Vonage-Id": "y"}
    )
    assert sent == (("X-Location", "Lab 4"), ("x-Mine", "1"), ("X-n", "7"), ("X-o", '{"a": [1]}'), ("X-b", "true"))
    assert dropped == ("bad\r\n", "X-Vonage-Id")


def test_keys_may_be_spelled_as_programs_spell_them() -> None:
    sent, dropped = custom_headers({"customer_id": "C-77", "X-order_no": "8"})
    assert sent == (("X-customer_id", "C-77"), ("X-order_no", "8"))
    assert not dropped
    assert sip_fields(sent) == {"SipHeader_X-customer_id": "C-77", "SipHeader_X-order_no": "8"}


@pytest.mark.parametrize("key", ["Nexmo-Id", "x-ringline-call-id", "", "a b", "ä", "k" * 65])
def test_reserved_and_odd_keys_are_left_out(key: str) -> None:
    assert custom_headers({key: "v"}) == ((), (key,))


def test_values_lose_what_would_break_the_message() -> None:
    assert custom_headers({"a": "one\r\nVia: two\x00\ud800"})[0] == (("X-a", "oneVia: two?"),)


def test_headers_have_4096_bytes_in_all() -> None:
    sent, dropped = custom_headers({"a": "x" * 4000, "b": "y" * 200, "c": "z"})
    assert [name for name, _ in sent] == ["X-a", "X-c"]
    assert dropped == ("b",)


@pytest.mark.parametrize(
    ("given_headers", "sent"),
    [
        ({"User-to-User": "342342ef34;encoding=hex"}, (("User-to-User", "342342ef34;encoding=hex"),)),
        ({"userToUser": "x"}, (("User-to-User", "x"),)),
        ({"User-to-User": "x\r\ny"}, ()),
        ({"User-to-User": "x" * 257}, ()),
        ({"User-to-User": 7}, ()),
        ({"Other": "x"}, ()),
        ({}, ()),
    ],
)
def test_user_to_user_is_sent_as_it_was_given_where_it_may_be(
    given_headers: dict[str, Any], sent: tuple[tuple[str, str], ...]
) -> None:
    assert user_to_user(given_headers) == sent
