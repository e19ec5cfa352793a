"""What all events are."""

from __future__ import annotations


class Event:
    """Something that happened outside the heart."""

    __slots__ = ()
