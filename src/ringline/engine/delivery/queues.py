"""Queues of work: what is due for one leg is done one after the other, and no leg waits for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ringline.engine.supervise import Scope

MOST_QUEUED: Final = 1000
"Notifications that may wait in one leg's queue; beyond it new ones are dropped, and said so."
MOST_IN_ALL: Final = 20_000
"The same for all queues together."

Job = Callable[[], Coroutine[Any, Any, None]]


class Queues:
    """One queue a key, each worked off by a task of its own that lives as long as there is work."""

    def __init__(self, name: str) -> None:
        self._scope = Scope(name)
        self._queues: dict[str, deque[Job]] = {}
        self._waiting = 0

    def __len__(self) -> int:
        """How many keys have work waiting or under way."""
        return len(self._queues)

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        return self._waiting

    def put(self, key: str, job: Job, *, limited: bool = True) -> bool:
        """Add a job behind those of its key; False when there are too many."""
        queue = self._queues.get(key)
        if limited and (self._waiting >= MOST_IN_ALL or (queue is not None and len(queue) >= MOST_QUEUED)):
            return False
        if queue is None:
            queue = self._queues[key] = deque()
            self._scope.start(self._work_off(key, queue), name=key)
        queue.append(job)
        self._waiting += 1
        return True

    async def drained(self) -> None:
        """Wait until nothing is left to do."""
        await self._scope.drained()

    def close(self) -> None:
        """Stop at once; what has not been done is not done."""
        self._scope.close()

    async def _work_off(self, key: str, queue: deque[Job]) -> None:
        try:
            while queue:
                self._waiting -= 1
                await queue.popleft()()
        finally:
            self._waiting -= len(queue)
            if self._queues.get(key) is queue:
                del self._queues[key]
