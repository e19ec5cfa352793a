"""A leg's record: what is known of it from outside, in the shape in which the store keeps it."""

from __future__ import annotations

from ringline.calls.facts import LegView
from ringline.engine.ports import LegRecord


def record_of(view: LegView) -> LegRecord:
    """Write a leg, live or just ended, as its record."""
    return LegRecord(
        uuid=view.uuid,
        conversation=view.conversation,
        application=view.application,
        status=view.status,
        direction=view.direction,
        from_=view.from_.to_json(),
        to=view.to.to_json(),
        created_at=view.created_at,
        start_time=view.answered_at,
        end_time=view.ended_at,
        duration_s=view.duration_s,
        rate=view.rate,
        price=view.price,
        network=view.network,
        detail=view.detail,
        sip_code=view.sip_code,
        disconnected_by=view.disconnected_by,
    )
