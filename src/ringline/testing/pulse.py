"""Waiting for something to become true, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Pulse:
    """Beats whenever something happens in the simulation, and wakes those who wait for a condition."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def beat(self) -> None:
        """Something has happened: let everybody look again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def until(self, look: Callable[[], T | None], *, within_s: float, otherwise: Callable[[], str]) -> T:
        """Wait until `look` gives something, and return it.

        Raises:
            AssertionError: it did not within `within_s`; the text is what `otherwise` says then.
        """
        loop = asyncio.get_running_loop()
        timer = loop.call_later(within_s, self.beat)
        deadline = loop.time() + within_s
        try:
            while (found := look()) is None:
                if loop.time() >= deadline:
                    raise AssertionError(f"{otherwise()} (waited {within_s:g} s)")
                beat = loop.create_future()
                self._waiting.append(beat)
                await beat
            return found
        finally:
            timer.cancel()
