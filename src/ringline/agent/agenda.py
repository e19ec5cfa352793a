"""Alarms: what is to be done later, earliest first."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Alarm:
    """One thing to do later; `cancel` it when it is no longer wanted."""

    __slots__ = ("_agenda", "call", "when")

    def __init__(self, agenda: Agenda, when: float, call: Callable[[float], None]) -> None:
        self._agenda = agenda
        self.when = when
        self.call: Callable[[float], None] | None = call

    def cancel(self) -> None:
        if self.call is not None:
            self.call = None
            self._agenda.note_cancelled()


class Agenda:
    """A heap of alarms. Cancelled ones are swept out when they are the greater part."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._count = 0
        self._cancelled = 0

    def at(self, when: float, call: Callable[[float], None]) -> Alarm:
        """Have `call(now)` called at `when`; alarms of one moment ring in the order they were set."""
        alarm = Alarm(self, when, call)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, alarm))
        return alarm

    def deadline(self) -> float | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Ring every alarm that is due."""
        while (when := self.deadline()) is not None and when <= now:
            alarm = heapq.heappop(self._heap)[2]
            call, alarm.call = alarm.call, None
            if call is not None:
                call(now)

    def note_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled
