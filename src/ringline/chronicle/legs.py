"""One leg as a member's channel: who it is, how far it has come, and the events that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ringline.base import EffectId, iso_ms
from ringline.calls.facts import LegView, StatusFact
from ringline.calls.figures import MediaFigures
from ringline.calls.membership import Person
from ringline.chronicle.quality import bandwidth_body, mos_of, quality_body
from ringline.chronicle.reasons import reason_of, state_of, status_for_clients
from ringline.chronicle.shapes import party_body

_CPA_MS: Final = 5000
_MOST_HISTORY: Final = 20


@dataclass(slots=True, kw_only=True)
class LegStory:
    """What has been told of a leg so far in this conversation."""

    member: str
    person: Person
    view: LegView
    ring_s: float = 60
    length_s: float = 7200
    detects: bool = False
    advanced: bool = False
    "The detection asked for is the advanced one."
    status: str = ""
    "The last one that was told."
    history: list[dict[str, Any]] = field(default_factory=list)
    child: bool = False
    "A `connect` has made it: it takes part when its caller is joined with it, not when it answers."
    announced: bool = False
    "It came here answered, and was announced then."
    on: bool = False
    "Its audio takes part."
    keys: int = 0
    ear: EffectId | None = None
    "A `Listen` that is at work for it."
    end: StatusFact | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    "Custom headers of the INVITE by which it came, by their own names."
    figures: MediaFigures | None = None
    "What its audio amounted to; set once it has ended."

    @property
    def kind(self) -> str:
        """Of the far end: `phone`, `sip`, `app`, `websocket` or `vbc`."""
        return (self.view.from_ if self.view.direction == "inbound" else self.view.to).kind

    @property
    def family(self) -> str:
        """`rtc` for apps, `sip` for everything else."""
        return "rtc" if self.kind == "app" else "sip"

    def channel(self) -> dict[str, Any]:
        view = self.view
        return {
            "type": self.kind,
            "id": view.uuid,
            "from": party_body(view.from_),
            "to": party_body(view.to),
            "headers": dict(self.headers or view.to.headers),
            "leg_ids": [view.uuid],
            "legs": [{"leg_id": view.uuid, "status": status_for_clients(view)}],
            "leg_settings": {},
            "cpa": self.detects,
            "cpa_time": _CPA_MS,
            "preanswer": False,
            "ring_timeout": round(self.ring_s * 1000),
            "max_length": round(self.length_s * 1000),
        }

    def advance(self, conversation: str, at: datetime) -> dict[str, Any] | None:
        """The body of `leg:status:update`; None when the status is the one told last."""
        view = self.view
        status = "answered" if view.status == "machine" else status_for_clients(view)
        if status == self.status:
            return None
        self.status = status
        state = state_of(view)
        if len(self.history) < _MOST_HISTORY:
            line = {"conversation_id": conversation, "member_id": self.member, "status": status, "state": state}
            self.history.append({**line, "date": iso_ms(at)})
        return {
            "leg_id": view.uuid,
            "direction": view.direction,
            "type": self.kind,
            "status": status,
            "state": state,
            "statusHistory": list(self.history),
        }

    def reason(self) -> dict[str, str]:
        """Why it ended."""
        code = str(self.view.sip_code) if self.view.sip_code is not None else ""
        return {"text": reason_of(self.view), "code": code, "sip_code": code}

    def hangup(self) -> dict[str, Any]:
        """The body of `sip:hangup` and `rtc:hangup`."""
        return {
            "direction": self.view.direction,
            "channel": self.channel(),
            "quality": quality_body(self.figures),
            "bandwidth": bandwidth_body(self.figures),
            "reason": self.reason(),
        }

    def bill(self) -> dict[str, Any]:
        """The body of `sip:status` and `rtc:status`."""
        view, end = self.view, self.end
        times = {
            "start_time": iso_ms(view.answered_at) if view.answered_at is not None else None,
            "end_time": iso_ms(view.ended_at) if view.ended_at is not None else None,
        }
        price = end.price if end is not None and end.price is not None else "0"
        rate = end.rate if end is not None and end.rate is not None else "0"
        duration = str(view.duration_s or 0)
        if self.family == "rtc":
            opinion = {"mos": mos_of(self.figures), "price": price, "price_currency": "EUR"}
            return {"duration": duration, **times, **opinion, "channel": self.channel()}
        return {
            "price": price,
            "rate": rate,
            "duration": duration,
            "from": view.from_.shown,
            "to": view.to.shown,
            "network_code": (end.network if end is not None else None) or "unknown",
            "request_time": iso_ms(view.created_at),
            **times,
            "status": view.status,
            "state": state_of(view),
            "direction": "in" if view.direction == "inbound" else "out",
            "channel": self.channel(),
        }
