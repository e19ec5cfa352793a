"""How a leg ends whose conversation broke: by us, and now."""

from __future__ import annotations

from dataclasses import replace

from ringline.base import Instant
from ringline.calls.facts import LegView, StatusFact
from ringline.calls.verdict import Side


def broken(view: LegView, at: Instant) -> tuple[LegView, StatusFact]:
    """Give the last record and the last webhook of the leg: `completed` if it was answered, else `failed`."""
    answered = view.answered_at
    duration = round((at.wallclock - answered).total_seconds()) if answered is not None else 0
    ended = replace(
        view,
        status="completed" if answered is not None else "failed",
        ended_at=at.wallclock,
        duration_s=duration,
        detail=None if answered is not None else "internal_error",
        disconnected_by=Side.PLATFORM.value,
    )
    fact = StatusFact(
        uuid=view.uuid,
        conversation=view.conversation,
        from_=view.from_.shown,
        to=view.to.shown,
        status=ended.status,
        direction=view.direction,
        timestamp=at.wallclock,
        headers=view.to.headers,
        detail=ended.detail,
        start_time=answered,
        end_time=at.wallclock,
        duration_s=duration,
        disconnected_by=ended.disconnected_by,
    )
    return ended, fact
