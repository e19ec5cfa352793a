"""Leaving an asynchronous iterator for good."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

T = TypeVar("T")


@contextlib.asynccontextmanager
async def leaving(stream: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """End the stream with the block, so that what is behind it (a worker, a request) is let go at once."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
