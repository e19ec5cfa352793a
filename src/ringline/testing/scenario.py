"""Tests that tell a call: a decorator that runs them in virtual time, with everything they ask for by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, overload

from ringline.testing.clock import run_call
from ringline.testing.switchboard import Switchboard

Test = Callable[..., Coroutine[Any, Any, None]]
_GIVEN: Final[dict[str, Callable[[Switchboard], Any]]] = {
    "board": lambda board: board,
    "app": lambda board: board.application(),
    "phones": lambda board: board.phones,
    "ringline": lambda board: board,
}


@overload
def scenario(test: Test, /) -> Callable[..., None]: ...


@overload
def scenario(**options: Any) -> Callable[[Test], Callable[..., None]]: ...


def scenario(test: Test | None = None, /, **options: Any) -> Any:
    """Make a plain test function of a coroutine function; pytest needs no plugin for it.

    The test is given what it names: `board` or `ringline` (the `Switchboard`), `app` (its first `WebApplication`) and
    `phones` (makes `Phone`s by name). All other parameters are pytest's, so fixtures and `parametrize` work. `options`
    are those of `Switchboard`. When the test is through, the switchboard is closed and checked (`Switchboard.close`).
    """
    if test is None:
        return functools.partial(_decorate, options)
    return _decorate(options, test)


def _decorate(options: Mapping[str, Any], test: Test) -> Callable[..., None]:
    signature = inspect.signature(test)
    wanted = [name for name in signature.parameters if name in _GIVEN]

    async def whole(kwargs: Mapping[str, Any]) -> None:
        board = Switchboard(**options)
        given = {name: _GIVEN[name](board) for name in wanted}
        try:
            await test(**given, **kwargs)
        except BaseException as error:
            board.abandon(error)
            await board.give_up()
            raise
        await board.close()

    @functools.wraps(test)
    def run(**kwargs: Any) -> None:
        run_call(whole(kwargs))

    rest = [parameter for name, parameter in signature.parameters.items() if name not in _GIVEN]
    vars(run)["__signature__"] = signature.replace(parameters=rest)
    return run
