"""For how long a fetched audio file may be played again without asking (RFC 9111, as a shared cache).

Nothing is guessed: an answer that does not say how long it is good for is played once. What is not fresh any longer is
asked for again, by its `ETag` or `Last-Modified`, and never played while that fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MAX_AGE_S: Final = 30 * 86_400
"Nothing is kept longer without asking."
_DIRECTIVE: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)')
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_KEPT: Final = ("cache-control", "date", "age", "expires", "etag", "last-modified", "vary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What an answer said about being used again."""

    until: float
    "Fresh before this time of the monotonic clock."
    headers: Mapping[str, str]
    "Those it was judged by, with names in lower case."

    def is_fresh(self, now: float) -> bool:
        """Whether it may be used without asking."""
        return now < self.until

    def conditions(self) -> dict[str, str]:
        """The headers that ask whether it is still the same (RFC 9110 section 13.1)."""
        asked = {}
        if etag := self.headers.get("etag"):
            asked["If-None-Match"] = etag
        if modified := self.headers.get("last-modified"):
            asked["If-Modified-Since"] = modified
        return asked

    def confirmed(self, headers: Mapping[str, str], *, asked: float, answered: float, wall: datetime) -> Freshness:
        """What holds after `304 Not Modified` with these headers (RFC 9111 section 4.3.4).

        One that may not be kept any longer is not fresh from now on, and asks for nothing.
        """
        named = _relevant(headers)
        lasting = {name: value for name, value in self.headers.items() if name not in ("age", "date")}
        judged = judge({**lasting, **named}, asked=asked, answered=answered, wall=wall)
        return judged or Freshness(until=answered, headers={})


def judge(headers: Mapping[str, str], *, asked: float, answered: float, wall: datetime) -> Freshness | None:
    """Settle whether and for how long the answer 200 with these headers may be used again; None: not at all.

    `asked` and `answered` are times of the monotonic clock, `wall` is the time of day of the answer.
    """
    named = _relevant(headers)
    directives = _directives(named.get("cache-control", ""))
    if "no-store" in directives or "private" in directives:
        return None
    varies = {name.strip().lower() for name in named.get("vary", "").split(",") if name.strip()}
    if varies - {"accept-encoding"}:
        return None
    has_validator = "etag" in named or "last-modified" in named
    date = _date(named.get("date"))
    lifetime = _lifetime(directives, named, date or wall)
    if lifetime is None:
        return None
    if "no-cache" in directives:
        lifetime = 0.0
    apparent = max(0.0, (wall - date).total_seconds()) if date is not None else 0.0
    told = float(found[0]) if (found := _SECONDS.fullmatch(named.get("age", "").strip())) else 0.0
    age = max(apparent, told + max(0.0, answered - asked))
    remaining = min(lifetime, MAX_AGE_S) - age
    if remaining <= 0 and not has_validator:
        return None
    return Freshness(until=answered + max(0.0, remaining), headers=named)


def _lifetime(directives: Mapping[str, str], headers: Mapping[str, str], date: datetime) -> float | None:
    """In seconds; None when nothing is said (RFC 9111 section 4.2.1)."""
    for name in ("s-maxage", "max-age"):
        if name in directives:
            # What cannot be read is taken as stale (section 4.2.1), not as absent.
            return float(directives[name]) if _SECONDS.fullmatch(directives[name]) else 0.0
    if "no-cache" in directives:
        return 0.0
    if "expires" not in headers:
        return None
    expires = _date(headers["expires"])
    return max(0.0, (expires - date).total_seconds()) if expires is not None else 0.0


def _directives(text: str) -> dict[str, str]:
    """Read `Cache-Control`; the first of two equal directives counts."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _DIRECTIVE.match(text, position)
        if match is None:  # not a directive: on behind the next comma
            comma = text.find(",", position)
            position = len(text) if comma < 0 else comma + 1
            continue
        quoted = match[2]
        found.setdefault(match[1].lower(), quoted if quoted is not None else match[3] or "")
        position = max(match.end(), position + 1)
    return found


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _relevant(headers: Mapping[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name: lowered[name] for name in _KEPT if name in lowered}
