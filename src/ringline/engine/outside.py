"""What an engine is made with: the shells it works through, and what it must know of the installation."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.accounts import Limits, RateTable
from ringline.calls.parties import MOST_LEGS
from ringline.engine import ports


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What the engine must know of the installation."""

    public_url: str
    "Base URL of the REST API as applications reach it, without a slash at the end."
    file_url: str
    "Where recordings are fetched, with `{id}` in place of the file's id."
    legs_per_second: float = 0
    "New outbound legs per application; 0 is no limit."
    inbound_limit_s: float = 7200
    conversation_legs: int = MOST_LEGS
    "The most of one conversation."
    limits: Limits | None = None
    "What applications and trunks may spend, and whom nobody may call; None: only `legs_per_second`, and the defaults."
    rates: RateTable | None = None
    "What calls cost; None: nothing."
    rate_step_s: int = 1
    "The time that is paid for is rounded up to a multiple of so many seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The shells, as the engine knows them."""

    media: ports.Media
    voice: ports.Voice
    files: ports.PromptFiles
    recordings: ports.Recordings
    http: ports.HttpClient
    store: ports.Store
    detector: ports.Detector | None = None
    "None: everybody who answers is a person."
    recogniser: ports.Recogniser | None = None
    "None: speech is not recognised, and `input` says so."
    transcriber: ports.Transcriber | None = None
    "None: recordings are not written down, and the webhook says so."
    payments: ports.Payments | None = None
    "None: `pay` fails at once."
    chronicle: ports.Chronicle | None = None
    "None: there is no conversation service, and conversations are forgotten with the process."
