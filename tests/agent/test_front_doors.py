"""The packages' front doors name what they hold."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("name", ["ringline.sip", "ringline.sdp", "ringline.agent", "ringline.io.sip"])
def test_all_is_sorted_and_true(name: str) -> None:
    package = importlib.import_module(name)
    names: list[str] = package.__all__
    constants = [each for each in names if each.isupper()]
    classes = [each for each in names if not each.isupper() and each[0].isupper()]
    functions = [each for each in names if each[0].islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert all(hasattr(package, each) for each in names)
