"""Which webhook a test means: one that has the fields it names, and by how little the nearest one misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_MISSING: Final = object()
_NOT_THERE: Final = " is not there"


def matches(fields: Any, wanted: Any) -> bool:
    """Whether everything wanted is there: of objects the members named, of all else the same value.

    A function in place of a value is asked about it.
    """
    return not differences(fields, wanted)


def nearest(received: Sequence[Any], wanted: Mapping[str, Any]) -> str:
    """The one that comes nearest to what is wanted, with its differences, in words."""
    if not received:
        return "nothing has come"
    nearest = min((differences(fields, wanted) for fields in received), key=_distance)
    return f"{len(received)} have come; nearest: " + "; ".join(nearest)


def _distance(found: Sequence[str]) -> tuple[int, int]:
    return len(found), sum(each.endswith(_NOT_THERE) for each in found)


def differences(fields: Any, wanted: Any, where: str = "") -> list[str]:
    """What is other than wanted, each in words."""
    if fields is _MISSING:
        return [where + _NOT_THERE]
    if isinstance(wanted, Mapping) and isinstance(fields, Mapping):
        found: list[str] = []
        for name, value in wanted.items():
            found += differences(fields.get(name, _MISSING), value, f"{where}.{name}" if where else str(name))
        return found
    if callable(wanted):
        return [] if wanted(fields) else [f"{where or 'it'} is {fields!r}, which is not what is looked for"]
    return [] if fields == wanted else [f"{where or 'it'} is {fields!r}, not {wanted!r}"]
