"""The switchboard for tests that are plain functions: each step lets virtual time run until the step is done.

    def test_the_menu(ringline):
        desk = ringline.application(wsgi=app)
        alice = ringline.phone("alice")
        alice.dials(desk.number)
        alice.hears("Press one")
        alice.presses("1")
        alice.hears("Thank you")
        alice.is_hung_up()
        assert desk.statuses() == ["started", "ringing", "answered", "completed"]

pytest gives it as the fixture `ringline`. Between steps nothing happens and no time passes.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from ringline.testing.application import WebApplication
from ringline.testing.clock import VirtualLoop, main_of
from ringline.testing.control import Call
from ringline.testing.phones import Phone
from ringline.testing.rest import RestApi
from ringline.testing.switchboard import Switchboard

T = TypeVar("T")
_WRAPPED: Final = (Phone, WebApplication, Call, RestApi)


class Ringline:
    """A whole Ringline in virtual time, driven step by step. `options` are those of `Switchboard`.

    What `Switchboard` has is here under the same name, and so it is with the phones, applications and calls that it
    makes; what has to be awaited there is waited for here. Orders for later (`bob.answers()`) are only given.
    """

    def __init__(self, **options: Any) -> None:
        self._thread = threading.get_ident()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.board = self.run(_make(options))
        "The switchboard itself, for what is done inside `run`."

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, in virtual time.

        Raises:
            Deadlock: it waits for something that cannot come.
            LoopFailure: a callback or a forgotten task raised meanwhile.
            RuntimeError: a step is under way, and this would have to wait inside it.
        """
        loop = self._runner.get_loop()
        if not loop.is_running():
            return main_of(self._runner, work)
        if threading.get_ident() == self._thread:  # a function given to a step asks, such as a condition
            return _at_once(work)
        return asyncio.run_coroutine_threadsafe(work, loop).result()  # a handler of the application asks, in its thread

    def does(self, work: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function that blocks, such as a client library that asks `rest.url`; time stands still meanwhile."""
        return self.run(asyncio.to_thread(work, *args, **options))

    def close(self) -> None:
        """End what is left and check everything, as `Switchboard.close` does."""
        with self._runner:
            self.run(self.board.close())

    def abandon(self) -> str:
        """The test has failed: stop without looking any further, and tell what happened."""
        with self._runner:
            return self.run(_abandoned(self.board))

    def __getattr__(self, name: str) -> Any:
        return Steps(self.run, self.board).__getattr__(name)


class Steps:
    """Something of a switchboard, each of whose methods is a step."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], target: object) -> None:
        self._run = run
        self._target = target

    def __repr__(self) -> str:
        return repr(self._target)

    def __getattr__(self, name: str) -> Any:
        found = self._run(_look_up(self._target, name))
        if callable(found) and not isinstance(found, type):
            return partial(self._step, found)
        return self._wrapped(found)

    def _step(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        args = tuple(_bare(one) for one in args)
        return self._wrapped(self._run(_done(method, args, {name: _bare(one) for name, one in options.items()})))

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, _WRAPPED):
            return Steps(self._run, value)
        if isinstance(value, list) and any(isinstance(one, _WRAPPED) for one in value):
            return [self._wrapped(one) for one in value]
        return value


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what needs no time."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a step cannot wait inside another step: write the test as a coroutine under `scenario`")


async def _make(options: dict[str, Any]) -> Switchboard:
    return Switchboard(**options)


async def _look_up(target: object, name: str) -> Any:
    return getattr(target, name)


async def _done(method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    result = method(*args, **options)
    if inspect.iscoroutine(result) or isinstance(result, asyncio.Future):
        return await result
    return None if inspect.isawaitable(result) else result


async def _abandoned(board: Switchboard) -> str:
    story = board.told()
    await board.give_up()
    return story


def _bare(value: Any) -> Any:
    return vars(value)["_target"] if isinstance(value, Steps) else value
