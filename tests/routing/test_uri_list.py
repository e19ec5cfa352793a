"""Lists of SIP URIs that numbers are forwarded to."""

from __future__ import annotations

import pytest

from ringline.routing import ListedAddress, read_forward, read_list, write_list


def test_each_address_has_its_own_wait_and_keeps_its_other_parameters() -> None:
    found = read_forward("sip:a@x.example;timeout=2000;transport=tls, sips:b@y.example:5071;media=srtp")
    assert found == (
        ListedAddress(uri="sip:a@x.example;transport=tls", wait_s=2.0),
        ListedAddress(uri="sips:b@y.example:5071;media=srtp", wait_s=5.0),
    )
    assert read_list(write_list(found)) == found


def test_a_comma_in_a_user_part_parts_nothing() -> None:
    assert read_forward("sip:a,b@x.example") == (ListedAddress(uri="sip:a,b@x.example", wait_s=5.0),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tel:+442079460000",
        "sip:a@x.example,",
        "sip:a@x.example;timeout=1999",
        "sip:a@x.example;timeout=20001",
        "sip:a@x.example;timeout=soon",
        "sip:a@x.example;timeout=2000;timeout=3000",
        "sip:a@x.example,nobody",
        ",".join(f"sip:user{number}@host.example" for number in range(11)),
        f"sip:{'a' * 240}@x.example",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    assert read_forward(text) is None


def test_an_address_of_a_script_is_no_list() -> None:
    assert read_list("sip:a@x.example;timeout=3000") == ()
