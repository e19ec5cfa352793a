"""What a token's `acl` claim allows: path patterns, each with the methods it is good for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_MOST_PATTERNS = 200
_MOST_SEGMENTS = 40
_SLASHES = re.compile("/+")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: tuple[str, ...]
    methods: frozenset[str] | None
    "None: every method."


@dataclass(frozen=True, slots=True)
class Acl:
    """The rules of one token. Any rule that matches path and method is enough; there is no order and no denying."""

    rules: tuple[_Rule, ...]

    def allows(self, path: str, method: str, *, spelled_out: tuple[str, ...] = ()) -> bool:
        """Whether a request may be made. `path` is the raw path of the URL, with or without its query.

        A segment of the path that is among `spelled_out` must stand in the pattern itself; wildcards do not reach it.
        """
        segments = _segments(path)
        if segments is None:
            return False
        method = "GET" if method.upper() == "HEAD" else method.upper()  # it asks for less of the same
        literal = [one for one in segments if one in spelled_out]
        return any(
            (rule.methods is None or method in rule.methods)
            and all(one in rule.pattern for one in literal)
            and _matches(rule.pattern, segments)
            for rule in self.rules
        )


def acl_of(paths: Iterable[str]) -> Acl:
    """An acl that allows every method on these path patterns."""
    return Acl(tuple(_Rule(tuple(_split(path)), None) for path in paths))


def read_acl(claim: Any) -> Acl | None:
    """Read the `acl` claim; None when it is not one (the token is then invalid).

    A rule that cannot be understood, or that has `filters`, matches nothing: when in doubt, it does not open a door.
    """
    paths = claim.get("paths") if isinstance(claim, dict) else None
    if not isinstance(paths, dict) or len(paths) > _MOST_PATTERNS:
        return None
    rules = [_read_rule(pattern, rule) for pattern, rule in paths.items()]
    return Acl(tuple(rule for rule in rules if rule is not None))


def _read_rule(pattern: str, rule: Any) -> _Rule | None:
    segments = _split(pattern)
    if not isinstance(rule, dict) or rule.get("filters") or len(segments) > _MOST_SEGMENTS:
        return None
    methods = rule.get("methods")
    if methods is None:
        return _Rule(tuple(segments), None)
    if not isinstance(methods, list):
        return None
    return _Rule(tuple(segments), frozenset(one.upper() for one in methods if isinstance(one, str)))


def _segments(path: str) -> list[str] | None:
    """The path as it is compared: no query, percent-decoded once, `//` collapsed, no trailing slash; None for `..`."""
    segments = _split(unquote(path.partition("?")[0]))
    return None if ".." in segments or len(segments) > _MOST_SEGMENTS else segments


def _split(path: str) -> list[str]:
    path = _SLASHES.sub("/", path).strip("/")
    return path.split("/") if path else []


def _matches(pattern: tuple[str, ...], segments: list[str]) -> bool:
    """`*` is exactly one segment, `**` any number including none; found in len(pattern) * len(segments) steps."""
    reach = {0}
    for piece in pattern:
        if piece == "**":
            reach = set(range(min(reach), len(segments) + 1))
        else:
            reach = {at + 1 for at in reach if at < len(segments) and piece in ("*", segments[at])}
        if not reach:
            return False
    return len(segments) in reach
