"""A stream for engines that take an utterance as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from ringline.providers.recognition.contract import RATE_HZ, Heard

LONGEST_S: Final = 90
"No utterance is longer; what comes beyond is dropped."


class WholeStream:
    """Collects the audio and has it understood at the end, or already in a pause that turns out to be the end.

    `understand` gets all of it. While the `input` still waits for the end of a silence, the engine does its work: the
    result is there when the silence is long enough. If somebody goes on, that work is dropped and done anew.
    """

    def __init__(self, understand: Callable[[bytes], Awaitable[Sequence[Heard]]]) -> None:
        self._understand = understand
        self._audio = bytearray()
        self._ahead: asyncio.Task[Sequence[Heard]] | None = None
        self._thought_of = 0

    def feed(self, pcm: bytes) -> None:
        if len(self._audio) < LONGEST_S * RATE_HZ * 2:
            self._audio += pcm

    def pause(self) -> None:
        self.cancel()
        self._thought_of = len(self._audio)
        self._ahead = asyncio.get_running_loop().create_task(self._think(), name="recognition")
        # What went wrong with work that turned out not to be wanted is nobody's business.
        self._ahead.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def result(self) -> Sequence[Heard]:
        if self._ahead is None or self._thought_of < len(self._audio):
            self.pause()
        assert self._ahead is not None
        return await self._ahead

    def cancel(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    async def _think(self) -> Sequence[Heard]:
        return await self._understand(bytes(self._audio))
