"""The timeline of a call, read from its journals: SIP, script steps, webhooks, keys, recordings and the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from ringline.base import Instant, LegId, RinglineError
from ringline.calls import Conversation
from ringline.calls.codec import load
from ringline.calls.events import Opened
from ringline.calls.state import Leg
from ringline.cli import _words
from ringline.engine.ports import JournalLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a timeline."""

    at: datetime
    leg: LegId | None
    kind: str
    "`sip`, `webhook`, `audio`, `event`, `step`, `command`, `audience`, `status` or `verdict`."
    text: str
    bad: bool = False
    "Something went wrong here."


def timeline(lines: Iterable[JournalLine]) -> list[Row]:
    """Tell the journals of one or more conversations as one story, in order of time."""
    rows: list[Row] = []
    ordered = sorted(lines, key=lambda line: (line.conversation, line.sequence))
    for _, journal in groupby(ordered, key=lambda line: line.conversation):
        teller = Teller()
        rows += [row for line in journal for row in teller.tell(line)]
    rows.sort(key=lambda row: row.at)
    return rows


def letters(rows: Sequence[Row]) -> dict[LegId, str]:
    """A short name for each leg, in order of appearance: A, B, … Z, A1, B1, …"""
    legs = dict.fromkeys(row.leg for row in rows if row.leg is not None)
    return {leg: chr(ord("A") + n % 26) + (str(n // 26) if n >= 26 else "") for n, leg in enumerate(legs)}


def clock(row: Row, start: datetime) -> str:
    """When a row was, relative to the start: `+12.340`."""
    return f"{(row.at - start).total_seconds():+.3f}"


class Teller:
    """Tells one journal line by line, with the heart running along: it knows the steps of scripts, as no line does."""

    def __init__(self) -> None:
        self._heart: Conversation | None = None
        self._steps: dict[LegId, tuple[str, int]] = {}
        self._statuses: dict[LegId, str] = {}

    def tell(self, line: JournalLine) -> Iterator[Row]:
        row = Row(at=line.wallclock, leg=line.leg, kind="event", text="")
        if line.kind == "trace":
            yield _trace(row, line.data)
        elif isinstance(line.data.get("event"), Mapping):
            yield from self._input(row, line.data)

    def _input(self, row: Row, data: Mapping[str, Any]) -> Iterator[Row]:
        event: Mapping[str, Any] = data["event"]
        commands = [each for each in data.get("commands") or () if isinstance(each, Mapping)]
        words = _words.event(event)
        bad = bool(event.get("failure") or event.get("failed")) or event.get("=") in _BAD
        if event.get("=") != "Ticked":
            yield replace(row, text=words, bad=bad)
        for step in self._run(data):
            yield replace(row, leg=step[0], kind="step", text=step[1])
        for figures in data.get("figures") or ():
            if figures.get("packets_received"):
                yield replace(row, leg=LegId(str(figures.get("leg"))), kind="audio", text=_words.figures(figures))
        for command in commands:
            text = _words.command(command)
            if text is not None:
                yield replace(row, leg=_leg_of(command) or row.leg, kind="command", text=text)
            if command.get("=") == "Publish":
                yield from self._published(row, command.get("view"))
            if command.get("=") == "Arrange":
                yield from _arranged(row, command)

    def _published(self, row: Row, view: Any) -> Iterator[Row]:
        if not isinstance(view, Mapping) or self._statuses.get(view["uuid"]) == view.get("status"):
            return
        leg = LegId(view["uuid"])
        status = self._statuses[leg] = str(view.get("status"))
        if view.get("ended_at") is None:
            yield replace(row, leg=leg, kind="status", text=status)
            return
        details = [str(view[key]) for key in ("detail", "sip_code") if view.get(key) is not None]
        if view.get("duration_s"):
            details.append(f"{view['duration_s']} s")
        if view.get("disconnected_by"):
            details.append(f"ended by the {view['disconnected_by']}")
        text = status + (f" ({', '.join(details)})" if details else "")
        yield replace(row, leg=leg, kind="verdict", text=text, bad=status not in ("completed", "cancelled"))

    def _run(self, data: Mapping[str, Any]) -> list[tuple[LegId, str]]:
        """Let the heart take the same event, and see which steps of which scripts began."""
        try:
            event = load(data["event"])
            if isinstance(event, Opened):
                self._heart = Conversation(event)
                return []
            if self._heart is None:
                return []
            self._heart.handle(event, Instant(float(data["now"]), datetime.fromisoformat(data["at"])))
        except (RinglineError, ValueError, KeyError, TypeError):
            # A journal of other rules: all it says itself is told, only the steps cannot be known.
            self._heart = None
            return []
        legs = [self._heart.leg(leg) for leg in self._heart.legs]
        return [(leg.id, text) for leg in legs if leg is not None for text in self._begun(leg)]

    def _begun(self, leg: Leg) -> Iterator[str]:
        if leg.script is None:
            self._steps.pop(leg.id, None)
            return
        source, position = self._steps.get(leg.id, ("", 0))
        first = position if source == leg.script.source and position <= leg.script.position else 0
        self._steps[leg.id] = (leg.script.source, leg.script.position)
        steps = _words.actions(leg.script.source)
        for number in range(first, min(leg.script.position, len(steps))):
            yield f"step {number + 1} of {len(steps)}: {steps[number]}"


_BAD = frozenset({"LegFailed", "LegLost", "RecordingFailed", "InstructionsFaulty", "LegTroubled"})


def _trace(row: Row, data: Mapping[str, Any]) -> Row:
    match data.get("what"):
        case "sip":
            arrow = "←" if data.get("direction") == "in" else "→"
            return replace(row, kind="sip", text=f"{arrow} {data.get('text', '')}")
        case "webhook":
            return _webhook(row, data)
        case what:
            text = data.get("text")
            shown = str(text) if text is not None else json.dumps(dict(data), ensure_ascii=False)
            return replace(row, kind=str(what or "trace"), text=shown)


def _webhook(row: Row, data: Mapping[str, Any]) -> Row:
    name = str(data.get("name", "?"))
    if "outcome" not in data:
        return replace(row, kind="webhook", text=f"{name}: {data.get('text', '')}", bad=True)
    outcome = str(data["outcome"])
    phase = data.get("phase", "")
    tried = f" [{phase}]" if phase not in ("", "first attempt") else ""
    detail = f" ({data['detail']})" if data.get("detail") else ""
    text = (
        f"{name} {data.get('method', '')} {data.get('url', '')}{tried} → {outcome} in {data.get('ms', '?')} ms{detail}"
    )
    return replace(row, kind="webhook", text=text, bad=not outcome.startswith("2"))


def _arranged(row: Row, command: Mapping[str, Any]) -> Iterator[Row]:
    """Who hears whom, said only where there is somebody to be heard; legs are named by their ids."""
    for pair in command.get("hears") or ():
        leg, heard = LegId(pair[0]), [str(each) for each in pair[1]]
        if heard:
            yield replace(row, leg=leg, kind="audience", text="hears " + " ".join(heard))


def _leg_of(command: Mapping[str, Any]) -> LegId | None:
    leg = command.get("leg") or command.get("owner")
    if isinstance(leg, Mapping):
        leg = leg.get("id")
    return LegId(leg) if isinstance(leg, str) else None


def loudness(row: Row) -> str:
    """The style a row is printed in."""
    if row.bad:
        return "bold red" if row.kind == "verdict" else "yellow"
    return {"step": "bold", "verdict": "bold green", "status": "green", "sip": "cyan", "webhook": "magenta"}.get(
        row.kind, "dim" if row.kind in ("command", "audience") else ""
    )
