"""After a crash: no call of the last run is left without an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ringline.base import get_log
from ringline.calls.commands import Tell
from ringline.calls.parties import UNKNOWN
from ringline.engine.broken import last_fact
from ringline.engine.conversations import hook_of
from ringline.engine.engine import Engine
from ringline.engine.ports import LegRecord

log = get_log(__name__)


def close_unfinished(engine: Engine, unfinished: Sequence[LegRecord]) -> int:
    """End the legs that a killed process left open: in their records, and by their last webhook; return how many.

    A leg that was answered is `completed`, one that never was has `failed`; both by the platform, now.
    """
    now = engine.clock.wallclock()
    for record in unfinished:
        fact = last_fact(
            uuid=record.uuid,
            conversation=record.conversation,
            from_=_shown(record.from_),
            to=_shown(record.to),
            direction=record.direction,
            answered_at=record.start_time,
            now=now,
            headers=record.to.get("headers", {}),
        )
        ended = replace(
            record,
            status=fact.status,
            end_time=now,
            duration_s=fact.duration_s,
            detail=fact.detail,
            disconnected_by=fact.disconnected_by,
        )
        engine.outside.store.write_leg(ended)
        application = engine.directory.application(record.application)
        voice = application.voice if application is not None else None
        hook = hook_of(voice.event_url) if voice is not None else None
        engine.hooks.tell(record.conversation, record.application, Tell(leg=record.uuid, hook=hook, fact=fact))
        log.warning("a call of the last run was closed", leg=record.uuid, status=ended.status)
    return len(unfinished)


def _shown(party: Mapping[str, Any]) -> str:
    for key in ("number", "uri", "user", "extension"):
        if key in party:
            return UNKNOWN if party[key] == "anonymous" else str(party[key])
    return UNKNOWN
