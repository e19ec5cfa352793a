"""The journal, the leg records and the index of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports.recordings import StoredFile

if TYPE_CHECKING:
    from ringline.engine.ports.remains import OpenRecording, StoredEvent
    from ringline.engine.ports.transcription import OpenTranscription


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One entry of one conversation's journal."""

    conversation: ConversationId
    sequence: int
    "Counts up from 1 without gaps within the conversation."
    wallclock: datetime
    kind: str
    "`input` (an event the heart saw, with the commands it gave) or `trace` (SIP, webhooks: for people)."
    leg: LegId | None
    "The leg it is about, where there is one."
    data: Mapping[str, Any]
    "JSON."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """What `GET /v1/calls/{uuid}` shows of a leg, live or ended."""

    uuid: LegId
    conversation: ConversationId
    application: ApplicationId
    status: str
    direction: str
    from_: Mapping[str, Any]
    'An endpoint object such as `{"type": "phone", "number": …}`.'
    to: Mapping[str, Any]
    created_at: datetime
    start_time: datetime | None = None
    "When it was answered."
    end_time: datetime | None = None
    duration_s: int | None = None
    rate: str = "0.00000000"
    price: str = "0.00000000"
    network: str | None = None
    detail: str | None = None
    sip_code: int | None = None
    disconnected_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFilter:
    """Which legs `GET /v1/calls` asks for."""

    application: ApplicationId | None
    status: str | None = None
    date_start: datetime | None = None
    date_end: datetime | None = None
    conversation: ConversationId | None = None
    order: str = "asc"
    offset: int = 0
    limit: int = 10


class Store(Protocol):
    """The journal, the leg records and the recordings' index. Writes are quick and grouped; reads see all writes."""

    def together(self) -> AbstractContextManager[None]:
        """What is written inside goes to disk as one: all of it, or (the process dies) nothing. May be nested."""
        ...

    def write_journal(self, line: JournalLine) -> None: ...

    def write_leg(self, record: LegRecord) -> None:
        """Insert or replace a leg's record."""
        ...

    def write_file(self, file: StoredFile) -> None: ...

    def write_event(self, event: StoredEvent) -> None:
        """Keep a notification until `forget_event`; nothing is written if that comes before the next group does."""
        ...

    def forget_event(self, event_id: str) -> None:
        """It was delivered, or given up."""
        ...

    def write_dialog(self, leg: LegId, document: Mapping[str, Any]) -> None:
        """Keep what the far end of a leg would have to be told if this process died. JSON."""
        ...

    def forget_dialog(self, leg: LegId) -> None: ...

    def write_open_recording(self, recording: OpenRecording) -> None: ...

    def forget_open_recording(self, recording: str) -> None: ...

    def write_open_transcription(self, task: OpenTranscription) -> None: ...

    def forget_open_transcription(self, transcription: str) -> None: ...

    def write_usage(self, owner: str, *, day: int, seconds: int, spend: Decimal) -> None:
        """Add what a call came to to what its owner (`app:…`, `trunk:…`) has used on a day (its ordinal, in UTC)."""
        ...

    async def leg(self, uuid: LegId) -> LegRecord | None: ...

    async def legs(self, wanted: LegFilter) -> tuple[Sequence[LegRecord], int]:
        """The page asked for, and how many match in all."""
        ...

    async def journal(self, conversation: ConversationId) -> Sequence[JournalLine]: ...

    async def conversations_of(self, uuid: LegId) -> Sequence[ConversationId]:
        """The conversations whose journals speak of this leg, oldest first."""
        ...

    async def file(self, file_id: str) -> StoredFile | None: ...

    async def flush(self) -> None:
        """Return when everything written so far is on disk."""
        ...
