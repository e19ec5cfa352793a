"""Writes what the heart wants recorded: from the media core's tap to a file that can be fetched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ringline.base import ApplicationId, Clock, ConversationId, EffectId, ProviderError, get_log
from ringline.calls.commands import StartRecording
from ringline.calls.events import RecordingDone, RecordingFailed
from ringline.engine.ports import (
    HeardLayout,
    Media,
    MonoLayout,
    RecordingFile,
    RecordingLayout,
    Recordings,
    SlotLayout,
    Store,
)
from ringline.engine.supervise import Scope

log = get_log(__name__)
Report = Callable[[ConversationId, RecordingDone | RecordingFailed], None]


class Recorder:
    """Every recording that runs or is being stored."""

    def __init__(
        self, *, media: Media, recordings: Recordings, store: Store, clock: Clock, file_url: str, report: Report
    ) -> None:
        self._media = media
        self._recordings = recordings
        self._store = store
        self._clock = clock
        self._file_url = file_url
        self._report = report
        self._running: dict[EffectId, tuple[ConversationId, RecordingFile, datetime]] = {}
        self._scope = Scope("recordings")

    @property
    def busy(self) -> int:
        """How many recordings run."""
        return len(self._running)

    def start(self, room: ConversationId, application: ApplicationId, command: StartRecording) -> None:
        """Tap the conversation into a new file."""
        try:
            file = self._recordings.create(
                application, recording=command.effect, container=command.container, channels=command.channels
            )
        except ProviderError as error:
            log.error("a recording cannot be started", recording=command.effect, error=str(error))
            self._report(room, RecordingFailed(effect=command.effect, why=str(error)))
            return
        self._running[command.effect] = (room, file, self._clock.wallclock())
        self._media.record(command.effect, room, _layout(command), file)

    def stop(self, effect: EffectId) -> None:
        """Close the tap and store the file; what became of it is reported."""
        running = self._running.pop(effect, None)
        if running is not None:
            room, file, started = running
            ended = self._clock.wallclock()
            self._media.stop_recording(effect)
            self._scope.start(self._finish(room, effect, file, started, ended), name=effect)

    async def drained(self) -> None:
        """Wait until every stopped recording is stored."""
        await self._scope.drained()

    async def _finish(
        self, room: ConversationId, effect: EffectId, file: RecordingFile, started: datetime, ended: datetime
    ) -> None:
        try:
            stored = await file.finish()
        except ProviderError as error:
            log.error("a recording was lost", recording=effect, error=str(error))
            self._report(room, RecordingFailed(effect=effect, why=str(error)))
            return
        self._store.write_file(stored)
        self._report(
            room,
            RecordingDone(
                effect=effect,
                recording=effect,
                url=self._file_url.format(id=stored.file_id),
                size=stored.size,
                start_time=started,
                end_time=ended,
            ),
        )


def _layout(command: StartRecording) -> RecordingLayout:
    if command.heard_by is not None:
        return HeardLayout(leg=command.heard_by)
    if command.channels > 1:
        return SlotLayout(channels=command.channels)
    return MonoLayout()
