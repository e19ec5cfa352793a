"""What REST asks of a leg."""

from __future__ import annotations

from dataclasses import dataclass

from ringline.base import LegId
from ringline.calls.commands import Source
from ringline.calls.events.base import Event
from ringline.calls.parties import Hook


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpAsked(Event):
    """REST: end the leg."""

    leg: LegId
    why: str = "hung up by REST"


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteAsked(Event):
    """REST: mute or unmute."""

    leg: LegId
    muted: bool
    posted: bool = False
    "It came as an event of the conversation, which is told even if nothing changes by it."


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmuffAsked(Event):
    """REST: earmuff or unearmuff."""

    leg: LegId
    earmuffed: bool
    posted: bool = False
    "It came as an event of the conversation, which is told even if nothing changes by it."


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAsked(Event):
    """REST: run another script on this leg, in a conversation of its own."""

    leg: LegId
    script: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayAsked(Event):
    """REST: speak or stream into this leg."""

    leg: LegId
    kind: str
    "`talk` or `stream`."
    source: Source
    loop: int = 1
    level: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """REST: stop the talk or stream that plays in this leg."""

    leg: LegId
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysAsked(Event):
    """REST: send DTMF to this leg's far end."""

    leg: LegId
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAsked(Event):
    """REST: report each key of this leg to `hook` (None: stop it)."""

    leg: LegId
    hook: Hook | None
