"""A transcriber that reads what the phones of a test have said: their recordings have it as text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from ringline.base import ProviderError
from ringline.engine.ports import StoredFile
from ringline.speech import ChannelTranscript, Segment, segments
from ringline.testing.recordings import MemoryRecordings

_A_CHARACTER_MS: Final = 60
_SURE: Final = 0.9


class ScriptedTranscriber:
    """The `Transcriber` of a test; the recordings it was asked for are in `files`, with their languages."""

    def __init__(self, recordings: MemoryRecordings) -> None:
        self.files: list[tuple[StoredFile, str]] = []
        self.delay_s = 1.0
        "How long it takes for a recording."
        self.at_once = 0
        "The most that it ever had at the same time."
        self._working = 0
        self._recordings = recordings
        self._failing = ""

    def fails(self, why: str = "the engine is broken") -> None:
        """From now on it makes nothing of any recording; with an empty reason it works again."""
        self._failing = why

    async def transcribe(self, file: StoredFile, *, language: str, sentiment: bool) -> Sequence[ChannelTranscript]:
        """Write down what is said; every sentence is a little good.

        Raises:
            ProviderError: it was told to fail.
        """
        self.files.append((file, language))
        self._working += 1
        self.at_once = max(self.at_once, self._working)
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self._working -= 1
        if self._failing:
            raise ProviderError(self._failing)
        made = next(one for one in self._recordings.made if one.file_id == file.file_id)
        channels = []
        for channel in range(made.channels):
            found: list[Segment] = []
            for said in made.says:
                if said.channel == channel:
                    start_ms = round(said.at_s * 1000)
                    end_ms = start_ms + len(said.text) * _A_CHARACTER_MS
                    found += segments(said.text, (), start_ms=start_ms, end_ms=end_ms, confidence=_SURE)
            channels.append(
                ChannelTranscript(
                    duration_ms=round(made.seconds * 1000),
                    segments=tuple(one.scored(0.1) if sentiment else one for one in found),
                )
            )
        return channels
