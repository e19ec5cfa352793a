"""How a leg ends whose conversation is no more: it broke, or its process was killed. By us, and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ringline.base import ConversationId, Instant, LegId
from ringline.calls.facts import LegView, StatusFact
from ringline.calls.verdict import Side


def broken(view: LegView, at: Instant) -> tuple[LegView, StatusFact]:
    """Give the last record and the last webhook of the leg: `completed` if it was answered, else `failed`."""
    fact = last_fact(
        uuid=view.uuid,
        conversation=view.conversation,
        from_=view.from_.shown,
        to=view.to.shown,
        direction=view.direction,
        answered_at=view.answered_at,
        now=at.wallclock,
        headers=view.to.headers,
    )
    ended = replace(
        view,
        status=fact.status,
        ended_at=at.wallclock,
        duration_s=fact.duration_s,
        detail=fact.detail,
        disconnected_by=fact.disconnected_by,
    )
    return ended, fact


def last_fact(
    *,
    uuid: LegId,
    conversation: ConversationId,
    from_: str,
    to: str,
    direction: str,
    answered_at: datetime | None,
    now: datetime,
    headers: Mapping[str, Any],
) -> StatusFact:
    """The last webhook of a leg that nobody can ask any more."""
    return StatusFact(
        uuid=uuid,
        conversation=conversation,
        from_=from_,
        to=to,
        status="completed" if answered_at is not None else "failed",
        direction=direction,
        timestamp=now,
        headers=headers,
        detail=None if answered_at is not None else "internal_error",
        start_time=answered_at,
        end_time=now,
        duration_s=round((now - answered_at).total_seconds()) if answered_at is not None else 0,
        disconnected_by=Side.PLATFORM.value,
    )
