"""What happened in a test, as a timeline in words: for whoever looks at a test that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from ringline.base import LegId

if TYPE_CHECKING:
    from ringline.testing.switchboard import Switchboard

_MOST_LINES: Final = 120
_WIDTH: Final = 160


class _Line(NamedTuple):
    at: datetime
    who: str
    text: str


def story_of(board: Switchboard) -> str:
    """Tell who dialled, said, heard and pressed what, what was asked and answered, and which events were posted."""
    lines = sorted([*_journal(board), *_heard(board), *_requests(board)], key=lambda line: line.at)
    if not lines:
        return "nothing has happened"
    start = lines[0].at
    shown = lines[-_MOST_LINES:]
    words = [f"{(line.at - start).total_seconds():+9.3f}  {line.who:<10} {_short(line.text)}" for line in shown]
    if len(shown) < len(lines):
        words.insert(0, f"… {len(lines) - len(shown)} lines before")
    return "\n".join(words)


def _journal(board: Switchboard) -> Iterator[_Line]:
    from ringline.cli._timeline import timeline  # the command line has the words; only a failed test needs them

    names = {call.leg: phone.name for phone in board.people.values() for call in phone.calls}
    rows = timeline(line for lines in board.store.journals.values() for line in lines if line.kind == "input")
    for row in rows:
        if row.kind in ("event", "step", "status", "verdict"):
            yield _Line(row.at, names.get(row.leg, "") if row.leg else "", f"{row.kind}: {_named(row.text, names)}")


def _heard(board: Switchboard) -> Iterator[_Line]:
    now, wallclock = board.clock.now(), board.clock.wallclock()
    for phone in board.people.values():
        for call in phone.calls:
            for heard in board.media.heard(call.leg):
                words = heard.words(now)
                cut = " (cut)" if heard.cut else " …" if heard.ended is None else ""
                yield _Line(wallclock - timedelta(seconds=now - heard.began), phone.name, f"hears {words!r}{cut}")


def _requests(board: Switchboard) -> Iterator[_Line]:
    now, wallclock = board.clock.now(), board.clock.wallclock()
    for received in board.web.requests:
        at = wallclock - timedelta(seconds=now - received.at)
        fields = received.json if received.body or received.query else {}
        told = {name: value for name, value in fields.items() if name in _TELLING} if isinstance(fields, dict) else {}
        reply = received.reply
        said = "no answer" if reply.hangs else f"{reply.status} {reply.body.decode(errors='replace')}"
        answer = reply.failure or said
        words = json.dumps(told, ensure_ascii=False) if told else ""
        yield _Line(at, "webhook", f"{received.method} {received.path} {words} → {answer}".replace("  ", " "))


_TELLING: Final = ("status", "dtmf", "speech", "reason", "detail", "payload", "recording_url", "to", "from")


def _named(text: str, names: Mapping[LegId, str]) -> str:
    for leg, name in names.items():
        text = text.replace(leg, name)
    return text


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
