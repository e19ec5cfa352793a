"""Names that nobody knows, and those that were meant."""

from __future__ import annotations

import pytest

from ringline.server.nearest import nearest

MEDIA = ["bind", "port_min", "port_max", "threads", "media_timeout_s", "codecs", "browser_codecs"]
SERVER = ["http_bind", "http_port", "https_bind", "https_port", "cert_file", "key_file"]


@pytest.mark.parametrize(
    ("given", "known", "meant"),
    [
        ("port_mxa", MEDIA, ["port_max"]),
        ("port_high", MEDIA, ["port_max"]),
        ("port_low", MEDIA, ["port_min"]),
        ("lowest_port", MEDIA, ["port_min"]),
        ("rtp_timeout", MEDIA, ["media_timeout_s"]),
        ("threds", MEDIA, ["threads"]),
        ("cert", SERVER, ["cert_file"]),
        ("key-path", SERVER, ["key_file"]),
        ("user", ["name", "username", "password"], ["username"]),
    ],
)
def test_the_name_that_was_meant_is_found_by_a_slip_or_by_its_words(
    given: str, known: list[str], meant: list[str]
) -> None:
    assert nearest(given, known) == meant


def test_names_that_are_equally_near_are_all_told() -> None:
    assert nearest("port", SERVER) == ["http_port", "https_port"]


@pytest.mark.parametrize("given", ["zebra", "", "_", "x"])
def test_what_is_far_from_everything_has_no_neighbour(given: str) -> None:
    assert nearest(given, MEDIA) == []


def test_no_more_than_three_are_told() -> None:
    assert len(nearest("port", [f"port_of_{place}" for place in ("rome", "oslo", "bonn", "cork")])) == 3


def test_nothing_is_near_where_nothing_is_known() -> None:
    assert nearest("port", []) == []
