"""What a process writes down so that the next one can end properly what it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.engine.ports.store import LegRecord
from ringline.engine.ports.transcription import OpenTranscription


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A notification that has to be delivered, however often the process dies before it is."""

    event_id: str
    "`X-Ringline-Event-Id`: the same at every attempt, also after a restart."
    sequence: int
    "Events leave in this order; it grows from one run to the next."
    conversation: ConversationId
    application: ApplicationId
    leg: LegId | None
    "In whose queue it stands; None: the conversation's."
    name: str
    "What it is called in timelines and figures: `answered`, `record` …"
    url: str
    method: str
    payload: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecording:
    """A recording that is being written."""

    recording: str
    "Its UUID, which is the effect's id too."
    file_id: str
    conversation: ConversationId
    application: ApplicationId
    container: str
    "`mp3`, `wav` or `ogg`: what is really written."
    started_at: datetime
    keep_days: int | None = None
    "As of `StoredFile`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Everything the last run left undone."""

    events: Sequence[StoredEvent] = ()
    "In the order in which they are to leave."
    legs: Sequence[LegRecord] = ()
    "Legs without an end, oldest first."
    dialogs: Sequence[tuple[LegId, Mapping[str, Any]]] = ()
    "What the far ends of legs have to be told; the documents are those of `Store.write_dialog`."
    recordings: Sequence[OpenRecording] = ()
    transcriptions: Sequence[OpenTranscription] = ()
    "Oldest first."
