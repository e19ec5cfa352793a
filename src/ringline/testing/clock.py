"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, TypeVarTuple

from ringline.base import Instant

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STARTS_AT: Final = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
"The time of day at which every run begins."
_STARTS_NOW: Final = 1000.0
_REAL_PATIENCE_S: Final = 60.0
"So long, in real time, a thread may keep everybody waiting."
_POLLS_APART: Final = 64
"Files are looked at so seldom while there is enough to do without them."
_time_is_held: ContextVar[bool] = ContextVar("time_is_held", default=False)


class Deadlock(AssertionError):
    """Something is awaited that can never come: no timer is set and nothing else is ready to run."""


class LoopFailure(AssertionError):
    """A callback or a forgotten task of the event loop raised; the first error is the cause."""


class _Jumping(selectors.DefaultSelector):
    """Looks whether a file is ready, and otherwise lets the time asked for pass at once."""

    loop: VirtualLoop
    _skipped = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self.loop
        if timeout is not None and timeout <= 0:
            self._skipped += 1
            if self._skipped < _POLLS_APART and len(self.get_map()) == 1:
                return []
            self._skipped = 0
            return super().select(0)
        if loop.held:
            ready = super().select(_REAL_PATIENCE_S)
            if not ready:
                loop.stuck(f"a thread has been at work for {_REAL_PATIENCE_S:g} s of real time, and this still waits")
            return ready
        ready = super().select(0)
        if not ready and not loop.lets_a_thread_work():
            if timeout is None:
                loop.stuck()
            else:
                loop.jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: two hours pass in a millisecond.

    While a thread works for somebody who waits for it (`run_in_executor`, `asyncio.to_thread`), time stands still. It
    begins when nothing else is left to do at that moment, and threads work one after the other: a run with threads is
    the same every time, too.
    """

    def __init__(self) -> None:
        self._virtual_now = _STARTS_NOW
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)
        self.main: asyncio.Task[Any] | None = None
        self.deadlock = ""
        self.failures: list[Mapping[str, Any]] = []
        self.held = 0
        "How many hold the time now."
        self._turns: deque[asyncio.Future[None]] = deque()
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self._virtual_now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._virtual_now += seconds

    def stuck(self, why: str = "") -> None:
        """Nothing can happen any more: end the main task with a `Deadlock` at the spot where it waits."""
        passed = self._virtual_now - _STARTS_NOW
        text = why or f"after {passed:g} s nothing is scheduled any more, and this is still awaited"
        if self.main is None or self.main.done() or self.deadlock:
            raise Deadlock(text)
        self.deadlock = text
        self.main.cancel()

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Hold the time while a thread (or anything else outside this loop) works, until the block is left."""
        # A thread that has the time held asks for another one: it may; but tasks that it began outlive its hold.
        if _time_is_held.get() and self.held:
            yield
            return
        turn = self.create_future()
        self._turns.append(turn)
        await turn
        self.held += 1
        inside = _time_is_held.set(True)
        try:
            yield
        finally:
            _time_is_held.reset(inside)
            self.held -= 1

    def joins_who_holds(self) -> None:
        """Say that this task works for the thread that holds the time now, if one does, and never waits for it."""
        _time_is_held.set(self.held > 0)

    def lets_a_thread_work(self) -> bool:
        """Give the next who waits for it the time to hold; False when nobody does."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    async def shutdown_default_executor(self, *patience: float | None) -> None:
        self.held += 1  # the threads' end is told by a thread
        try:
            await super().shutdown_default_executor(*patience)
        finally:
            self.held -= 1

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Task[T]:
        return self.create_task(self._in_a_thread(executor, func, *args))

    async def _in_a_thread(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> T:
        async with self.standing_still():
            return await super().run_in_executor(executor, func, *args)


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
        return main_of(runner, work)


def main_of(runner: asyncio.Runner, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as the main task of a runner whose loop is a `VirtualLoop`; what it leaves behind goes on with
    the next one.

    Raises:
        Deadlock: it waits for something that cannot come.
        LoopFailure: a callback or a forgotten task raised meanwhile.
    """
    loop = runner.get_loop()
    assert isinstance(loop, VirtualLoop)
    result = runner.run(_as_main(loop, work))
    if loop.failures:
        failures, loop.failures = loop.failures, []
        raise _failure(failures)
    return result


async def _as_main(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> T:
    loop.main = asyncio.current_task()
    loop.deadlock = ""
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
