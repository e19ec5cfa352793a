"""Threads of AnyIO in virtual time: FastAPI and Starlette run plain functions and read files in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import anyio.to_thread

from ringline.testing.clock import VirtualLoop

Runner = Callable[..., Coroutine[Any, Any, Any]]


def hold_time_for_anyio() -> None:
    """Hold virtual time for the threads in which FastAPI and Starlette run plain functions.

    They start them with AnyIO, which keeps threads of its own beside those of the event loop. Other loops notice
    nothing.
    """
    if not isinstance(anyio.to_thread.run_sync, _Holding):
        vars(anyio.to_thread)["run_sync"] = _Holding(anyio.to_thread.run_sync)


class _Holding:
    def __init__(self, run_sync: Runner) -> None:
        self._run_sync = run_sync

    async def __call__(self, *args: Any, **options: Any) -> Any:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await self._run_sync(*args, **options)
        async with loop.standing_still():
            return await self._run_sync(*args, **options)
