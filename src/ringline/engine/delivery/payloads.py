"""From the heart's facts to the payloads of webhooks."""

from __future__ import annotations

from typing import Any

from ringline.calls.facts import (
    AnswerFact,
    ErrorFact,
    Fact,
    InputFact,
    NotifyFact,
    PayFact,
    RecordFact,
    StatusFact,
    TranscriptionFact,
    TransferFact,
)
from ringline.webhooks import LegInfo, payloads


def payload_of(fact: Fact, *, region_url: str, minimal: bool = False) -> dict[str, Any]:
    """Write a fact as its webhook says it."""
    match fact:
        case AnswerFact():
            return payloads.answer(
                uuid=fact.uuid,
                conversation_uuid=fact.conversation,
                to=fact.to,
                from_=fact.from_,
                endpoint_type=fact.endpoint_type,
                region_url=region_url,
                from_user=fact.from_user,
                custom_data=fact.custom_data,
                sip_headers=fact.sip_headers,
                minimal=minimal,
            )
        case StatusFact():
            return _status(fact)
        case InputFact(legacy=True):
            return payloads.legacy_input(
                _leg(fact), digits=fact.digits or "", timed_out=fact.timed_out, timestamp=fact.timestamp
            )
        case InputFact():
            return payloads.input(
                _leg(fact),
                digits=fact.digits,
                timed_out=fact.timed_out,
                speech=fact.speech,
                timestamp=fact.timestamp,
            )
        case NotifyFact():
            return payloads.notify(payload=fact.payload, conversation_uuid=fact.conversation, timestamp=fact.timestamp)
        case TransferFact():
            return payloads.transfer(
                uuid=fact.uuid,
                conversation_uuid_from=fact.source,
                conversation_uuid_to=fact.target,
                timestamp=fact.timestamp,
            )
        case RecordFact():
            return payloads.record(
                recording_uuid=fact.recording,
                recording_url=fact.url,
                size=fact.size,
                start_time=fact.start_time,
                end_time=fact.end_time,
                conversation_uuid=fact.conversation,
                timestamp=fact.timestamp,
            )
        case TranscriptionFact():
            return payloads.transcription(
                recording_uuid=fact.recording,
                conversation_uuid=fact.conversation,
                timestamp=fact.timestamp,
                transcription_url=fact.url,
                detail=fact.detail,
            )
        case PayFact():
            return payloads.pay(_leg(fact), status=fact.status, timestamp=fact.timestamp)
        case ErrorFact():
            return payloads.error(reason=fact.reason, timestamp=fact.timestamp, conversation_uuid=fact.conversation)


def name_of(fact: Fact) -> str:
    """What a webhook with this fact is called in timelines and figures."""
    if isinstance(fact, StatusFact):
        return fact.status
    return type(fact).__name__.removesuffix("Fact").lower()


def _leg(fact: StatusFact | InputFact | PayFact) -> LegInfo:
    direction, headers = (fact.direction, fact.headers) if isinstance(fact, StatusFact) else ("", {})
    return LegInfo(
        uuid=fact.uuid,
        conversation_uuid=fact.conversation,
        from_=fact.from_,
        to=fact.to,
        direction=direction,
        headers=headers,
    )


def _status(fact: StatusFact) -> dict[str, Any]:
    leg = _leg(fact)
    match fact.status:
        case "answered":
            return payloads.answered(leg, timestamp=fact.timestamp)
        case "human" | "machine":
            return payloads.human_or_machine(
                leg, status=fact.status, timestamp=fact.timestamp, sub_state=fact.sub_state
            )
        case "completed":
            return payloads.completed(
                leg,
                start_time=fact.start_time,
                end_time=fact.end_time or fact.timestamp,
                duration_s=fact.duration_s or 0,
                rate=fact.rate or "0.00",
                price=fact.price or "0",
                disconnected_by=fact.disconnected_by or "platform",
                timestamp=fact.timestamp,
                network=fact.network,
                sip_code=fact.sip_code,
            )
        case _:
            return payloads.status(
                leg, status=fact.status, timestamp=fact.timestamp, detail=fact.detail, sip_code=fact.sip_code
            )
