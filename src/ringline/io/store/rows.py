"""Values of the engine as rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ringline.accounts import Application, Forward, Number, application_from_document, application_to_document
from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls.codec import written
from ringline.engine.ports import JournalLine, LegRecord, OpenRecording, OpenTranscription, StoredEvent, StoredFile

Row = Mapping[str, Any]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
JSON: Final = written
"Every line of a journal and every event of a conversation comes by here."


def to_microseconds(moment: datetime) -> int:
    """Write an aware time as a number.

    Raises:
        TypeError: the time is naive, so nobody knows which one is meant.
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The moment that `to_microseconds` wrote."""
    return _EPOCH + timedelta(microseconds=value)


def journal_row(line: JournalLine) -> dict[str, Any]:
    return {
        "conversation": line.conversation,
        "sequence": line.sequence,
        "wallclock": to_microseconds(line.wallclock),
        "kind": line.kind,
        "leg": line.leg,
        "data": JSON(line.data),
    }


def journal_line(row: Row) -> JournalLine:
    return JournalLine(
        conversation=ConversationId(row["conversation"]),
        sequence=row["sequence"],
        wallclock=from_microseconds(row["wallclock"]),
        kind=row["kind"],
        leg=LegId(row["leg"]) if row["leg"] is not None else None,
        data=json.loads(row["data"]),
    )


def leg_row(record: LegRecord) -> dict[str, Any]:
    return {
        "uuid": record.uuid,
        "conversation": record.conversation,
        "application": record.application,
        "status": record.status,
        "direction": record.direction,
        "from_": JSON(record.from_),
        "to": JSON(record.to),
        "created_at": to_microseconds(record.created_at),
        "start_time": maybe_microseconds(record.start_time),
        "end_time": maybe_microseconds(record.end_time),
        "duration_s": record.duration_s,
        "rate": record.rate,
        "price": record.price,
        "network": record.network,
        "detail": record.detail,
        "sip_code": record.sip_code,
        "disconnected_by": record.disconnected_by,
    }


def leg_record(row: Row) -> LegRecord:
    return LegRecord(
        uuid=LegId(row["uuid"]),
        conversation=ConversationId(row["conversation"]),
        application=ApplicationId(row["application"]),
        status=row["status"],
        direction=row["direction"],
        from_=json.loads(row["from_"]),
        to=json.loads(row["to"]),
        created_at=from_microseconds(row["created_at"]),
        start_time=maybe_moment(row["start_time"]),
        end_time=maybe_moment(row["end_time"]),
        duration_s=row["duration_s"],
        rate=row["rate"],
        price=row["price"],
        network=row["network"],
        detail=row["detail"],
        sip_code=row["sip_code"],
        disconnected_by=row["disconnected_by"],
    )


def file_row(file: StoredFile) -> dict[str, Any]:
    return {
        "file_id": file.file_id,
        "application": file.application,
        "media_type": file.media_type,
        "size": file.size,
        "created_at": to_microseconds(file.created_at),
        "keep_days": file.keep_days,
    }


def stored_file(row: Row) -> StoredFile:
    return StoredFile(
        file_id=row["file_id"],
        application=ApplicationId(row["application"]),
        media_type=row["media_type"],
        size=row["size"],
        created_at=from_microseconds(row["created_at"]),
        keep_days=row["keep_days"],
    )


def event_row(event: StoredEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "sequence": event.sequence,
        "conversation": event.conversation,
        "application": event.application,
        "leg": event.leg,
        "name": event.name,
        "url": event.url,
        "method": event.method,
        "payload": JSON(event.payload),
        "created_at": to_microseconds(event.created_at),
    }


def stored_event(row: Row) -> StoredEvent:
    return StoredEvent(
        event_id=row["event_id"],
        sequence=row["sequence"],
        conversation=ConversationId(row["conversation"]),
        application=ApplicationId(row["application"]),
        leg=LegId(row["leg"]) if row["leg"] is not None else None,
        name=row["name"],
        url=row["url"],
        method=row["method"],
        payload=json.loads(row["payload"]),
        created_at=from_microseconds(row["created_at"]),
    )


def dialog_row(leg: LegId, document: Mapping[str, Any]) -> dict[str, Any]:
    return {"leg": leg, "document": JSON(document)}


def dialog_of(row: Row) -> tuple[LegId, Mapping[str, Any]]:
    return LegId(row["leg"]), json.loads(row["document"])


def recording_row(recording: OpenRecording) -> dict[str, Any]:
    return {
        "recording": recording.recording,
        "file_id": recording.file_id,
        "conversation": recording.conversation,
        "application": recording.application,
        "container": recording.container,
        "started_at": to_microseconds(recording.started_at),
        "keep_days": recording.keep_days,
    }


def open_recording(row: Row) -> OpenRecording:
    return OpenRecording(
        recording=row["recording"],
        file_id=row["file_id"],
        conversation=ConversationId(row["conversation"]),
        application=ApplicationId(row["application"]),
        container=row["container"],
        started_at=from_microseconds(row["started_at"]),
        keep_days=row["keep_days"],
    )


def transcription_row(task: OpenTranscription) -> dict[str, Any]:
    document = {
        "recording": task.recording,
        "file_id": task.file_id,
        "conversation": task.conversation,
        "application": task.application,
        "leg": task.leg,
        "language": task.language,
        "sentiment": task.sentiment,
        "url": task.url,
        "method": task.method,
    }
    return {
        "transcription": task.transcription,
        "asked_at": to_microseconds(task.asked_at),
        "document": JSON(document),
    }


def open_transcription(row: Row) -> OpenTranscription:
    document = json.loads(row["document"])
    return OpenTranscription(
        **document, transcription=row["transcription"], asked_at=from_microseconds(row["asked_at"])
    )


def application_row(application: Application, created_at: datetime) -> dict[str, Any]:
    return {
        "id": application.id,
        "created_at": to_microseconds(created_at),
        "document": JSON(application_to_document(application)),
    }


def application_of(row: Row) -> Application:
    return application_from_document(json.loads(row["document"]))


def number_row(number: Number, created_at: datetime) -> dict[str, Any]:
    return {
        "msisdn": number.msisdn,
        "created_at": to_microseconds(created_at),
        "country": number.country,
        "application_id": number.application_id,
        "status_callback": number.status_callback,
        "forward_kind": number.forward.kind if number.forward is not None else None,
        "forward_target": number.forward.target if number.forward is not None else None,
    }


def number_of(row: Row) -> Number:
    application = row["application_id"]
    return Number(
        msisdn=row["msisdn"],
        country=row["country"],
        application_id=ApplicationId(application) if application is not None else None,
        status_callback=row["status_callback"],
        forward=Forward(kind=row["forward_kind"], target=row["forward_target"]) if row["forward_kind"] else None,
    )


def maybe_microseconds(value: datetime | None) -> int | None:
    """The same of a moment that may not have come yet."""
    return to_microseconds(value) if value is not None else None


def maybe_moment(value: int | None) -> datetime | None:
    """The moment that `maybe_microseconds` wrote."""
    return from_microseconds(value) if value is not None else None
