"""Worker processes: programs that do heavy or fragile work outside the server, and may die doing it.

A worker is started by its command line (never forked), warmed up before its first request and kept. It talks over its
standard input and output in frames: one byte kind, four bytes request number, four bytes length (little-endian), then
the payload.

    to the worker      R request     C cancel this request
    from the worker    H hello, warmed up     B a block of the result     E end     X failed (UTF-8 reason)

A worker handles one request at a time and ends when its input closes. One that dies, breaks the frame rules, or is
silent for too long is killed and replaced; only the request it was working on fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any, Final

from ringline.base import ProviderError, get_log

_log = get_log(__name__)

_HEADER: Final = struct.Struct("<cII")
_MAX_FRAME: Final = 4 * 1024 * 1024
_MAX_REQUEST: Final = 4 * 1024 * 1024
_CANCEL_TIMEOUT_S: Final = 1.0
_CLOSE_TIMEOUT_S: Final = 1.0


class _Broken(Exception):
    """The worker died or said something that makes no sense."""


class _Worker:
    """One running process."""

    def __init__(self, process: Process, hello: bytes) -> None:
        self._process = process
        self._reading = asyncio.Lock()
        self._header = b""
        self.hello = hello
        self.pid = process.pid

    @classmethod
    async def start(cls, command: Sequence[str], timeout_s: float) -> _Worker:
        """Start the program and wait for its hello.

        Raises:
            _Broken: it cannot be started, died, or said no hello in time.
        """
        try:
            # A session of its own: Ctrl-C in the terminal is for the server, which then closes its workers.
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise _Broken(f"cannot be started: {error}") from error
        worker = cls(process, b"")
        try:
            async with asyncio.timeout(timeout_s):
                kind, _, worker.hello = await worker.receive()
                if kind == b"X":
                    raise _Broken(worker.hello.decode("utf-8", "replace"))
                if kind != b"H":
                    raise _Broken("it did not say hello")
        except TimeoutError:
            await worker.kill()
            raise _Broken("it did not start in time") from None
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def send(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(_HEADER.pack(kind, number, len(payload)) + payload)

    async def receive(self) -> tuple[bytes, int, bytes]:
        """Read the next frame. May be cancelled and called again: no frame is lost or cut.

        Raises:
            _Broken: there is none, or it is none.
        """
        stdout = self._process.stdout
        assert stdout is not None
        try:
            async with self._reading:
                self._header = self._header or await stdout.readexactly(_HEADER.size)
                kind, number, length = _HEADER.unpack(self._header)
                if kind not in (b"H", b"B", b"E", b"X") or length > _MAX_FRAME:
                    raise _Broken("it sent a malformed frame")
                payload = await stdout.readexactly(length)
                self._header = b""
                return kind, number, payload
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _Broken("it died") from error

    async def kill(self) -> None:
        """End the process at once and reap it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._reap()

    async def close(self) -> None:
        """Ask the process to end by closing its input; kill it if it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._reap()
        except TimeoutError:
            await self.kill()

    async def _reap(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        async with self._reading:
            while await self._process.stdout.read(65536):
                pass  # a full pipe would keep the transport open
        await self._process.wait()


class WorkerPool:
    """Up to `size` processes of one program, and a bounded queue of requests in front of them.

    `silence_timeout_s` is how long a worker may say nothing during a request before it counts as hung. `waiting` is how
    many requests may wait for a free worker, `queue_timeout_s` how long.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        size: int | None = None,
        waiting: int = 100,
        start_timeout_s: float = 10.0,
        silence_timeout_s: float = 5.0,
        queue_timeout_s: float = 10.0,
    ) -> None:
        self._command = tuple(command)
        self._name = name
        self._size = size if size is not None else max(1, os.cpu_count() or 1)
        self._waiting = waiting
        self._start_timeout_s = start_timeout_s
        self._silence_timeout_s = silence_timeout_s
        self._queue_timeout_s = queue_timeout_s
        self._idle: list[_Worker] = []
        self._busy: dict[int, _Worker] = {}
        self._free = asyncio.Semaphore(self._size)
        self._queued = 0
        self._number = 0
        self._closed = False
        self._trouble: str | None = "the workers are not started"
        self._tasks: dict[int, asyncio.Task[None]] = {}

    # ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Start and warm up all workers. What goes wrong is not raised: `trouble` tells it, and requests try again."""
        await asyncio.gather(*(self._warm() for _ in range(self._size)))

    async def close(self) -> None:
        """End all workers; running requests fail. The pool cannot be used again."""
        self._closed = True
        self._trouble = "the workers are stopped"
        for worker in tuple(self._busy.values()):
            await worker.kill()
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        while self._idle:
            await self._idle.pop().close()

    def trouble(self) -> str | None:
        """None when the last worker that was started works; else why it does not."""
        return self._trouble

    def pids(self) -> tuple[int, ...]:
        """The processes that are running now."""
        workers = (*self._idle, *self._busy.values())
        return tuple(worker.pid for worker in workers if worker.alive)

    def gauges(self) -> dict[str, float]:
        """Figures for metrics: workers idle and busy, requests waiting."""
        return {"idle": len(self._idle), "busy": len(self._busy), "waiting": self._queued}

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def request(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        """Have one request done and give its blocks as they come. Leaving the loop early cancels the request.

        A worker that dies before it has said anything is no reason to fail: another one is asked, once.

        Raises:
            ProviderError: the worker refused (not retryable); or it died or hung, or all are busy (retryable).
        """
        if len(payload) > _MAX_REQUEST:
            raise ProviderError(f"{self._name}: the request is too long")
        said = False
        try:
            async with contextlib.aclosing(self._attempt(payload)) as blocks:
                async for block in blocks:
                    said = True
                    yield block
            return
        except ProviderError as error:
            if said or not isinstance(error.__cause__, _Broken):
                raise
        async with contextlib.aclosing(self._attempt(payload)) as blocks:
            async for block in blocks:
                yield block

    async def _attempt(self, payload: bytes) -> AsyncGenerator[bytes, None]:
        await self._acquire()
        worker: _Worker | None = None
        finished = False
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        try:
            worker = self._busy[number] = await self._take()
            worker.send(b"R", number, payload)
            while True:
                async with asyncio.timeout(self._silence_timeout_s):
                    kind, of, block = await worker.receive()
                if of != number:
                    raise _Broken("it answered another request")
                match kind:
                    case b"B":
                        yield block
                    case b"E":
                        finished = True
                        return
                    case b"X":
                        finished = True
                        raise ProviderError(f"{self._name}: {block.decode('utf-8', 'replace')}")
                    case _:
                        raise _Broken("it sent a frame out of place")
        except (_Broken, TimeoutError) as error:
            why = str(error) or "it hung"
            _log.warning("worker failed", pool=self._name, pid=worker.pid if worker else None, why=why)
            if worker is not None:
                self._busy.pop(number, None)
                self._spawn(self._replace(worker))
                worker = None
            else:
                self._free.release()
            finished = True
            raise ProviderError(f"{self._name}: the worker failed: {why}", retryable=True) from error
        finally:
            # No waiting here: the consumer may have been cancelled.
            if worker is not None:
                if finished:
                    self._give_back(number, worker)
                else:
                    self._spawn(self._cancel(number, worker))
            elif not finished:
                self._free.release()

    async def _acquire(self) -> None:
        if self._closed:
            raise ProviderError(f"{self._name}: the workers are stopped")
        if self._queued >= self._waiting:
            raise ProviderError(f"{self._name}: too many requests are waiting", retryable=True)
        self._queued += 1
        try:
            async with asyncio.timeout(self._queue_timeout_s):
                await self._free.acquire()
        except TimeoutError:
            raise ProviderError(f"{self._name}: all workers are busy", retryable=True) from None
        finally:
            self._queued -= 1

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            _log.warning("worker died while idle", pool=self._name, pid=worker.pid)
            await worker.kill()
        return await self._start_worker()

    async def _start_worker(self) -> _Worker:
        self._check_open()
        try:
            worker = await _Worker.start(self._command, self._start_timeout_s)
        except _Broken as error:
            self._trouble = str(error)
            raise
        try:
            self._check_open()
        except _Broken:
            await worker.kill()
            raise
        self._trouble = None
        return worker

    def _check_open(self) -> None:
        if self._closed:
            raise _Broken("the workers are stopped")

    async def _warm(self) -> None:
        await self._free.acquire()
        try:
            self._idle.append(await self._start_worker())
        except _Broken as error:
            _log.warning("worker could not be started", pool=self._name, why=str(error))
        finally:
            self._free.release()

    def _give_back(self, number: int, worker: _Worker) -> None:
        self._busy.pop(number, None)
        self._idle.append(worker)
        self._free.release()

    async def _replace(self, worker: _Worker) -> None:
        """Kill a bad worker and have a warm one in its place before its seat is free again."""
        try:
            await worker.kill()
            if not self._closed:
                self._idle.append(await self._start_worker())
        except _Broken as error:
            _log.warning("worker could not be replaced", pool=self._name, why=str(error))
        finally:
            self._free.release()

    async def _cancel(self, number: int, worker: _Worker) -> None:
        """Stop a request nobody listens to any more; the worker is used again if it agrees in time."""
        try:
            worker.send(b"C", number)
            async with asyncio.timeout(_CANCEL_TIMEOUT_S):
                while (await worker.receive())[0] == b"B":
                    pass
        except (_Broken, TimeoutError, ConnectionError):
            self._busy.pop(number, None)
            await self._replace(worker)
        else:
            self._give_back(number, worker)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[id(task)] = task
        task.add_done_callback(lambda done: self._tasks.pop(id(done), None))
