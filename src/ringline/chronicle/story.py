"""A whole journal as events, written anew: for tests, and for people who ask what a conversation's events must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ringline.base import Instant
from ringline.calls.codec import CodecError, load
from ringline.calls.events import Opened
from ringline.calls.figures import figures_in
from ringline.chronicle.entries import Entry
from ringline.chronicle.projector import Projector


def rewrite(lines: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Tell a journal's lines (those of kind `input`) as events.

    Raises:
        CodecError: it was written by another version, or is none.
    """
    told: list[Entry] = []
    projector: Projector | None = None
    for line in lines:
        event = load(line["event"])
        at = Instant(line["now"], datetime.fromisoformat(line["at"]))
        if isinstance(event, Opened):
            projector = Projector(event, at)
            told.extend(projector.opened().entries)
        elif projector is None:
            raise CodecError("the journal does not begin with the opening of its conversation")
        else:
            projector.begin(event, at)
            told.extend(projector.end([load(command) for command in line["commands"]], figures_in(line)).entries)
    return told
