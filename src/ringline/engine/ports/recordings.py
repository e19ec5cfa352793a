"""Where recordings are written and kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ringline.base import ApplicationId
from ringline.engine.ports.media import RecordingSink

if TYPE_CHECKING:
    from ringline.engine.ports.remains import OpenRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A finished recording: what `GET /v1/files/{id}` serves."""

    file_id: str
    "The id at the end of the URL."
    application: ApplicationId
    media_type: str
    "`audio/mpeg`, `audio/wav` or `audio/ogg`; `application/json` is a transcription."
    size: int
    "Bytes."
    created_at: datetime
    keep_days: int | None = None
    "It is kept so long; None: as long as the operator says."


class RecordingFile(RecordingSink, Protocol):
    """A recording being written."""

    rate_hz: int
    "The rate of the samples that it takes."

    @property
    def file_id(self) -> str:
        """The id that the finished file will have."""
        ...

    @property
    def container(self) -> str:
        """`mp3`, `wav` or `ogg`: what is really written."""
        ...

    async def finish(self) -> StoredFile:
        """Close, encode and store the file.

        Raises:
            ProviderError: it could not be written (full disk); nothing half-written is left behind.
        """
        ...


class Recordings(Protocol):
    """Where recordings are written and kept."""

    def create(self, application: ApplicationId, *, recording: str, container: str, channels: int) -> RecordingFile:
        """Start a file; `container` is `mp3`, `wav` or `ogg`, `recording` the recording's UUID."""
        ...

    async def recover(self, recording: OpenRecording) -> StoredFile:
        """Complete a file that a process that died was writing; `created_at` is when it wrote last.

        Raises:
            ProviderError: nothing of it is left, or it cannot be completed.
        """
        ...

    async def keep(self, file: StoredFile, data: bytes) -> StoredFile:
        """Keep a file beside the recordings that is whole already: a transcription.

        Raises:
            ProviderError: it could not be written.
        """
        ...
