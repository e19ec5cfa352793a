"""Webhooks without a network: what they say, how they are written and signed, when they are tried again."""

from ringline.webhooks import payloads
from ringline.webhooks.delivery import (
    CONNECTION_CLOSED,
    CONNECTION_RESET,
    INVALID_NCCO,
    INVALID_RESPONSE_CODE,
    SOCKET_TIMEOUT,
    TABLES,
    Attempt,
    Delivery,
    Fault,
    GaveUp,
    Instructions,
    Kind,
    NoInstructions,
    Outcome,
    Phase,
    Reader,
    Result,
)
from ringline.webhooks.payloads import LegInfo, Payload, SpeechResult
from ringline.webhooks.requests import USER_AGENT, Hook, WebhookRequest, build_request
from ringline.webhooks.signing import STRONG_SECRET_BYTES, payload_hash, sign
from ringline.webhooks.sip_fields import sip_fields

__all__ = [
    "CONNECTION_CLOSED",
    "CONNECTION_RESET",
    "INVALID_NCCO",
    "INVALID_RESPONSE_CODE",
    "SOCKET_TIMEOUT",
    "STRONG_SECRET_BYTES",
    "TABLES",
    "USER_AGENT",
    "Attempt",
    "Delivery",
    "Fault",
    "GaveUp",
    "Hook",
    "Instructions",
    "Kind",
    "LegInfo",
    "NoInstructions",
    "Outcome",
    "Payload",
    "Phase",
    "Reader",
    "Result",
    "SpeechResult",
    "WebhookRequest",
    "build_request",
    "payload_hash",
    "payloads",
    "sign",
    "sip_fields",
]
