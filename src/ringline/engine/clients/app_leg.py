"""What is remembered about one call of an app user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ringline.base import LegId
from ringline.rtc import Owner


class Stage(Enum):
    """How far a call has come, as its app sees it."""

    KNOCKING = "knocking"
    "It has called; the application is being asked what to do."
    INVITED = "invited"
    "It rings, in all sessions of its user."
    CLAIMED = "claimed"
    "One session wants to answer."
    CONNECTING = "connecting"
    "That session's answer is here; its audio is on the way."
    CALLING = "calling"
    "The application's script runs; it has not answered the caller yet."
    UP = "up"
    "Answered."


@dataclass(slots=True)
class AppLeg:
    """One call."""

    leg: LegId
    owner: Owner
    stage: Stage
    inbound: bool
    "The app called."
    session: str | None = None
    "Which session's browser has its audio, or is about to."
    offer: str = ""
    "Ours, while it rings."
    invitation: Mapping[str, Any] | None = None
    "The event with which it rings, for clients that log in meanwhile."
    until: float | None = None
    "A claim, and audio on its way, are given up then; lost audio ends the call. Monotonic."
    by_app: bool = False
    "Its own user ends it."
    accepted: asyncio.Future[str | None] | None = field(default=None, repr=False)
    "Of a knock: None once the application has said what to do, else why nothing comes of it."
