"""The pytest plugin: the fixture `ringline`, a whole Ringline in virtual time, and the story of a call that went wrong.

pytest finds it by itself wherever Ringline is installed. It loads nothing before a test asks for the fixture.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ringline.testing.plain import Ringline

_MARKER = "ringline(**options): options of the switchboard that the fixture `ringline` gives"
_failed = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def ringline(request: pytest.FixtureRequest) -> Generator[Ringline, None, None]:
    """A whole Ringline in virtual time, with phones, for a test that is a plain function (`ringline.testing.plain`).

    A coroutine function is told its calls under `ringline.testing.scenario` instead.
    """
    from ringline.testing.plain import Ringline

    if inspect.iscoroutinefunction(request.function):
        pytest.fail(
            "put `@scenario` (of `ringline.testing`) on a coroutine function that uses `ringline`", pytrace=False
        )
    marker = request.node.get_closest_marker("ringline")
    board = Ringline(**(marker.kwargs if marker is not None else {}))
    yield board
    if request.node.stash.get(_failed, False):
        board.abandon()
    else:
        board.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what happened to the report of a test that failed."""
    report = yield
    board = getattr(item, "funcargs", {}).get("ringline")
    plain = sys.modules.get("ringline.testing.plain")  # a project may have a fixture of this name of its own
    ours = plain is not None and isinstance(board, plain.Ringline)
    if call.when == "call" and call.excinfo is not None and board is not None and ours:
        item.stash[_failed] = True
        report.sections.append(("Ringline: what happened", board.told()))
    return report
