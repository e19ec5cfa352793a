"""What tests of several rooms share: the PostgreSQL server, and patience with a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from .postgres import PostgresServer

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server; make a database of your own in it."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Calls with real programs come last, so that they meet no test that computes at full speed."""
    items.sort(key=lambda item: item.get_closest_marker("interop") is not None)
