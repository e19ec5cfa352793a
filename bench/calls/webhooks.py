"""The application of a bench: a process of its own that answers the webhooks of its calls."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager


@asynccontextmanager
async def webhook_server(cores: Collection[int] = ()) -> AsyncIterator[tuple[int, int]]:
    """Start it on these cores (everywhere when empty); give its port and its process id, and end it at last."""
    pinned = ("taskset", "-c", ",".join(map(str, sorted(cores)))) if cores else ()
    process = await asyncio.create_subprocess_exec(
        *pinned, sys.executable, "-m", "bench.calls.application", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), process.pid
    finally:
        process.terminate()
        await process.wait()
