"""A store that forgets everything with the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from typing import Any

from ringline.base import ConversationId, LegId
from ringline.engine.ports import (
    JournalLine,
    LegFilter,
    LegRecord,
    OpenRecording,
    OpenTranscription,
    Remains,
    StoredEvent,
    StoredFile,
)
from ringline.testing.chronicle import MemoryChronicle
from ringline.testing.office import MemoryOffice


class MemoryStore(MemoryChronicle, MemoryOffice):
    """The `Store` of a test: journals, leg records and the index of recordings in plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.journals: dict[ConversationId, list[JournalLine]] = {}
        self.records: dict[LegId, LegRecord] = {}
        self.files: dict[str, StoredFile] = {}
        self.events: dict[str, StoredEvent] = {}
        "Notifications that are neither delivered nor given up, by their id."
        self.dialogs: dict[LegId, Mapping[str, Any]] = {}
        self.open_recordings: dict[str, OpenRecording] = {}
        self.open_transcriptions: dict[str, OpenTranscription] = {}
        self.usage: dict[tuple[str, int], tuple[int, Decimal]] = {}
        "Seconds and spend, by owner and day."

    def together(self) -> AbstractContextManager[None]:
        """Everything is written at once anyway."""
        return nullcontext()

    def write_event(self, event: StoredEvent) -> None:
        self.events[event.event_id] = event

    def forget_event(self, event_id: str) -> None:
        self.events.pop(event_id, None)

    def write_dialog(self, leg: LegId, document: Mapping[str, Any]) -> None:
        self.dialogs[leg] = document

    def forget_dialog(self, leg: LegId) -> None:
        self.dialogs.pop(leg, None)

    def write_open_recording(self, recording: OpenRecording) -> None:
        self.open_recordings[recording.recording] = recording

    def forget_open_recording(self, recording: str) -> None:
        self.open_recordings.pop(recording, None)

    def write_open_transcription(self, task: OpenTranscription) -> None:
        self.open_transcriptions[task.transcription] = task

    def forget_open_transcription(self, transcription: str) -> None:
        self.open_transcriptions.pop(transcription, None)

    async def remains(self) -> Remains:
        """What a process that died now would leave undone."""
        return Remains(
            events=sorted(self.events.values(), key=lambda event: event.sequence),
            legs=[record for record in self.records.values() if record.end_time is None],
            dialogs=list(self.dialogs.items()),
            recordings=list(self.open_recordings.values()),
            transcriptions=list(self.open_transcriptions.values()),
        )

    async def last_lines(self, conversations: Sequence[ConversationId]) -> Mapping[ConversationId, int]:
        """The number of the last line of each journal."""
        return {room: len(self.journals[room]) for room in conversations if room in self.journals}

    async def traces(self, leg: LegId, *, limit: int = 1000) -> Sequence[JournalLine]:
        """What was noted about a leg for people, oldest first."""
        lines = [line for journal in self.journals.values() for line in journal]
        found = [line for line in lines if line.leg == leg and line.kind == "trace"]
        return sorted(found, key=lambda line: line.wallclock)[-limit:]

    def write_journal(self, line: JournalLine) -> None:
        self.journals.setdefault(line.conversation, []).append(line)

    def write_leg(self, record: LegRecord) -> None:
        self.records[record.uuid] = record

    def write_file(self, file: StoredFile) -> None:
        self.files[file.file_id] = file

    def write_usage(self, owner: str, *, day: int, seconds: int, spend: Decimal) -> None:
        had = self.usage.get((owner, day), (0, Decimal(0)))
        self.usage[owner, day] = (had[0] + seconds, had[1] + spend)

    async def leg(self, uuid: LegId) -> LegRecord | None:
        return self.records.get(uuid)

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]:
        """The page asked for, by time of creation, and how many match in all."""
        found = sorted(
            (record for record in self.records.values() if _matches(record, wanted)),
            key=lambda record: record.created_at,
            reverse=wanted.order == "desc",
        )
        return found[wanted.offset : wanted.offset + wanted.limit], len(found)

    async def journal(self, conversation: ConversationId) -> Sequence[JournalLine]:
        return tuple(self.journals.get(conversation, ()))

    async def conversations_of(self, uuid: LegId) -> Sequence[ConversationId]:
        return [room for room, lines in self.journals.items() if any(line.leg == uuid for line in lines)]

    async def file(self, file_id: str) -> StoredFile | None:
        return self.files.get(file_id)

    async def flush(self) -> None:
        """All is written already."""


def _matches(record: LegRecord, wanted: LegFilter) -> bool:
    return (
        wanted.application in (None, record.application)
        and wanted.status in (None, record.status)
        and wanted.conversation in (None, record.conversation)
        and (wanted.date_start is None or record.created_at >= wanted.date_start)
        and (wanted.date_end is None or record.created_at <= wanted.date_end)
    )
