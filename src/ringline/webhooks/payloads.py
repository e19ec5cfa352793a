"""What each webhook says, as JSON ready to be written: names, types and order as existing client libraries expect them.

Times are aware datetimes and become ISO 8601 in UTC; numbers are written without `+`, as the caller gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringline.base import iso_ms, iso_s

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegInfo:
    """What events of a leg have in common."""

    uuid: str
    conversation_uuid: str
    from_: str
    "`Unknown` for a caller without a number."
    to: str
    direction: str
    "`inbound` or `outbound`, from the platform's view."
    headers: Mapping[str, Any] = field(default_factory=dict)
    "Those of a WebSocket endpoint; empty for all others."


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResult:
    """What a recogniser made of the caller's speech."""

    results: Sequence[tuple[str, str]] = ()
    "Text and confidence (a number written as a string), best first."
    timeout_reason: str | None = None
    "`end_on_silence_timeout`, `max_duration` or `start_timeout`."
    error: str | None = None
    recording_url: str | None = None

    def to_json(self) -> Payload:
        out: Payload = {}
        if self.recording_url is not None:
            out["recording_url"] = self.recording_url
        if self.timeout_reason is not None:
            out["timeout_reason"] = self.timeout_reason
        if self.error is not None:
            out["error"] = self.error
        out["results"] = [{"confidence": confidence, "text": text} for text, confidence in self.results]
        return out


def answer(
    *,
    uuid: str,
    conversation_uuid: str,
    to: str,
    from_: str,
    endpoint_type: str,
    region_url: str,
    from_user: str | None = None,
    custom_data: Mapping[str, Any] | None = None,
    sip_headers: Mapping[str, str] | None = None,
    minimal: bool = False,
) -> Payload:
    """The request for a leg's first script; the same fields go to `onAnswer` and transfer URLs.

    `from_user` stands instead of `from_` when an app user calls. A `to` inside `custom_data` becomes the `to` itself.
    `sip_headers` are the INVITE's, as `sip_fields` gives them. `minimal` leaves only the four oldest fields and these.
    """
    custom = dict(custom_data or {})
    if "to" in custom:
        to = str(custom.pop("to"))
    out: Payload = {"to": to}
    if from_user is None:
        out["from"] = from_
    else:
        out["from_user"] = from_user
    if not minimal:
        out["endpoint_type"] = endpoint_type
    out["uuid"] = uuid
    out["conversation_uuid"] = conversation_uuid
    if not minimal:
        out["region_url"] = region_url
        if custom:
            out["custom_data"] = custom
    out.update(sip_headers or {})
    return out


def status(
    leg: LegInfo, *, status: str, timestamp: datetime, detail: str | None = None, sip_code: int | None = None
) -> Payload:
    """`started`, `ringing`, `busy`, `cancelled`, `unanswered`, `rejected`, `failed`, `timeout` or `disconnected`."""
    out = _common(leg)
    out["status"] = status
    if detail is not None:
        out["detail"] = detail
    if sip_code is not None:
        out["sip_code"] = sip_code
    out["direction"] = leg.direction
    out["timestamp"] = iso_ms(timestamp)
    return out


def answered(leg: LegInfo, *, timestamp: datetime) -> Payload:
    """`answered`; start, rate and network are there and null."""
    return {
        "start_time": None,
        "headers": dict(leg.headers),
        "rate": None,
        "from": leg.from_,
        "to": leg.to,
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation_uuid,
        "status": "answered",
        "direction": leg.direction,
        "network": None,
        "timestamp": iso_ms(timestamp),
    }


def human_or_machine(leg: LegInfo, *, status: str, timestamp: datetime, sub_state: str | None = None) -> Payload:
    """`human` or `machine`; `sub_state` is `beep_start` or `beep_timeout`."""
    out: Payload = {
        "call_uuid": leg.uuid,
        "uuid": leg.uuid,
        "headers": dict(leg.headers),
        "from": leg.from_,
        "to": leg.to,
        "status": status,
    }
    if sub_state is not None:
        out["sub_state"] = sub_state
    out["conversation_uuid"] = leg.conversation_uuid
    out["direction"] = leg.direction
    out["timestamp"] = iso_ms(timestamp)
    return out


def completed(
    leg: LegInfo,
    *,
    start_time: datetime | None,
    end_time: datetime,
    duration_s: int,
    rate: str,
    price: str,
    disconnected_by: str,
    timestamp: datetime,
    network: str | None = None,
    sip_code: int | None = None,
) -> Payload:
    """`completed`: duration, rate and price are strings; start and end are whole seconds written with `.000Z`.

    `start_time` None is a leg that was never answered (an application setting asks for the event even so).
    """
    out: Payload = {
        "headers": dict(leg.headers),
        "end_time": iso_ms(end_time.replace(microsecond=0)),
        "uuid": leg.uuid,
        "network": network,
        "duration": str(duration_s),
        "start_time": None if start_time is None else iso_ms(start_time.replace(microsecond=0)),
        "rate": rate,
        "price": price,
        "from": leg.from_,
        "to": leg.to,
        "conversation_uuid": leg.conversation_uuid,
        "status": "completed",
        "direction": leg.direction,
        "disconnected_by": disconnected_by,
    }
    if sip_code is not None:
        out["sip_code"] = sip_code
    out["timestamp"] = iso_ms(timestamp)
    return out


def record(
    *,
    recording_uuid: str,
    recording_url: str,
    size: int,
    start_time: datetime,
    end_time: datetime,
    conversation_uuid: str,
    timestamp: datetime,
) -> Payload:
    """A recording can be fetched; `size` in bytes, start and end without decimals."""
    return {
        "start_time": iso_s(start_time),
        "recording_url": recording_url,
        "size": size,
        "recording_uuid": recording_uuid,
        "end_time": iso_s(end_time),
        "conversation_uuid": conversation_uuid,
        "timestamp": iso_ms(timestamp),
    }


def transcription(
    *,
    recording_uuid: str,
    conversation_uuid: str,
    timestamp: datetime,
    transcription_url: str | None = None,
    detail: str | None = None,
) -> Payload:
    """A recording has been written down, or (without a URL) could not be, for the reason in `detail`."""
    out: Payload = {
        "conversation_uuid": conversation_uuid,
        "type": "record",
        "recording_uuid": recording_uuid,
        "status": "failed" if transcription_url is None else "transcribed",
    }
    if transcription_url is not None:
        out["transcription_url"] = transcription_url
    elif detail is not None:
        out["detail"] = detail
    out["timestamp"] = iso_ms(timestamp)
    return out


def input(
    leg: LegInfo, *, digits: str | None, timed_out: bool, speech: Mapping[str, Any] | SpeechResult, timestamp: datetime
) -> Payload:
    """What `input` collected; one key of an asynchronous `input` or a REST listener has the same shape.

    `digits` is null when keys were not asked for or speech won. A `speech` mapping is sent as it is; without `results`
    it gets an empty list.
    """
    heard = speech.to_json() if isinstance(speech, SpeechResult) else dict(speech)
    heard.setdefault("results", [])
    return {
        "speech": heard,
        "dtmf": {"digits": digits, "timed_out": timed_out},
        "from": leg.from_,
        "to": leg.to,
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation_uuid,
        "timestamp": iso_ms(timestamp),
    }


def legacy_input(leg: LegInfo, *, digits: str, timed_out: bool, timestamp: datetime) -> Payload:
    """What `input` collected, in the flat form of 2019."""
    return {
        "dtmf": digits,
        "timed_out": timed_out,
        "from": leg.from_,
        "to": leg.to,
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation_uuid,
        "timestamp": iso_ms(timestamp),
    }


def notify(*, payload: Any, conversation_uuid: str, timestamp: datetime) -> Payload:
    """The application's own payload, in its envelope."""
    return {"payload": payload, "conversation_uuid": conversation_uuid, "timestamp": iso_ms(timestamp)}


def transfer(*, uuid: str, conversation_uuid_from: str, conversation_uuid_to: str, timestamp: datetime) -> Payload:
    """A leg moved from one conversation to another."""
    return {
        "conversation_uuid_from": conversation_uuid_from,
        "type": "transfer",
        "uuid": uuid,
        "conversation_uuid_to": conversation_uuid_to,
        "timestamp": iso_ms(timestamp),
    }


def pay(leg: LegInfo, *, status: str, timestamp: datetime) -> Payload:
    """A payment ended with `success` or `failure`."""
    return {
        "from": leg.from_,
        "to": leg.to,
        "type": "payment",
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation_uuid,
        "status": status,
        "timestamp": iso_ms(timestamp),
    }


def error(*, reason: str, timestamp: datetime, conversation_uuid: str | None = None) -> Payload:
    """Something the application asked for could not be done."""
    out: Payload = {"reason": reason}
    if conversation_uuid is not None:
        out["conversation_uuid"] = conversation_uuid
    out["timestamp"] = iso_ms(timestamp)
    return out


def _common(leg: LegInfo) -> Payload:
    return {
        "headers": dict(leg.headers),
        "from": leg.from_,
        "to": leg.to,
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation_uuid,
    }
