"""The one thread that writes: rows queue up for at most 20 ms and go to disk together.

A row on its own costs a transaction, a row in a batch a few microseconds. When the disk is full or broken, rows wait
in memory and the thread keeps trying; the event loop never waits, and never sees the error. Meanwhile the vital ones go
to the spool too, so that they outlive the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ringline.base import ProviderError, get_log
from ringline.io.store.database import Away, Session, Statement, Write, grouped
from ringline.io.store.spool import Spool

log = get_log(__name__)

GROUP_S: Final = 0.020
GROUP_ROWS: Final = 200
_MOST_ROWS_AT_ONCE: Final = 2000
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_MOST_REFUSALS_LOGGED: Final = 20


class Writer:
    """Queue, thread and group commit. `put` may be called from one event loop; the rest is the thread's."""

    def __init__(
        self,
        connect: Callable[[], Session],
        *,
        max_pending: int,
        spool: Spool | None = None,
    ) -> None:
        """`connect` opens the database, in the thread; `spool` is open, and the thread's own from `start` on."""
        self._connect = connect
        self._spool = spool
        self._max_pending = max_pending
        self._lock = threading.Lock()
        "Guards everything below; taken as it is where nobody is to be woken, for that costs half."
        self._wake = threading.Condition(self._lock)
        self._queue: deque[Write] = deque()
        self._queued = 0
        self._written = 0
        self._oldest_in_hand: float | None = None
        self._in_hand = 0
        self._urgent = 0
        self._waiters: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._stop_at: float | None = None
        self._closed = False
        self._trouble: str | None = None
        self._dropped = 0
        self._refused = 0
        self._turn = 0
        self._gathered: list[Write] | None = None
        "What belongs together and is not complete yet: the event loop's own, out of the thread's sight."
        self._in_spool = 0
        self._spooled = 0
        self._batch: Sequence[Write] = ()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # ── the event loop's side ──────────────────────────────────────────────────────────────────────────────────────

    def put(self, statement: Statement, row: Mapping[str, Any], *, optional: bool = False) -> bool:
        """Queue a row. False when it was dropped: the queue is full, or half full and the row is optional."""
        return self.submit(statement, row, optional=optional) is not None

    def submit(self, statement: Statement, row: Mapping[str, Any], *, optional: bool = False) -> Write | None:
        """Queue a row that may be withdrawn; None when it was dropped. Vital rows have a quarter more room."""
        room = self._max_pending
        room = room // 2 if optional else room + room // 4 if statement.vital else room
        gathered = self._gathered
        pending = len(self._queue) + self._in_hand + (len(gathered) if gathered else 0)
        if pending >= room or self._stop_at is not None:
            self._dropped += 1
            if self._dropped == 1 and self._stop_at is None:
                log.error("the store cannot keep up: rows are dropped and counted from now on", pending=pending)
            return None
        write = Write(statement, row, time.monotonic())
        if gathered is not None:
            gathered.append(write)
        else:
            self._enqueue((write,))
        return write

    def _enqueue(self, writes: Sequence[Write]) -> None:
        """Give the thread rows that belong together."""
        with self._lock:
            self._turn += 1
            for write in writes:
                write.turn = self._turn
            before = len(self._queue)
            self._queue.extend(writes)
            self._queued += len(writes)
            urgent = self._trouble is not None and any(write.statement.vital for write in writes)
            if before == 0 or before < GROUP_ROWS <= len(self._queue) or urgent:
                self._wake.notify()

    def withdraw(self, write: Write) -> bool:
        """Have a row not written at all; False when it is too late for that."""
        with self._lock:
            if write.taken or write.spooled:
                return False
            write.withdrawn = True
            return True

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is queued inside goes to disk in one transaction. Nothing may be awaited inside."""
        if self._gathered is not None:
            yield  # nested in another one, which takes these rows along
            return
        gathered = self._gathered = []
        try:
            yield
        finally:
            self._gathered = None
            if gathered:
                self._enqueue(gathered)

    async def flushed(self) -> None:
        """Return when everything queued so far is on disk.

        Raises:
            ProviderError: the disk does not take it now; what is queued is kept and tried again.
        """
        with self._wake:
            if self._written >= self._queued:
                return
            if self._trouble is not None:
                raise ProviderError(self._trouble, retryable=True)
            if self._closed:
                raise ProviderError("the store is closed")
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append((self._queued, loop, future))
            self._urgent = self._queued
            self._wake.notify()
        await future

    async def stop(self, timeout_s: float) -> int:
        """Write what is left, for at most so long, and end the thread; return how many rows were lost."""
        with self._wake:
            self._stop_at = time.monotonic() + timeout_s
            self._wake.notify()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)
        lost = self._queued - self._written
        if lost:
            log.error("the store was closed before everything was written", rows_lost=lost)
        return lost

    def trouble(self) -> str | None:
        """Why nothing can be written just now; None when all is well."""
        return self._trouble

    def lag_s(self) -> float:
        """How long the oldest row that is not on disk has been waiting."""
        with self._wake:
            oldest = self._oldest_in_hand
            if oldest is None:
                oldest = self._queue[0].queued_at if self._queue else None
        return time.monotonic() - oldest if oldest is not None else 0.0

    def gauges(self) -> dict[str, float]:
        with self._wake:
            pending = len(self._queue) + self._in_hand
        return {
            "store_pending_rows": float(pending),
            "store_lag_seconds": self.lag_s(),
            "store_rows_written": float(self._written),
            "store_rows_dropped": float(self._dropped),
            "store_rows_refused": float(self._refused),
            "store_rows_spooled": float(self._spooled),
            "store_spool_rows_lost": float(self._spool.lost if self._spool is not None else 0),
            "store_spool_bytes": float(self._spool.used if self._spool is not None else 0),
        }

    # ── the thread's side ──────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        session: Session | None = None
        try:
            while batch := self._take():
                session = self._commit(session, batch)
                if session is None:
                    break
                self._done(len(batch))
        finally:
            if session is not None:
                session.close()
            with self._wake:
                self._closed = True
            self._answer_waiters("the store is closed")

    def _take(self) -> list[Write]:
        """Wait for rows and take a batch; an empty one means that it is time to go."""
        with self._wake:
            while not self._queue and self._stop_at is None:
                self._wake.wait()
            if not self._queue:
                return []
            due = self._queue[0].queued_at + GROUP_S
            while len(self._queue) < GROUP_ROWS and self._urgent <= self._written and self._stop_at is None:
                left = due - time.monotonic()
                if left <= 0:
                    break
                self._wake.wait(left)
            batch: list[Write] = []
            while self._queue and (len(batch) < _MOST_ROWS_AT_ONCE or self._queue[0].turn == batch[-1].turn):
                batch.append(self._queue.popleft())
                batch[-1].taken = True
            self._oldest_in_hand = batch[0].queued_at
            self._in_hand = len(batch)
            return batch

    def _commit(self, session: Session | None, batch: Sequence[Write]) -> Session | None:
        """Write a batch, however long it takes; None when the time to stop has come before that."""
        pause = _FIRST_PAUSE_S
        self._batch = batch
        while True:
            try:
                session = session or self._connect()
                self._write(session, batch)
            except Away as error:
                self._report(f"cannot write to the store: {error}")
                self._spool_what_waits()
                if session is not None:
                    session.close()
                session = None
                if not self._pause(pause):
                    return None
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                self._leave_the_spool(batch)
                self._recovered()
                return session

    def _spool_what_waits(self) -> None:
        """Put the vital rows in hand and in the queue into the spool, where they are not yet."""
        if self._spool is None:
            return
        with self._wake:
            waiting = [
                write
                for write in (*self._batch, *self._queue)
                if write.statement.vital and not write.spooled and not write.withdrawn
            ]
            for write in waiting:
                write.spooled = True  # from now on it cannot be withdrawn
        kept = self._spool.append([(write.statement.vital, write.row) for write in waiting])
        self._spooled += kept
        self._in_spool += len(waiting)

    def _leave_the_spool(self, batch: Sequence[Write]) -> None:
        """A batch is in the database: once that is true of everything in the spool, it is emptied."""
        self._in_spool -= sum(write.spooled for write in batch)
        if self._spool is not None and not self._in_spool:
            self._spool.clear()

    def _write(self, session: Session, batch: Sequence[Write]) -> None:
        """Write a batch in one transaction; a row the database does not accept is left out, counted and logged."""
        batch = [write for write in batch if not write.withdrawn]
        if not batch:
            return
        try:
            session.write(grouped(batch))
        except Away:
            raise
        except Exception:
            refused = session.write_each(batch)
            self._refused += len(refused)
            for write, why in refused[:_MOST_REFUSALS_LOGGED]:
                log.error("the store refused a row", why=why, sql=write.statement.sql)

    def _done(self, rows: int) -> None:
        with self._wake:
            self._written += rows
            self._in_hand = 0
            self._oldest_in_hand = None
            ready = [waiter for waiter in self._waiters if waiter[0] <= self._written]
            self._waiters = [waiter for waiter in self._waiters if waiter[0] > self._written]
        for _, loop, future in ready:
            _settle(loop, future, None)

    def _report(self, trouble: str) -> None:
        first = self._trouble is None
        self._trouble = trouble
        self._answer_waiters(trouble)
        if first:
            log.error("the store is in trouble: rows wait in memory", why=trouble)

    def _recovered(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            log.info("the store writes again")

    def _answer_waiters(self, trouble: str) -> None:
        with self._wake:
            waiters, self._waiters = self._waiters, []
        for _, loop, future in waiters:
            _settle(loop, future, ProviderError(trouble, retryable=True))

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try, and keep the spool up to date; False when there shall be no next one."""
        end = time.monotonic() + seconds
        while True:
            with self._wake:
                now = time.monotonic()
                if self._stop_at is not None:
                    end = min(end, self._stop_at)
                    if self._stop_at <= now:
                        return False
                if now >= end:
                    return True
                self._wake.wait(end - now)
            self._spool_what_waits()


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], error: ProviderError | None) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    # A loop that is closed already has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)
