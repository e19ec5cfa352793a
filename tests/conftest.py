"""What tests of several rooms share: the PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server; make a database of your own in it."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()
