"""After a crash: no call of the last run is left without an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ringline.base import get_log
from ringline.calls.commands import Tell
from ringline.calls.facts import StatusFact
from ringline.calls.parties import UNKNOWN
from ringline.calls.verdict import Side
from ringline.engine.engine import Engine, hook_of
from ringline.engine.ports import LegRecord

log = get_log(__name__)


def close_unfinished(engine: Engine, unfinished: Sequence[LegRecord]) -> int:
    """End the legs that a killed process left open: in their records, and by their last webhook; return how many.

    A leg that was answered is `completed`, one that never was has `failed`; both by the platform, now.
    """
    now = engine.clock.wallclock()
    for record in unfinished:
        answered = record.start_time is not None
        duration = round((now - record.start_time).total_seconds()) if record.start_time is not None else 0
        ended = replace(
            record,
            status="completed" if answered else "failed",
            end_time=now,
            duration_s=duration,
            detail=None if answered else "internal_error",
            disconnected_by=Side.PLATFORM.value,
        )
        engine.outside.store.write_leg(ended)
        application = engine.directory.application(record.application)
        voice = application.voice if application is not None else None
        fact = StatusFact(
            uuid=record.uuid,
            conversation=record.conversation,
            from_=_shown(record.from_),
            to=_shown(record.to),
            status=ended.status,
            direction=record.direction,
            timestamp=now,
            detail=ended.detail,
            start_time=record.start_time,
            end_time=now,
            duration_s=duration,
            disconnected_by=ended.disconnected_by,
        )
        hook = hook_of(voice.event_url) if voice is not None else None
        engine.hooks.tell(record.conversation, record.application, Tell(leg=record.uuid, hook=hook, fact=fact))
        log.warning("a call of the last run was closed", leg=record.uuid, status=ended.status)
    return len(unfinished)


def _shown(party: Mapping[str, Any]) -> str:
    for key in ("number", "uri", "user", "extension"):
        if key in party:
            return UNKNOWN if party[key] == "anonymous" else str(party[key])
    return UNKNOWN
