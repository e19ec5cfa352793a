"""Connections that say nothing, or never finish, do not stay."""

from __future__ import annotations

import asyncio

import pytest

from ringline.io.sip.connection import Connection, TcpLimits
from ringline.io.sip.tcp import TcpConnections


class Books(TcpConnections):
    """The books of a listener, with a clock of their own."""

    def __init__(self) -> None:
        super().__init__(lambda _data, _flow: None, lambda _flow: None, TcpLimits())
        self.time = 0.0

    def now(self) -> float:
        return self.time


@pytest.mark.parametrize(
    ("proved", "partial_since", "now", "why"),
    [
        (False, None, 14.0, None),
        (False, None, 16.0, "no message came"),
        (True, None, 16.0, None),
        (True, 0.0, 29.0, None),
        (True, 0.0, 31.0, "a message did not end"),
        (True, None, 3601.0, "it was idle"),
    ],
)
def test_a_connection_that_says_nothing_or_never_finishes_is_overdue(
    proved: bool, partial_since: float | None, now: float, why: str | None
) -> None:
    async def test() -> None:
        connection = Connection(Books())
        connection.proved, connection.partial_since = proved, partial_since
        assert connection.overdue(now) == why

    asyncio.run(test())
