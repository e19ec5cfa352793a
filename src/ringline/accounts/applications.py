"""Applications: whose calls they are, which URLs hear about them, and how they want to be spoken to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from ringline.base import ApplicationId

REGIONS: Final = ("na-east", "na-west", "eu-west", "eu-east", "apac-sng", "apac-australia")
"The values of `capabilities.voice.region`; stored and returned, every region is this installation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One URL of an application and how to ask it."""

    address: str
    "An absolute http or https URL; a query string in it is kept."
    http_method: str
    "`GET` or `POST`."
    connect_timeout_ms: int = 1000
    "300 to 1000: time for name look-up, connection and TLS."
    socket_timeout_ms: int = 5000
    "1000 to 5000, for events to 10000: time without a byte of the answer."


def answer_webhook(
    address: str, http_method: str = "GET", *, connect_timeout_ms: int = 1000, socket_timeout_ms: int = 5000
) -> Webhook:
    """An answer or fallback URL with the documented defaults."""
    return Webhook(
        address=address,
        http_method=http_method,
        connect_timeout_ms=connect_timeout_ms,
        socket_timeout_ms=socket_timeout_ms,
    )


def event_webhook(
    address: str, http_method: str = "POST", *, connect_timeout_ms: int = 1000, socket_timeout_ms: int = 10_000
) -> Webhook:
    """An event URL with the documented defaults."""
    return Webhook(
        address=address,
        http_method=http_method,
        connect_timeout_ms=connect_timeout_ms,
        socket_timeout_ms=socket_timeout_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCapability:
    """`capabilities.voice`: what an application needs to have calls."""

    answer_url: Webhook | None = None
    fallback_answer_url: Webhook | None = None
    event_url: Webhook | None = None
    signed_callbacks: bool = True
    "Whether webhooks carry a signed token (`Authorization: Bearer …`)."
    conversations_ttl_h: int = 48
    "How long an empty named conversation is kept, in hours; 0 keeps it for ever."
    leg_persistence_days: int = 2
    "How long `GET /v1/calls` shows an ended leg, in days: 1 to 31."
    region: str | None = None
    other: str = "{}"
    "Members that are stored and returned unchanged, without effect (`payment_enabled`, `payments`), as JSON text."


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcCapability:
    """`capabilities.rtc`: events of conversations and app users."""

    event_url: Webhook | None = None
    signed_callbacks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSettings:
    """Ringline's own switches for old or unusual applications; all off is the documented behaviour."""

    record_timeout_blocks: bool = True
    "A `record` action with `timeOut` keeps the script waiting until the recording has ended."
    completed_after_failure: bool = False
    "A call that was never answered gets a `completed` event after its own status."
    legacy_input_payload: bool = False
    "An `input` without `type` and nested settings reports in the old flat form."
    speaking_events: bool = False
    "Conversations tell who speaks (`audio:speaking:on`, `:off`), whatever the leg's kind; else of app users only."
    answer_fields: str = "full"
    "`full`, or `minimal`: only `to`, `from`, `uuid` and `conversation_uuid` in answer webhooks."


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application: its key opens the API, its URLs steer its calls."""

    id: ApplicationId
    name: str
    public_key: str | None = None
    "PEM (SubjectPublicKeyInfo) of the key that verifies its tokens; None: nobody can log in as it."
    voice: VoiceCapability | None = None
    "None when it may not have calls."
    rtc: RtcCapability | None = None
    settings: ApplicationSettings = field(default_factory=ApplicationSettings)
    improve_ai: bool = False
    "`privacy.improve_ai`: stored and returned, without effect."
    other_capabilities: str = "{}"
    "Capabilities Ringline stores for others and returns unchanged (`messages`, `vbc`, …), as JSON text."

    @property
    def calls_extensions(self) -> bool:
        """Whether it has the capability `vbc`: its scripts may call extensions."""
        return "vbc" in json.loads(self.other_capabilities)
