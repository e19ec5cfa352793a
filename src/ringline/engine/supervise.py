"""Tasks have an owner: everything done for a leg lives exactly as long as the leg, and fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ringline.base import get_log

log = get_log(__name__)


class Scope:
    """Owns tasks. A task that fails is reported, and touches no other; closing the scope cancels what still runs."""

    def __init__(self, name: str, on_failure: Callable[[BaseException], None] | None = None) -> None:
        self._name = name
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `work` under this scope."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def close(self) -> None:
        """Cancel everything; what is cancelled cleans up after itself."""
        for task in list(self._tasks):
            task.cancel()

    async def drained(self) -> None:
        """Wait until nothing runs any more."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("a task failed", exc=error, task=task.get_name())
            if self._on_failure is not None:
                self._on_failure(error)
