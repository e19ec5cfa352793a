"""How long an answer may be used again: RFC 9111 as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ringline.audio import judge
from ringline.audio.freshness import MAX_AGE_S

WALL = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
ETAG = {"ETag": '"a"'}


def stamp(seconds: float) -> str:
    return format_datetime(WALL + timedelta(seconds=seconds), usegmt=True)


def lifetime(headers: dict[str, str], *, took_s: float = 0.0) -> float | None:
    judged = judge(headers, asked=1000.0 - took_s, answered=1000.0, wall=WALL)
    return None if judged is None else judged.until - 1000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        (ETAG, None),
        ({"Last-Modified": stamp(-86_400)}, None),
        ({"Cache-Control": "public"}, None),
        ({"Cache-Control": "public, max-age=360000"}, 360_000),
        ({"Cache-Control": "MAX-AGE=60"}, 60),
        ({"Cache-Control": 'max-age="60"'}, 60),
        ({"Cache-Control": "max-age=60, s-maxage=10"}, 10),
        ({"Cache-Control": "max-age=60, max-age=5"}, 60),
        ({"Cache-Control": f"max-age={10**11}"}, MAX_AGE_S),
        ({"Cache-Control": "max-age=1e9"}, None),
        ({"Cache-Control": "max-age=-1", **ETAG}, 0),
        ({"Cache-Control": "no-store, max-age=60"}, None),
        ({"Cache-Control": "private, max-age=60"}, None),
        ({"Cache-Control": 'private="set-cookie", max-age=60'}, None),
        ({"Cache-Control": "no-cache"}, None),
        ({"Cache-Control": "no-cache", **ETAG}, 0),
        ({"Cache-Control": "no-cache, max-age=60", **ETAG}, 0),
        ({"Cache-Control": "max-age=0", "Last-Modified": stamp(-9)}, 0),
        ({"Cache-Control": "max-age=60", "Age": "45"}, 15),
        ({"Cache-Control": "max-age=60", "Age": "61"}, None),
        ({"Cache-Control": "max-age=60", "Age": "61", **ETAG}, 0),
        ({"Cache-Control": "max-age=60", "Age": "soon"}, 60),
        ({"Cache-Control": "max-age=60", "Date": stamp(-20)}, 40),
        ({"Cache-Control": "max-age=60", "Date": stamp(500)}, 60),
        ({"Expires": stamp(90), "Date": stamp(0)}, 90),
        ({"Expires": stamp(90)}, 90),
        ({"Expires": "0", **ETAG}, 0),
        ({"Expires": "0"}, None),
        ({"Expires": stamp(90), "Cache-Control": "max-age=5"}, 5),
        ({"Cache-Control": "max-age=60", "Vary": "Accept-Encoding"}, 60),
        ({"Cache-Control": "max-age=60", "Vary": "accept-encoding, Cookie"}, None),
        ({"Cache-Control": "max-age=60", "Vary": "*"}, None),
        ({"Cache-Control": ',,;=, "x, max-age=7'}, 7),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_it_says_and_never_for_longer(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert lifetime(headers) == seconds


def test_the_time_that_the_answer_took_counts_as_age() -> None:
    assert lifetime({"Cache-Control": "max-age=60", "Age": "10"}, took_s=3.0) == 47


def test_what_was_confirmed_is_fresh_again_by_the_new_headers_and_keeps_the_rest() -> None:
    first = judge(
        {"Cache-Control": "max-age=10", "Age": "5", **ETAG, "Last-Modified": stamp(-9)},
        asked=1000.0, answered=1000.0, wall=WALL,
    )  # fmt: skip
    assert first is not None
    assert first.conditions() == {"If-None-Match": '"a"', "If-Modified-Since": stamp(-9)}
    assert not first.is_fresh(1005.0)
    again = first.confirmed({"Cache-Control": "max-age=30"}, asked=2000.0, answered=2000.0, wall=WALL)
    assert again.until == 2030.0
    assert again.conditions() == first.conditions()
    last = again.confirmed({"Cache-Control": "no-store"}, asked=2030.0, answered=2030.0, wall=WALL)
    assert not last.is_fresh(2030.0)
    assert last.conditions() == {}
