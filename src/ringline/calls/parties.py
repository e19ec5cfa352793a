"""Who is at the ends of a leg, and where its events go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ringline.base import ApplicationId

UNKNOWN: Final = "Unknown"
"How a caller without a number is written in webhooks."


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One end of a leg: a phone, a SIP address, a WebSocket, an app user or an extension."""

    kind: str
    "`phone`, `sip`, `websocket`, `app` or `vbc`."
    address: str
    "The number, URI, user name or extension; empty for an unknown caller."
    details: Mapping[str, Any] = field(default_factory=dict)
    "JSON that an endpoint of this kind needs: `headers`, `standard_headers`, `content-type`, `shaken` …"

    @property
    def shown(self) -> str:
        """As webhooks write it. An app user may call without naming anybody: that is an `app` without address."""
        return self.address if self.kind == "app" else self.address or UNKNOWN

    @property
    def headers(self) -> Mapping[str, Any]:
        """What status webhooks carry as `headers`: those of a WebSocket endpoint, else nothing."""
        if self.kind != "websocket":
            return {}
        headers: Mapping[str, Any] = self.details.get("headers", {})
        return headers

    def to_json(self) -> dict[str, Any]:
        """As REST shows it."""
        match self.kind:
            case "phone":
                return {"type": "phone", "number": self.address or "anonymous"}
            case "app":
                return {"type": "app", "user": self.address}
            case "vbc":
                return {"type": "vbc", "extension": self.address}
            case "websocket":
                extra = {key: self.details[key] for key in ("content-type", "headers") if key in self.details}
                return {"type": "websocket", "uri": self.address, **extra}
            case _:
                return {"type": self.kind, "uri": self.address}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A URL of the application, and how it is called."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionWish:
    """A recording shall be written down when it is finished."""

    language: str | None = None
    "As it was given; None means `en-US`."
    sentiment: bool = False
    "Each segment gets a score from -1 to 1."
    hook: Hook | None = None
    "None: where the recording's own webhook goes."


MOST_LEGS: Final = 50
"Legs of one conversation, unless the settings say otherwise."


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """The application's settings as they were when the conversation began."""

    id: ApplicationId
    answer: Hook | None = None
    event: Hook | None = None
    record_timeout_blocks: bool = True
    "False: a lone `timeOut` merely stops a background recording, as an old guide had it."
    completed_after_failure: bool = False
    "True: a leg that was never answered sends `completed` too, as an old guide had it."
    legacy_input_payload: bool = False
    "True: an `input` in its oldest form gets the flat payload of 2019."
    numbers: tuple[str, ...] = ()
    "Numbers linked to it (at most 50 are carried), for `randomFromNumber`."
    inbound_limit_s: float = 7200
    "After so many seconds an answered inbound leg is hung up."
    most_legs: int = MOST_LEGS
    "Legs of one conversation."
