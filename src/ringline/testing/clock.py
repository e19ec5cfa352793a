"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from ringline.base import Instant

T = TypeVar("T")

STARTS_AT: Final = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
"The time of day at which every run begins."
_STARTS_NOW: Final = 1000.0


class Deadlock(AssertionError):
    """Something is awaited that can never come: no timer is set and nothing else is ready to run."""


class LoopFailure(AssertionError):
    """A callback or a forgotten task of the event loop raised; the first error is the cause."""


class _Jumping(selectors.DefaultSelector):
    """Looks whether a file is ready, and otherwise lets the time asked for pass at once."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            self.loop.stuck()
        elif not ready and timeout is not None and timeout > 0:
            self.loop.jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. Two hours pass in a millisecond; threads and real sockets have no place here."""

    def __init__(self) -> None:
        self._virtual_now = _STARTS_NOW
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)
        self.main: asyncio.Task[Any] | None = None
        self.deadlock = ""
        self.failures: list[Mapping[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self._virtual_now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual_now += seconds

    def stuck(self) -> None:
        """Nothing can happen any more: end the main task with a `Deadlock` at the spot where it waits."""
        passed = self._virtual_now - _STARTS_NOW
        text = f"after {passed:g} s nothing is scheduled any more, and this is still awaited"
        if self.main is None or self.main.done() or self.deadlock:
            raise Deadlock(text)
        self.deadlock = text
        self.main.cancel()


class VirtualClock:
    """The clock of a loop, as Ringline knows clocks (`ringline.base.Clock`); the date is always the same."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def wallclock(self) -> datetime:
        return STARTS_AT + timedelta(seconds=self._loop.time() - _STARTS_NOW)

    def instant(self) -> Instant:
        return Instant(self.now(), self.wallclock())


def run_call(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time and give its result.

    Raises:
        Deadlock: it waits for something that cannot come.
        LoopFailure: a callback or a forgotten task raised meanwhile.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        result = runner.run(_as_main(loop, work))
    if loop.failures:
        raise _failure(loop.failures)
    return result


async def _as_main(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    loop.main = asyncio.current_task()
    try:
        return await work
    except asyncio.CancelledError as error:
        if not loop.deadlock:
            raise
        raise Deadlock(loop.deadlock).with_traceback(error.__traceback__) from None


def _failure(failures: list[Mapping[str, Any]]) -> LoopFailure:
    first = failures[0]
    failure = LoopFailure(f"{len(failures)} in all; the first: {first.get('message')}")
    failure.__cause__ = first.get("exception")
    return failure
