"""Worker processes: replaced when they die, hang or babble; cancelled when nobody listens; never waited for long."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ringline.base import ProviderError
from ringline.io.workers import WorkerPool

OBEDIENT = """
import os, select, signal, struct, sys, time
H = struct.Struct("<cII")
def put(kind, number, payload=b""):
    os.write(1, H.pack(kind, number, len(payload)) + payload)
def exactly(n):
    data = b""
    while len(data) < n:
        piece = os.read(0, n - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data
def get():
    kind, number, length = H.unpack(exactly(H.size))
    return kind, number, exactly(length)
put(b"H", 0, b"hello")
while True:
    kind, number, payload = get()
    if kind != b"R":
        continue
    word, _, rest = payload.partition(b" ")
    if word == b"echo":
        put(b"B", number, rest)
        put(b"E", number)
    elif word == b"pid":
        put(b"B", number, str(os.getpid()).encode())
        put(b"E", number)
    elif word == b"refuse":
        put(b"X", number, b"I would rather not")
    elif word == b"die":
        put(b"B", number, b"last words")
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == b"hang":
        put(b"B", number, b"let me think")
        while True:
            time.sleep(100)
    elif word == b"babble":
        os.write(1, b"Traceback (most recent call last)")
    elif word == b"stream":
        while not select.select([0], [], [], 0)[0]:
            put(b"B", number, b"x" * 10_000)
        kind, other, _ = get()
        assert kind == b"C" and other == number
        put(b"E", number)
    elif word == b"stubborn":
        while True:
            put(b"B", number, b"x" * 10_000)
"""
"A worker that does what the first word of the request says."


def program(directory: Path, source: str) -> tuple[str, ...]:
    path = directory / "worker.py"
    path.write_text(source)
    return (sys.executable, "-I", "-S", str(path))


def run(
    directory: Path,
    scene: Callable[[WorkerPool], Awaitable[None]],
    *,
    size: int = 1,
    source: str = OBEDIENT,
    waiting: int = 10,
    silence_timeout_s: float = 5.0,
    queue_timeout_s: float = 10.0,
) -> None:
    async def main() -> None:
        pool = WorkerPool(
            program(directory, source),
            name="test",
            size=size,
            waiting=waiting,
            silence_timeout_s=silence_timeout_s,
            queue_timeout_s=queue_timeout_s,
        )
        await pool.start()
        try:
            await scene(pool)
        finally:
            await pool.close()
        assert pool.pids() == ()

    asyncio.run(main())


async def ask(pool: WorkerPool, request: bytes) -> bytes:
    return b"".join([block async for block in pool.request(request)])


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something has happened that nobody announces."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_request_is_answered_by_a_warm_process(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        (pid,) = pool.pids()
        assert pool.trouble() is None
        assert await ask(pool, b"echo hello") == b"hello"
        assert await ask(pool, b"pid") == str(pid).encode()

    run(tmp_path, scene)


def test_requests_run_side_by_side_on_several_processes(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        first, second = pool.request(b"stream"), pool.request(b"stream")
        assert await anext(first)
        assert await anext(second)
        assert pool.gauges() == {"idle": 0, "busy": 2, "waiting": 0}
        await first.aclose()
        await second.aclose()

    run(tmp_path, scene, size=2)


def test_a_refusal_is_an_error_and_the_process_stays(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        before = pool.pids()
        with pytest.raises(ProviderError, match="rather not") as caught:
            await ask(pool, b"refuse")
        assert not caught.value.retryable
        assert await ask(pool, b"echo next") == b"next"
        assert pool.pids() == before

    run(tmp_path, scene)


def test_a_process_that_is_killed_fails_its_request_and_is_replaced(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        before = pool.pids()
        with pytest.raises(ProviderError, match="died") as caught:
            await ask(pool, b"die")
        assert caught.value.retryable
        assert await ask(pool, b"echo next") == b"next"
        assert pool.pids() != before

    run(tmp_path, scene)


def test_a_process_that_died_while_idle_is_not_used(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not pool.pids())
        assert await ask(pool, b"echo next") == b"next"

    run(tmp_path, scene)


def test_a_process_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        (pid,) = pool.pids()
        with pytest.raises(ProviderError, match="hung"):
            await ask(pool, b"hang")
        assert await ask(pool, b"echo next") == b"next"
        assert not is_running(pid)

    run(tmp_path, scene, silence_timeout_s=0.5)


def test_a_process_that_babbles_is_replaced(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        with pytest.raises(ProviderError, match="malformed"):
            await ask(pool, b"babble")
        assert await ask(pool, b"echo next") == b"next"

    run(tmp_path, scene)


def test_leaving_early_cancels_the_request_and_keeps_the_process(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        before = pool.pids()
        stream = pool.request(b"stream")
        await anext(stream)
        await stream.aclose()
        assert await ask(pool, b"echo next") == b"next"
        assert pool.pids() == before

    run(tmp_path, scene)


def test_a_cancelled_task_cancels_its_request(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        before = pool.pids()
        got = asyncio.Event()

        async def listen() -> None:
            async for _ in pool.request(b"stream"):
                got.set()

        task = asyncio.create_task(listen())
        await got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(pool, b"echo next") == b"next"
        assert pool.pids() == before

    run(tmp_path, scene)


def test_a_process_that_ignores_a_cancel_is_replaced(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        before = pool.pids()
        stream = pool.request(b"stubborn")
        await anext(stream)
        await stream.aclose()
        assert await ask(pool, b"echo next") == b"next"
        assert pool.pids() != before

    run(tmp_path, scene)


def test_more_requests_than_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        stream = pool.request(b"stream")
        await anext(stream)
        waiting = asyncio.create_task(ask(pool, b"echo later"))
        await until(lambda: pool.gauges()["waiting"] == 1)
        with pytest.raises(ProviderError, match="too many") as caught:
            await ask(pool, b"echo refused")
        assert caught.value.retryable
        await stream.aclose()
        assert await waiting == b"later"

    run(tmp_path, scene, waiting=1)


def test_a_request_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        stream = pool.request(b"stream")
        await anext(stream)
        with pytest.raises(ProviderError, match="busy"):
            await ask(pool, b"echo late")
        await stream.aclose()

    run(tmp_path, scene, queue_timeout_s=0.05)


def test_a_program_that_cannot_run_is_told_as_trouble(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        assert pool.trouble() == "it died"
        with pytest.raises(ProviderError, match="it died"):
            await ask(pool, b"echo x")

    run(tmp_path, scene, source="raise SystemExit(3)")


def test_a_program_that_is_missing_is_told_as_trouble() -> None:
    async def main() -> None:
        pool = WorkerPool(("/nonexistent/program",), name="test", size=1)
        assert pool.trouble() == "the workers are not started"
        await pool.start()
        assert "cannot be started" in (pool.trouble() or "")
        await pool.close()

    asyncio.run(main())


def test_a_program_that_explains_itself_is_quoted(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        assert pool.trouble() == "no data"

    source = 'import os, struct\nos.write(1, struct.pack("<cII", b"X", 0, 7) + b"no data")'
    run(tmp_path, scene, source=source)


def test_closing_fails_what_runs_and_leaves_no_process(tmp_path: Path) -> None:
    async def main() -> None:
        pool = WorkerPool(program(tmp_path, OBEDIENT), name="test", size=2)
        await pool.start()
        pids = pool.pids()
        suspended = pool.request(b"stream")
        await anext(suspended)
        hanging = asyncio.create_task(ask(pool, b"hang"))
        await until(lambda: pool.gauges()["busy"] == 2)
        await pool.close()
        with pytest.raises(ProviderError):
            await hanging
        assert not any(is_running(pid) for pid in pids)
        await suspended.aclose()
        with pytest.raises(ProviderError, match="stopped"):
            await ask(pool, b"echo x")

    asyncio.run(main())


def test_a_request_that_is_too_long_is_refused_here(tmp_path: Path) -> None:
    async def scene(pool: WorkerPool) -> None:
        with pytest.raises(ProviderError, match="too long"):
            await ask(pool, b"echo " + b"x" * 5_000_000)

    run(tmp_path, scene)
