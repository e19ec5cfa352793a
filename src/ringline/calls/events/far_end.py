"""What a leg's far end does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringline.base import ConversationId, LegId
from ringline.calls.events.base import Event
from ringline.calls.parties import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class LegProgress(Event):
    """The far end of an outbound leg alerts (180 or 183)."""

    leg: LegId
    early_media: bool = False
    "It sends audio already."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(Event):
    """Audio flows both ways: the far end answered, or our answer to an inbound leg is out."""

    leg: LegId


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFailed(Event):
    """An outbound leg came to nothing."""

    leg: LegId
    cause: str
    "`response`, `no-response`, `no-route`, `unavailable`, `declined`, `invalid-number`, `limit` or `internal`."
    sip_code: int | None = None
    q850: int | None = None
    why: str = ""
    error: str = ""
    "What the application hears in an error event; empty: nothing, or what goes with the cause."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRated(Event):
    """The operator's table of rates knows what this leg costs, and whose network it leads to."""

    leg: LegId
    rate: str
    "Per minute: a decimal number with eight decimals."
    network: str | None = None
    step_s: int = 1
    "The time that counts is rounded up to a multiple of so many seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegGone(Event):
    """The far end left: BYE, or CANCEL before we answered."""

    leg: LegId
    sip_code: int | None = None
    "An error code received inside the dialog; None for a normal end."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLost(Event):
    """The leg's audio or signalling died on us."""

    leg: LegId
    why: str
    sip_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDisconnected(Event):
    """The application dropped the socket of a WebSocket leg, or the socket died; not: we closed it."""

    leg: LegId
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTroubled(Event):
    """Something about the leg is not as its application thinks; it goes on, and the application hears of it."""

    leg: LegId
    reason: str
    "For the error event, such as `WebSocket buffer overflow`."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferAsked(Event):
    """The phone of this leg wants whom it talks with to be connected to somebody else (RFC 3515): a blind transfer."""

    leg: LegId
    to: Party
    ring_limit_s: float = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Event):
    """The phone of this leg has two calls and brings its partners together (RFC 3891): it takes part in neither more.

    Told to both conversations: first to the younger one, whose other legs go to the older, then to that one itself.
    """

    leg: LegId
    conversation: ConversationId
    "Where the partners meet."
    asked: bool = False
    "It was asked for in the dialog of this leg, which is told how it went."


@dataclass(frozen=True, slots=True, kw_only=True)
class LegReplaces(Event):
    """Another phone of the same user takes a call over (INVITE with Replaces, RFC 3891): it takes the leg's place."""

    leg: LegId
    "The new one."
    replaced: LegId
    from_: Party
    to: Party
    sip_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDown(Event):
    """A DTMF key went down."""

    leg: LegId
    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReleased(Event):
    """It went up again."""

    leg: LegId
    digit: str
    held_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingChanged(Event):
    """Somebody has begun to speak, or is silent again: steadied, for those who watch. No rule depends on it."""

    leg: LegId
    speaks: bool
