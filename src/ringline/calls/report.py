"""What the outside hears of a leg: its status webhooks and its record."""

from __future__ import annotations

from decimal import Decimal

from ringline.calls.commands import Publish, Tell
from ringline.calls.facts import AnswerFact, LegView, StatusFact
from ringline.calls.parties import Party
from ringline.calls.rating import FREE, price, written
from ringline.calls.state import Leg, Room
from ringline.calls.status import FINAL, Status, shown_by_rest
from ringline.calls.turn import Turn
from ringline.calls.verdict import Verdict


def duration_s(leg: Leg, turn: Turn) -> int:
    """Whole seconds from answer to now: the nearest, but at least 1 once half a second has passed."""
    if leg.answered_at is None:
        return 0
    return int(turn.at.now - leg.answered_now + 0.5)


def status_fact(turn: Turn, leg: Leg, verdict: Verdict | None = None, *, sub_state: str | None = None) -> StatusFact:
    """Describe the leg's present status; with `verdict`, its end."""
    ended = verdict is not None and verdict.status is Status.COMPLETED
    rated = _far_end(leg).kind != "app"
    return StatusFact(
        uuid=leg.id,
        conversation=turn.room.id,
        from_=leg.from_.shown,
        to=leg.to.shown,
        status=verdict.status.value if verdict else leg.status.value,
        direction=leg.direction.value,
        timestamp=turn.at.wallclock,
        headers=leg.to.headers,
        sub_state=sub_state,
        detail=verdict.detail if verdict else None,
        sip_code=verdict.sip_code if verdict and _speaks_sip(leg) else None,
        start_time=leg.answered_at if ended else None,
        end_time=turn.at.wallclock if ended else None,
        duration_s=duration_s(leg, turn) if ended else None,
        disconnected_by=verdict.side.value if verdict and ended else None,
        network=leg.network if ended else None,
        rate=(leg.rate if rated else "0.00") if ended else None,
        price=(_price(leg, turn) if rated else "0") if ended else None,
    )


def _price(leg: Leg, turn: Turn) -> str:
    return written(price(Decimal(leg.rate), duration_s(leg, turn), step_s=leg.rate_step_s))


def _far_end(leg: Leg) -> Party:
    return leg.from_ if leg.direction == "inbound" else leg.to


def _speaks_sip(leg: Leg) -> bool:
    return _far_end(leg).kind in ("phone", "sip", "vbc")


def tell_status(turn: Turn, leg: Leg) -> None:
    """Send the status event and bring the record up to date."""
    turn.emit(Tell(leg=leg.id, hook=leg.event_hook, fact=status_fact(turn, leg)))
    publish(turn, leg)


def publish(turn: Turn, leg: Leg, verdict: Verdict | None = None) -> None:
    """Bring the leg's record up to date."""
    ended = leg.status in FINAL
    turn.emit(
        Publish(
            view=LegView(
                uuid=leg.id,
                conversation=turn.room.id,
                application=turn.room.application.id,
                status=shown_by_rest(leg.status),
                direction=leg.direction.value,
                from_=leg.from_,
                to=leg.to,
                created_at=leg.created_at,
                answered_at=leg.answered_at,
                ended_at=turn.at.wallclock if ended else None,
                duration_s=duration_s(leg, turn) if ended else None,
                detail=verdict.detail if verdict else None,
                sip_code=verdict.sip_code if verdict and _speaks_sip(leg) else None,
                disconnected_by=verdict.side.value if verdict else None,
                rate=leg.rate,
                price=_price(leg, turn) if ended else FREE,
                network=leg.network,
                scripted=leg.script is not None and not ended,
            )
        )
    )


def answer_fact(room: Room, leg: Leg) -> AnswerFact:
    """The fields of the answer webhook, also asked with for onAnswer and transfer URLs."""
    from_app = leg.direction == "inbound" and leg.from_.kind == "app"
    return AnswerFact(
        uuid=leg.id,
        conversation=room.id,
        from_=leg.from_.shown,
        to=leg.to.address,
        from_user=leg.from_.address if from_app else None,
        endpoint_type=leg.from_.kind if leg.direction == "inbound" else leg.to.kind,
        sip_headers=leg.sip_headers,
        custom_data=leg.custom_data,
    )
