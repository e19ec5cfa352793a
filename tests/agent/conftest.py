"""The wire between Ringline's user agent and two phones, as most of these tests need it."""

from __future__ import annotations

import pytest

from .wire import Phone, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def alice(wire: Wire) -> Phone:
    return wire.phone("alice", "192.0.2.1")


@pytest.fixture
def bob(wire: Wire) -> Phone:
    return wire.phone("bob", "192.0.2.2")
