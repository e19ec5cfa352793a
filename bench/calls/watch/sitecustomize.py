"""Looks over the event loop of a server: Python loads this by itself when its folder is in `PYTHONPATH`.

Written to the file that `WATCH_EVENT_LOOP` names: each turn of the loop that took longer than 30 ms (how much of it was
computing, how much was waiting for a processor, its longest steps), what the threads of the loop and of the store were
doing while a turn was 100 ms late, and each look of the garbage collector of more than 3 ms. It costs a few per cent.
"""

from __future__ import annotations

import asyncio.events
import gc
import os
import selectors
import sys
import threading
import time
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

_LONG_S = 0.03
_LATE_S = 0.1
_COLLECTED_S = 0.003


class _Watch:
    """What is known of the present turn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.main_thread().ident
        self._sched = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/schedstat")
        self._began: float | None = None
        self._before = (0.0, 0.0)
        self._steps: list[tuple[float, str]] = []
        self._collects_since = (0.0, 0.0)

    def say(self, what: str) -> None:
        with self._path.open("a") as out:
            out.write(f"{datetime.now():%H:%M:%S.%f} {what}\n")

    def turns(self, select: Any) -> Any:
        def watched(selector: Any, timeout: float | None = None) -> Any:
            if threading.get_ident() != self._thread:
                return select(selector, timeout)
            self._end()
            found = select(selector, timeout)
            self._before, self._began = self._spent(), time.perf_counter()
            return found

        return watched

    def steps(self, run: Any) -> Any:
        def watched(handle: Any) -> None:
            began = time.perf_counter()
            what = handle._callback
            run(handle)
            took = time.perf_counter() - began
            if took > _LONG_S / 4:
                self._steps.append((round(took * 1000, 1), repr(what)[:120]))

        return watched

    def collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collects_since = (time.perf_counter(), time.thread_time())
            return
        took, computed = (now - then for now, then in zip(_clocks(), self._collects_since, strict=True))
        if took > _COLLECTED_S:
            self.say(f"collector: {took * 1000:.1f} ms, {computed * 1000:.1f} of it computing, {info}")

    def look(self) -> None:
        while True:
            time.sleep(_LATE_S / 5)
            began = self._began
            if began is not None and time.perf_counter() - began > _LATE_S:
                self.say(f"late: {(time.perf_counter() - began) * 1000:.0f} ms so far")
                frames = sys._current_frames()
                for thread in threading.enumerate():
                    if thread.ident in frames and (thread.ident == self._thread or "writer" in thread.name):
                        stack = reversed(traceback.extract_stack(frames[thread.ident])[-6:])
                        where = " < ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in stack)
                        self.say(f"    {thread.name}: {where}")

    def _end(self) -> None:
        began, self._began = self._began, None
        if began is not None and (took := time.perf_counter() - began) > _LONG_S:
            computed, waited = (now - then for now, then in zip(self._spent(), self._before, strict=True))
            told = f"{took * 1000:.1f} ms, computing {computed * 1000:.1f}, without a processor {waited * 1000:.1f}"
            self.say(f"turn: {told}; longest steps {sorted(self._steps, reverse=True)[:4]}")
        self._steps.clear()

    def _spent(self) -> tuple[float, float]:
        """Seconds of the loop's thread: on a processor, and ready to run without one."""
        return time.thread_time(), int(self._sched.read_text().split()[1]) / 1e9


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def _begin(path: str) -> None:
    watch = _Watch(Path(path))
    # These are the library's own places: there is no other way in from outside.
    for owner, name, watched in (
        (selectors.EpollSelector, "select", watch.turns),
        (asyncio.events.Handle, "_run", watch.steps),
    ):
        setattr(owner, name, watched(getattr(owner, name)))
    gc.callbacks.append(watch.collected)
    threading.Thread(target=watch.look, name="watch", daemon=True).start()


if "WATCH_EVENT_LOOP" in os.environ and "serve" in sys.orig_argv:
    _begin(os.environ["WATCH_EVENT_LOOP"])
