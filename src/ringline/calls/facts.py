"""What a webhook says: one value per kind. How it is written as JSON is the business of `ringline.webhooks`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringline.base import ApplicationId, ConversationId, LegId
from ringline.calls.parties import Party
from ringline.calls.rating import FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFact:
    """The answer webhook; also the query of `onAnswer` and transfer URLs."""

    uuid: LegId
    conversation: ConversationId
    from_: str
    to: str
    from_user: str | None
    "Set instead of `from_` when an app user calls."
    endpoint_type: str
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    "Custom headers of the INVITE by their name as received."
    custom_data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFact:
    """A status event of a leg."""

    uuid: LegId
    conversation: ConversationId
    from_: str
    to: str
    status: str
    direction: str
    timestamp: datetime
    headers: Mapping[str, Any] = field(default_factory=dict)
    sub_state: str | None = None
    detail: str | None = None
    sip_code: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    duration_s: int | None = None
    disconnected_by: str | None = None
    network: str | None = None
    rate: str | None = None
    price: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFact:
    """What `input` collected; also one key of asynchronous DTMF."""

    uuid: LegId
    conversation: ConversationId
    from_: str
    to: str
    digits: str | None
    timed_out: bool
    timestamp: datetime
    speech: Mapping[str, Any]
    "The `speech` object: `results`, `timeout_reason`, `error`, `recording_url`."
    legacy: bool = False
    "Write the flat payload of 2019."


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyFact:
    """The payload of a `notify` action."""

    payload: Any
    conversation: ConversationId
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFact:
    """A leg moved from one conversation to another."""

    uuid: LegId
    source: ConversationId
    target: ConversationId
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFact:
    """A recording can be fetched."""

    recording: str
    url: str
    size: int
    start_time: datetime
    end_time: datetime
    conversation: ConversationId
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionFact:
    """A recording has been written down, or (without `url`) could not be."""

    recording: str
    conversation: ConversationId
    timestamp: datetime
    url: str | None = None
    detail: str | None = None
    "Why not."


@dataclass(frozen=True, slots=True, kw_only=True)
class PayFact:
    """How a `pay` action came out."""

    uuid: LegId
    conversation: ConversationId
    from_: str
    to: str
    status: str
    "`success` or `failure`."
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFact:
    """Something in the application's script could not be done."""

    reason: str
    conversation: ConversationId
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LegView:
    """What is known of a leg from outside: its record."""

    uuid: LegId
    conversation: ConversationId
    application: ApplicationId
    status: str
    "As REST shows it."
    direction: str
    from_: Party
    to: Party
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int | None
    "Set once ended; 0 when it was never answered."
    detail: str | None
    sip_code: int | None
    disconnected_by: str | None
    rate: str = FREE
    "Per minute."
    price: str = FREE
    "What it has come to; set once ended."
    network: str | None = None
    scripted: bool = False
    "Its script runs: an inbound leg counts as answered for REST from then on."


Fact = (
    AnswerFact
    | StatusFact
    | InputFact
    | NotifyFact
    | TransferFact
    | RecordFact
    | TranscriptionFact
    | PayFact
    | ErrorFact
)
