"""The one thread that writes: rows queue up for at most 10 ms and go to disk together.

A row on its own costs a transaction, a row in a batch a few microseconds. When the disk is full or broken, rows wait
in memory and the thread keeps trying; the event loop never waits, and never sees the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ringline.base import ProviderError, get_log

log = get_log(__name__)

GROUP_S: Final = 0.010
GROUP_ROWS: Final = 200
_MOST_ROWS_AT_ONCE: Final = 2000
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_MOST_REFUSALS_LOGGED: Final = 20


@dataclass(frozen=True, slots=True)
class Statement:
    """One kind of write."""

    sql: str
    fence: bool = False
    "True for deletions: everything before it is written first, everything after it later."


@dataclass(slots=True)
class _Write:
    statement: Statement
    row: Mapping[str, Any]
    queued_at: float


class Writer:
    """Queue, thread and group commit. `put` may be called from one event loop; the rest is the thread's."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, max_pending: int) -> None:
        """`connect` opens the database, in the thread, with `isolation_level=None`."""
        self._connect = connect
        self._max_pending = max_pending
        self._wake = threading.Condition()
        self._queue: deque[_Write] = deque()
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
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # ── the event loop's side ──────────────────────────────────────────────────────────────────────────────────────

    def put(self, statement: Statement, row: Mapping[str, Any], *, optional: bool = False) -> bool:
        """Queue a row. False when it was dropped: the queue is full, or half full and the row is optional."""
        with self._wake:
            pending = len(self._queue) + self._in_hand
            if pending >= (self._max_pending // 2 if optional else self._max_pending) or self._stop_at is not None:
                self._dropped += 1
                first = self._dropped == 1 and self._stop_at is None
            else:
                self._queue.append(_Write(statement, row, time.monotonic()))
                self._queued += 1
                if len(self._queue) in (1, GROUP_ROWS):
                    self._wake.notify()
                return True
        if first:
            log.error("the store cannot keep up: rows are dropped and counted from now on", pending=pending)
        return False

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
        }

    # ── the thread's side ──────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while batch := self._take():
                connection = self._commit(connection, batch)
                if connection is None:
                    break
                self._done(len(batch))
        finally:
            if connection is not None:
                connection.close()
            with self._wake:
                self._closed = True
            self._answer_waiters("the store is closed")

    def _take(self) -> list[_Write]:
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
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_ROWS_AT_ONCE))]
            self._oldest_in_hand = batch[0].queued_at
            self._in_hand = len(batch)
            return batch

    def _commit(self, connection: sqlite3.Connection | None, batch: Sequence[_Write]) -> sqlite3.Connection | None:
        """Write a batch, however long it takes; None when the time to stop has come before that."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                connection = connection or self._connect()
                self._write(connection, batch)
            except sqlite3.Error as error:
                self._report(f"cannot write to the store: {error}")
                _close(connection)
                connection = None
                if not self._pause(pause):
                    return None
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                self._recovered()
                return connection

    def _write(self, connection: sqlite3.Connection, batch: Sequence[_Write]) -> None:
        """Write a batch in one transaction; a row the database does not accept is left out, counted and logged."""
        try:
            _transact(connection, batch)
        except Exception as error:
            if _is_the_disks_fault(error):
                raise
            refused = _transact_carefully(connection, batch)
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
        """Wait before the next try; False when there shall be none."""
        with self._wake:
            if self._stop_at is not None:
                seconds = min(seconds, self._stop_at - time.monotonic())
                if seconds <= 0:
                    return False
            self._wake.wait(seconds)
        return True


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _transact(connection: sqlite3.Connection, batch: Sequence[_Write]) -> None:
    """Write a batch, rows of one kind together."""
    with _transaction(connection):
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for write in batch:
            if write.statement.fence:
                _execute(connection, groups)
                groups = {}
                connection.execute(write.statement.sql, write.row)
            else:
                groups.setdefault(write.statement.sql, []).append(write.row)
        _execute(connection, groups)


def _execute(connection: sqlite3.Connection, groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for sql, rows in groups.items():
        connection.executemany(sql, rows)


def _transact_carefully(connection: sqlite3.Connection, batch: Sequence[_Write]) -> list[tuple[_Write, str]]:
    """Write a batch row by row, still in one transaction; return the rows that are to blame for the failure."""
    refused: list[tuple[_Write, str]] = []
    with _transaction(connection):
        for write in batch:
            try:
                connection.execute(write.statement.sql, write.row)
            except Exception as error:
                if _is_the_disks_fault(error):
                    raise
                refused.append((write, str(error)))
    return refused


def _is_the_disks_fault(error: Exception) -> bool:
    """Full, locked, read-only, damaged: worth trying again. What a row itself is to blame for is not."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()


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
