"""A store that forgets everything with the test."""

from __future__ import annotations

from collections.abc import Sequence

from ringline.base import ConversationId, LegId
from ringline.engine.ports import JournalLine, LegFilter, LegRecord, StoredFile


class MemoryStore:
    """The `Store` of a test: journals, leg records and the index of recordings in plain dicts."""

    def __init__(self) -> None:
        self.journals: dict[ConversationId, list[JournalLine]] = {}
        self.records: dict[LegId, LegRecord] = {}
        self.files: dict[str, StoredFile] = {}

    def write_journal(self, line: JournalLine) -> None:
        self.journals.setdefault(line.conversation, []).append(line)

    def write_leg(self, record: LegRecord) -> None:
        self.records[record.uuid] = record

    def write_file(self, file: StoredFile) -> None:
        self.files[file.file_id] = file

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
