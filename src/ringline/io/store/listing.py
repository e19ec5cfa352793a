"""Pages of legs with an exact count, however many legs there are.

Counting a million rows, or stepping over two hundred thousand of them, takes longer than a request may. The table
`leg_counts` knows how many legs were created in each slot of ten minutes: what lies in whole slots is added up there,
only the legs in slots that a bound of time cuts are counted one by one; and a page far into the list is found by
the slot in which it begins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, cast, func, select

from ringline.engine.ports import LegFilter
from ringline.io.store.rows import to_microseconds
from ringline.io.store.tables import LEG_COUNTS, LEGS, SLOT_US

Ask = Callable[[Select[Any], Mapping[str, Any]], Awaitable[Sequence[Mapping[str, Any]]]]
_MILLISECOND: Final = 1000
_SLOT, _LEGS = LEG_COUNTS.c.slot, LEG_COUNTS.c.legs
_BOUNDS: Final = ("low", "high")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the time that is asked for, in the order of the list, and how many legs are in it."""

    low: int | None
    "Microseconds since 1970, inclusive; None: from the beginning."
    high: int | None
    "Exclusive; None: to the end."
    legs: int
    slots: bool = False
    "It consists of whole slots."


async def page_of_legs(ask: Ask, wanted: LegFilter) -> tuple[Sequence[Mapping[str, Any]], int]:
    """The rows of the page asked for, and how many match in all."""
    low, high = _bounds(wanted)
    if wanted.conversation is not None:  # it has few legs: counters would be a detour
        return await _rows(ask, wanted, low, high, wanted.offset), await _counted(ask, wanted, low, high)
    stretches = await _stretches(ask, wanted, low, high)
    total = sum(stretch.legs for stretch in stretches)
    if wanted.offset >= total:
        return [], total
    skip, descending = wanted.offset, wanted.order == "desc"
    for stretch in reversed(stretches) if descending else stretches:
        if skip < stretch.legs:
            edge = stretch.high if descending else stretch.low
            if stretch.slots:
                edge, before = await _anchor(ask, wanted, stretch, skip)
                skip -= before
            low, high = (low, edge) if descending else (edge, high)
            break
        skip -= stretch.legs
    return await _rows(ask, wanted, low, high, skip), total


async def _stretches(ask: Ask, wanted: LegFilter, low: int | None, high: int | None) -> list[_Stretch]:
    """Cut the time asked for into whole slots and what sticks out on both sides."""
    first = -(-low // SLOT_US) if low is not None else None
    last = high // SLOT_US if high is not None else None  # exclusive
    if first is not None and last is not None and first >= last:
        return [_Stretch(low, high, await _counted(ask, wanted, low, high))]
    found = []
    begin = first * SLOT_US if first is not None else None
    end = last * SLOT_US if last is not None else None
    if low is not None and begin is not None and low < begin:
        found.append(_Stretch(low, begin, await _counted(ask, wanted, low, begin)))
    found.append(_Stretch(begin, end, await _summed(ask, wanted, first, last), slots=True))
    if high is not None and end is not None and end < high:
        found.append(_Stretch(end, high, await _counted(ask, wanted, end, high)))
    return found


async def _anchor(ask: Ask, wanted: LegFilter, stretch: _Stretch, skip: int) -> tuple[int | None, int]:
    """The slot in which the leg is that comes after `skip` others: where it begins (or, descending, ends), and how
    many of the others lie before it.
    """
    descending = wanted.order == "desc"
    first = stretch.low // SLOT_US if stretch.low is not None else None
    last = stretch.high // SLOT_US if stretch.high is not None else None
    values = _values(wanted, first, last)
    found = await ask(_slot_after(tuple(values), descending), values | {"skip": skip})
    if not found:  # legs have gone since they were counted
        return (stretch.high if descending else stretch.low), 0
    row = found[0]
    edge = int(row["slot"]) + (1 if descending else 0)
    return edge * SLOT_US, int(row["upto"]) - int(row["legs"])


async def _summed(ask: Ask, wanted: LegFilter, first: int | None, last: int | None) -> int:
    values = _values(wanted, first, last)
    found = await ask(_sum(tuple(values)), values)
    return int(found[0]["legs"] or 0)


async def _counted(ask: Ask, wanted: LegFilter, low: int | None, high: int | None) -> int:
    values = _values(wanted, low, high)
    found = await ask(_count(tuple(values)), values)
    return int(found[0]["legs"])


async def _rows(
    ask: Ask, wanted: LegFilter, low: int | None, high: int | None, skip: int
) -> Sequence[Mapping[str, Any]]:
    values = _values(wanted, low, high)
    page = _page(tuple(values), wanted.order == "desc")
    return await ask(page, values | {"limit": wanted.limit, "offset": skip})


# ── the queries, one for each set of conditions, with names for the values ─────────────────────────────────────────


@cache
def _page(given: tuple[str, ...], descending: bool) -> Select[Any]:
    """A page of legs. Rows that are only stepped over are read from the index, not from the table."""
    key, tie = LEGS.c.created_at, LEGS.c.id
    order = (key.desc(), tie.desc()) if descending else (key, tie)
    page = select(LEGS.c.id).where(*_of_legs(given)).order_by(*order)
    page = page.limit(bindparam("limit", type_=BigInteger)).offset(bindparam("offset", type_=BigInteger))
    return select(LEGS).where(LEGS.c.id.in_(page.scalar_subquery())).order_by(*order)


@cache
def _count(given: tuple[str, ...]) -> Select[Any]:
    return select(func.count().label("legs")).select_from(LEGS).where(*_of_legs(given))


@cache
def _sum(given: tuple[str, ...]) -> Select[Any]:
    return select(func.sum(_LEGS).label("legs")).where(*_of_slots(given))


@cache
def _slot_after(given: tuple[str, ...], descending: bool) -> Select[Any]:
    """The first slot that reaches beyond so many legs, with its own legs and those up to its end."""
    legs = cast(func.sum(_LEGS), BigInteger).label("legs")
    slots = select(_SLOT, legs).where(*_of_slots(given)).group_by(_SLOT).subquery()
    order = slots.c.slot.desc() if descending else slots.c.slot
    upto = cast(func.sum(slots.c.legs).over(order_by=order), BigInteger).label("upto")
    counted = select(slots.c.slot, slots.c.legs, upto).subquery()
    beyond = counted.c.upto > bindparam("skip", type_=BigInteger)
    return select(counted).where(beyond).order_by(counted.c.upto).limit(1)


def _of_legs(given: tuple[str, ...]) -> list[ColumnElement[bool]]:
    in_conversation = "conversation" in given
    found: list[ColumnElement[bool]] = []
    for name in given:
        if name in _BOUNDS:
            found.append(_within(LEGS.c.created_at, name))
        elif in_conversation and name != "conversation":
            # Any other index than the conversation's own would be a detour; none is used for this.
            found.append(func.coalesce(LEGS.c[name], "") == bindparam(name, type_=Text))
        else:
            found.append(LEGS.c[name] == bindparam(name))
    return found


def _of_slots(given: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [_within(_SLOT, name) if name in _BOUNDS else LEG_COUNTS.c[name] == bindparam(name) for name in given]


def _within(column: ColumnElement[int], bound: str) -> ColumnElement[bool]:
    value = bindparam(bound, type_=BigInteger)
    return column >= value if bound == "low" else column < value


def _values(wanted: LegFilter, low: int | None, high: int | None) -> dict[str, Any]:
    given = {
        "application": wanted.application,
        "status": wanted.status,
        "conversation": wanted.conversation,
        "low": low,
        "high": high,
    }
    return {name: value for name, value in given.items() if value is not None}


def _bounds(wanted: LegFilter) -> tuple[int | None, int | None]:
    """The time asked for, `high` exclusive. Times are shown in milliseconds, and a shown time used as a bound must
    include the leg it was shown for.
    """
    low = high = None
    if wanted.date_start is not None:
        low = to_microseconds(wanted.date_start) // _MILLISECOND * _MILLISECOND
    if wanted.date_end is not None:
        high = (to_microseconds(wanted.date_end) // _MILLISECOND + 1) * _MILLISECOND
    return low, high
