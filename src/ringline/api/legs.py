"""Legs as REST shows them (REST reference, sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from ringline.api.fields import Body, Date, Order, Text, one_of, whole
from ringline.base import iso_ms
from ringline.calls.status import FINAL, Status, shown_by_rest
from ringline.engine.ports import LegRecord

STATUSES: Final = tuple(status.value for status in Status if shown_by_rest(status) == status.value)
"All that a leg may be shown with, and a list be filtered by."
ENDED: Final = frozenset(status.value for status in FINAL)
ACTIVE: Final = frozenset({Status.ANSWERED.value, Status.MACHINE.value})
"Audio flows: a leg can be played into, muted and transferred."


class LegQuery(Body):
    """The query of `GET /v1/calls`."""

    status: Annotated[str | None, one_of(*STATUSES)] = None
    date_start: Date | None = None
    date_end: Date | None = None
    page_size: Annotated[int, whole(1, 100)] = 10
    record_index: Annotated[int, whole(0)] = 0
    "An offset in records, not a page."
    order: Order = "asc"
    conversation_uuid: Text | None = None


def write_leg(leg: LegRecord, *, always_times: bool) -> dict[str, Any]:
    """Write a leg's body. What is not known yet is left out.

    `always_times` is for clients that cannot do without `start_time` and `end_time`: they then get the time of
    creation and an empty string.
    """
    body: dict[str, Any] = {
        "uuid": leg.uuid,
        "conversation_uuid": leg.conversation,
        "status": leg.status,
        "direction": leg.direction,
        "to": leg.to,
        "from": leg.from_,
    }
    ended = leg.status in ENDED
    if ended:
        body["rate"] = leg.rate
        body["price"] = leg.price
        body["duration"] = str(leg.duration_s or 0)
        body["network"] = leg.network or "unknown"
        if leg.start_time is not None:
            body["start_time"] = iso_ms(leg.start_time)
        if leg.end_time is not None:
            body["end_time"] = iso_ms(leg.end_time)
    if always_times:
        body.setdefault("start_time", iso_ms(leg.created_at))
        body.setdefault("end_time", "")
    body["_links"] = {"self": {"href": f"/v1/calls/{leg.uuid}"}}
    return body


def write_page(
    legs: Sequence[Mapping[str, Any]], count: int, *, query: LegQuery, given: Mapping[str, str], base: str
) -> dict[str, Any]:
    """Write a page of legs. `given` is the query as it was sent, `base` the public URL: links are absolute, because
    the Node library can follow no others.
    """
    filters = {
        "order": query.order,
        "page_size": str(query.page_size),
        **{name: given[name] for name in ("status", "date_start", "date_end", "conversation_uuid") if given.get(name)},
    }

    def link(index: int | None) -> dict[str, str]:
        parameters = filters if index is None else {**filters, "record_index": str(index)}
        return {"href": f"{base}/v1/calls?{urlencode(parameters)}"}

    here, size = query.record_index, query.page_size
    links = {
        "self": link(here),
        "first": link(None),
        "last": link(max(0, count - 1) // size * size),
    }
    if here > 0:
        links["prev"] = link(max(0, here - size))
    if here + size < count:
        links["next"] = link(here + size)
    return {
        "count": count,
        "page_size": size,
        "record_index": here,
        "_embedded": {"calls": list(legs)},
        "_links": links,
    }
