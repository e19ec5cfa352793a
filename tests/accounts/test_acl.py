"""The acl of a token: which paths and methods it opens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringline.accounts import read_acl


def allows(paths: dict[str, Any], path: str, method: str = "GET") -> bool:
    acl = read_acl({"paths": paths})
    assert acl is not None
    return acl.allows(path, method)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/*/calls/**", "/v1/calls", True),
        ("/*/calls/**", "/v1/calls/", True),
        ("/*/calls/**", "/v1/calls/1/talk", True),
        ("/*/calls/**", "/v1/callsign", False),
        ("/*/calls/**", "/calls", False),
        ("/*/users", "/v0.3/users", True),
        ("/*/users", "/v1/users/1", False),
        ("/**", "/", True),
        ("/**", "/anything/at/all", True),
        ("/**/talk", "/v1/calls/1/talk", True),
        ("/**/talk", "/v1/calls/1/talk/2", False),
        ("/v1/**/x/**/y", "/v1/a/x/b/c/y", True),
        ("/v1/**/x/**/y", "/v1/x/y", True),
        ("/v1/**/x/**/y", "/v1/y/x", False),
        ("/v1/us*", "/v1/users", False),
        ("/v1/Users", "/v1/users", False),
        ("/v1/users", "//v1///users/?page=2", True),
        ("/v1/users", "/v1/%75sers", True),
        ("/v1/users", "/v1/%2575sers", False),
        ("/v1/users/**", "/v1/users/../calls", False),
        ("/v1/users/**", "/v1/users/%2e%2e/calls", False),
        ("/**", "/v1/..", False),
    ],
)
def test_a_pattern_opens_the_paths_it_matches_and_no_others(pattern: str, path: str, matches: bool) -> None:
    assert allows({pattern: {}}, path) is matches


def test_methods_limit_a_rule_and_any_rule_is_enough() -> None:
    paths = {"/*/calls/**": {"methods": ["GET"]}, "/*/calls/*/talk": {"methods": ["PUT", "delete"]}}
    assert allows(paths, "/v1/calls", "GET")
    assert allows(paths, "/v1/calls", "get")
    assert not allows(paths, "/v1/calls", "POST")
    assert allows(paths, "/v1/calls/1/talk", "DELETE")


@pytest.mark.parametrize(
    "rule", [{"filters": {"a": 1}}, None, [], {"methods": "GET"}, {"methods": []}, {"methods": [1]}]
)
def test_a_rule_nobody_understands_opens_nothing(rule: Any) -> None:
    assert not allows({"/**": rule}, "/v1/calls")


def test_empty_filters_are_no_filters() -> None:
    assert allows({"/**": {"filters": {}}}, "/v1/calls")


@pytest.mark.parametrize("claim", [None, [], {}, "x", {"paths": None}, {"paths": ["/**"]}])
def test_a_claim_of_another_shape_is_no_acl(claim: Any) -> None:
    assert read_acl(claim) is None


def test_hostile_patterns_cost_little() -> None:
    assert not allows({"/**" * 39 + "/x": {}}, "/a" * 39)
    assert read_acl({"paths": {f"/{n}": {} for n in range(201)}}) is None


@given(
    st.dictionaries(st.text(max_size=20), st.none() | st.dictionaries(st.text(max_size=8), st.integers())), st.text()
)
def test_noise_never_raises(paths: dict[str, Any], path: str) -> None:
    acl = read_acl({"paths": paths})
    assert acl is not None
    acl.allows(path, "GET")
