"""Recordings in memory: what was said in them can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ringline.audio import media_type
from ringline.base import ApplicationId, Clock, ProviderError, Random, uuid4
from ringline.engine.ports import OpenRecording, StoredFile
from ringline.testing.captions import captions_in, samples_of

_RATE_HZ: Final = 8000


@dataclass(frozen=True, slots=True)
class Said:
    """Something that is heard in a recording."""

    at_s: float
    "Seconds from its beginning."
    channel: int
    "0 is the first (left)."
    text: str


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One recording, running or finished. It is the `RecordingFile` that the engine writes to."""

    application: ApplicationId
    recording: str
    container: str
    channels: int
    rate_hz: int = _RATE_HZ
    says: list[Said] = field(default_factory=list)
    "What is heard in it, in order."
    lost_ms: int = 0
    stored: StoredFile | None = None
    "Set once it is finished."
    _frames: int = 0
    _delay_s: float = 0.0
    _failure: str = ""
    _random: Random
    _clock: Clock
    file_id: str = ""

    def __post_init__(self) -> None:
        self.file_id = uuid4(self._random)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._frames / _RATE_HZ

    def texts(self, channel: int | None = None) -> list[str]:
        """What is heard in one channel, or in all of them."""
        return [one.text for one in self.says if channel is None or one.channel == channel]

    def write(self, pcm: bytes) -> None:
        frames = samples_of(pcm).reshape(-1, self.channels)
        for channel in range(self.channels):
            for at, caption in captions_in(frames[:, channel]):
                self.says.append(Said((self._frames + at) / _RATE_HZ, channel, caption.text))
        self.says.sort(key=lambda said: (said.at_s, said.channel))
        self._frames += len(frames)

    def lost(self, milliseconds: int) -> None:
        self.lost_ms += milliseconds

    async def finish(self) -> StoredFile:
        """Close the file.

        Raises:
            ProviderError: the disk was told to be full.
        """
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        if self._failure:
            raise ProviderError(self._failure)
        self.stored = StoredFile(
            file_id=self.file_id,
            application=self.application,
            media_type=media_type(self.container),
            size=self._frames * self.channels * 4,
            created_at=self._created(),
        )
        return self.stored

    def _created(self) -> datetime:
        return self._clock.wallclock()


class MemoryRecordings:
    """The `Recordings` of a test; all that were made are in `made`, oldest first."""

    def __init__(self, *, clock: Clock, random: Random, changed: Callable[[], None]) -> None:
        self.made: list[Recorded] = []
        self.delay_s = 0.0
        "How long it takes to encode and store a finished one."
        self.full = ""
        "Set to a reason, every recording fails when it is stored."
        self.refusing = ""
        "Set to a reason, no recording can be started."
        self.kept: dict[str, bytes] = {}
        "Transcriptions, by the ids of their files."
        self._clock = clock
        self._random = random
        self._changed = changed

    def create(self, application: ApplicationId, *, recording: str, container: str, channels: int) -> Recorded:
        """Start a file.

        Raises:
            ProviderError: it was told to refuse.
        """
        if self.refusing:
            raise ProviderError(self.refusing)
        made = Recorded(
            application=application,
            recording=recording,
            container=container,
            channels=channels,
            _delay_s=self.delay_s,
            _failure=self.full,
            _random=self._random,
            _clock=self._clock,
        )
        self.made.append(made)
        self._changed()
        return made

    async def keep(self, file: StoredFile, data: bytes) -> StoredFile:
        """Keep a transcription.

        Raises:
            ProviderError: the disk was told to be full.
        """
        if self.full:
            raise ProviderError(self.full)
        self.kept[file.file_id] = data
        return file

    async def recover(self, recording: OpenRecording) -> StoredFile:
        """Complete a recording that nobody finished.

        Raises:
            ProviderError: it was never begun here.
        """
        for made in self.made:
            if made.file_id == recording.file_id:
                return made.stored or await made.finish()
        raise ProviderError("nothing of it is left")
