"""Speaking a long text piece by piece, each made while the one before it is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

from ringline.providers._streams import leaving

T = TypeVar("T")

_AHEAD: Final = 64
"So many blocks of a piece are taken before they are wanted."


async def one_after_another(pieces: Sequence[T], make: Callable[[T], AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """Give the blocks of all pieces in order; the next piece is begun when the first block of one has come.

    Leaving early ends what is under way.
    """
    under_way: list[_Piece] = []
    try:
        for index in range(len(pieces)):
            if len(under_way) <= index:
                under_way.append(_Piece(make(pieces[index])))
            async for block in under_way[index].blocks():
                if len(under_way) == index + 1 and index + 1 < len(pieces):
                    under_way.append(_Piece(make(pieces[index + 1])))
                yield block
    finally:
        for piece in under_way:
            piece.task.cancel()
        await asyncio.gather(*(piece.task for piece in under_way), return_exceptions=True)


class _Piece:
    """One piece in the making."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._made: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        self.task = asyncio.get_running_loop().create_task(self._fill(source))

    async def blocks(self) -> AsyncIterator[bytes]:
        while (block := await self._made.get()) is not None:
            yield block
        await self.task  # tells its failure

    async def _fill(self, source: AsyncIterator[bytes]) -> None:
        try:
            async with leaving(source) as blocks:
                async for block in blocks:
                    await self._made.put(block)
        finally:
            if not self.cancelled():
                await self._made.put(None)

    def cancelled(self) -> bool:
        return self.task.cancelling() > 0
