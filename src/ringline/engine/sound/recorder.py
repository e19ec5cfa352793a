"""Writes what the heart wants recorded: from the media core's tap to a file that can be fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ringline.base import ApplicationId, Clock, ConversationId, EffectId, ProviderError, get_log
from ringline.calls.commands import StartRecording
from ringline.calls.events import RecordingDone, RecordingFailed
from ringline.engine.ports import (
    HeardLayout,
    Media,
    MonoLayout,
    OpenRecording,
    RecordingFile,
    RecordingLayout,
    Recordings,
    SlotLayout,
    Store,
    StoredFile,
)
from ringline.engine.supervise import Scope

log = get_log(__name__)
Report = Callable[[ConversationId, RecordingDone | RecordingFailed], None]


class Recorder:
    """Every recording that runs or is being stored, those that an earlier process began included."""

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
        self._adopted: dict[EffectId, OpenRecording] = {}
        self._terms: dict[EffectId, int] = {}
        "How many days files are to be kept, of those that were given a term."
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
        started = self._clock.wallclock()
        self._running[command.effect] = (room, file, started)
        if command.keep_days is not None:
            self._terms[command.effect] = command.keep_days
        self._store.write_open_recording(
            OpenRecording(
                recording=command.effect,
                file_id=file.file_id,
                conversation=room,
                application=application,
                container=file.container,
                started_at=started,
                keep_days=command.keep_days,
            )
        )
        self._media.record(command.effect, room, _layout(command), file, rate_hz=file.rate_hz)

    def pause(self, effect: EffectId, *, paused: bool) -> None:
        """Record silence from now on, or what is heard again; unknown recordings are ignored."""
        if effect in self._running:
            self._media.pause_recording(effect, paused=paused)

    def stop(self, effect: EffectId) -> None:
        """Close the tap and store the file; what became of it is reported."""
        running = self._running.pop(effect, None)
        if running is not None:
            room, file, started = running
            ended = self._clock.wallclock()
            self._media.stop_recording(effect)
            self._scope.start(self._finish(room, effect, file, started, ended), name=effect)
        elif (adopted := self._adopted.pop(effect, None)) is not None:
            self._scope.start(self._recover(adopted), name=effect)

    def adopt(self, recording: OpenRecording) -> None:
        """Take over a recording of a process that died; `stop` completes and reports it."""
        self._adopted[EffectId(recording.recording)] = recording
        if recording.keep_days is not None:
            self._terms[EffectId(recording.recording)] = recording.keep_days

    async def drained(self) -> None:
        """Wait until every stopped recording is stored."""
        await self._scope.drained()

    async def _finish(
        self, room: ConversationId, effect: EffectId, file: RecordingFile, started: datetime, ended: datetime
    ) -> None:
        try:
            stored = await file.finish()
        except ProviderError as error:
            self._lost(room, effect, error)
        else:
            self._done(room, effect, stored, started, ended)

    async def _recover(self, recording: OpenRecording) -> None:
        effect = EffectId(recording.recording)
        try:
            stored = await self._recordings.recover(recording)
        except ProviderError as error:
            self._lost(recording.conversation, effect, error)
        else:
            self._done(recording.conversation, effect, stored, recording.started_at, stored.created_at)

    def _lost(self, room: ConversationId, effect: EffectId, error: ProviderError) -> None:
        log.error("a recording was lost", recording=effect, error=str(error))
        self._terms.pop(effect, None)
        with self._store.together():
            self._store.forget_open_recording(effect)
            self._report(room, RecordingFailed(effect=effect, why=str(error)))

    def _done(
        self, room: ConversationId, effect: EffectId, stored: StoredFile, started: datetime, ended: datetime
    ) -> None:
        done = RecordingDone(
            effect=effect,
            recording=effect,
            url=self._file_url.format(id=stored.file_id),
            size=stored.size,
            start_time=started,
            end_time=ended,
            file_id=stored.file_id,
        )
        # As one: a crash finds the recording open, or its file and its webhook in the store.
        with self._store.together():
            self._store.write_file(replace(stored, keep_days=self._terms.pop(effect, None)))
            self._store.forget_open_recording(effect)
            self._report(room, done)


def _layout(command: StartRecording) -> RecordingLayout:
    if command.heard_by is not None:
        return HeardLayout(leg=command.heard_by)
    if command.channels > 1:
        return SlotLayout(channels=command.channels)
    return MonoLayout()
