"""What tests of several rooms share: the PostgreSQL server, and patience with a busy machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

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


LONG: Final = (
    "scenarios/test_storm.py",
    "guides/test_testing_guide.py",
    "scenarios/test_anything_goes.py",
    "testing/test_plain.py",
    "io_recordings/test_recordings.py",
    "providers/test_espeak_table.py",
    "cli/test_loading.py",
    "io_store/test_remains.py",
    "testing/test_determinism.py",
    "io_recordings/test_encoders.py",
    "cli/test_end_to_end.py",
    "interop/test_codecs.py",
    "interop/test_operation.py",
    "interop/test_kill9.py",
    "interop/test_storm.py",
    "interop/test_openapi_by_schemathesis.py",
    "interop/test_vonage_matrix.py",
    "interop/test_payment.py",
    "interop/test_registration.py",
    "interop/test_bad_networks.py",
    "interop/test_browser_phones.py",
    "interop/test_speech.py",
    "interop/test_after_a_crash.py",
)
"""Files that take long, the longest first: no process shall sit alone with one of them at the end."""

_TURN: Final = {Path(__file__).parent / name: turn for turn, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Calls with real programs come last, so that they meet no test that computes; before that, long ones come first.

    Raises:
        pytest.UsageError: a long file is not there any more.
    """
    if gone := [str(file) for file in _TURN if not file.exists()]:
        raise pytest.UsageError(f"tests/conftest.py names {', '.join(gone)}")
    items.sort(key=lambda item: (item.get_closest_marker("interop") is not None, _TURN.get(item.path, len(_TURN))))
