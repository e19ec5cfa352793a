"""The installation and the application that the tests with real programs share."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from .application import Application
from .installation import ALICE, NUMBERS, Installation

_running: list[Installation] = []


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Application]]:
    application = Application()
    installation = Installation(tmp_path_factory.mktemp("ringline"), application.url, sections=ALICE)
    _running.append(installation)
    try:
        installation.start()
        yield installation, application
    finally:
        installation.stop()
        application.close()


@pytest.fixture
def ringline(_shared: tuple[Installation, Application]) -> Installation:
    """The shared server; started again if a test before has brought it down."""
    installation, _ = _shared
    if not installation.running:
        installation.start()
    return installation


@pytest.fixture
def app(_shared: tuple[Installation, Application]) -> Application:
    """The shared application."""
    return _shared[1]


_numbers = iter(NUMBERS[100:])


@pytest.fixture
def number() -> str:
    """A number of the application that no other test calls."""
    return next(_numbers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the shared server said."""
    report = yield
    if report.failed:
        for installation in _running:
            report.sections.append(("server log", installation.log_tail()))
    return report
