"""One call as a phone sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ringline.base import LegId


class CallState(StrEnum):
    """What the phone's display would say."""

    CALLING = "calling"
    RINGING = "ringing"
    EARLY = "early"
    "A caller who is not answered yet, but hears audio already."
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(slots=True, kw_only=True)
class PhoneCall:
    """A call of a phone, in either direction."""

    leg: LegId
    outbound: bool
    "As Ringline says it: True when Ringline called the phone."
    number: str
    "What was dialled."
    caller: str = ""
    "The number shown on the display of a called phone."
    details: Mapping[str, Any] = field(default_factory=dict)
    "What else the endpoint object of a called phone carried: `headers`, `shaken` …"
    state: CallState = CallState.CALLING
    history: list[CallState] = field(default_factory=lambda: [CallState.CALLING])
    ended_by: str = ""
    "`phone` or `ringline`, once it has ended."
    code: int | None = None
    "The SIP code with which Ringline refused it."
    keys_shown: list[tuple[str, int]] = field(default_factory=list)
    "Keys of others that a WebSocket server was told of, with the milliseconds for which they were held."
    transfer: list[int] = field(default_factory=list)
    "How far the transfers that the phone has asked for in this call have come, as SIP statuses: 100, 180, 200 …"
    heard_up_to: tuple[int, int] = (0, 0)
    "`hears` goes on looking from here: which sound, and how many characters of its text."
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def become(self, state: CallState) -> None:
        """The display changes."""
        self.state = state
        self.history.append(state)

    def end(self, by: str, *, code: int | None = None) -> None:
        """It is over."""
        self.ended_by = by
        self.code = code
        self.cancel_timers()
        self.become(CallState.ENDED)

    def cancel_timers(self) -> None:
        """What the phone was about to do, it does no more."""
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
