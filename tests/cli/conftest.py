"""A call with its journal, made by the heart itself, for the commands that look into calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringline.base import ApplicationId, ConversationId, Instant, LegId
from ringline.calls import Conversation, commands, entry
from ringline.calls.codec import dump
from ringline.calls.events import (
    Event,
    IncomingLeg,
    Instructions,
    KeyDown,
    KeyReleased,
    LegAnswered,
    LegGone,
    Opened,
    PlayEnded,
)
from ringline.calls.parties import AppSettings, Hook, Party
from ringline.engine.ports import JournalLine, LegRecord

LEG = LegId("63f61863-4a51-4f6b-86e1-46edebcf9356")
ROOM = ConversationId("CON-63f61863-4a51-4f6b-86e1-46edebcf9357")
START = datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
SCRIPT = [
    {"action": "talk", "text": "Press one for sales.", "bargeIn": True},
    {"action": "input", "type": ["dtmf"], "dtmf": {"maxDigits": 1}},
]


@dataclass
class Call:
    """A call being lived through: what the heart is told and what it does become lines of a journal."""

    lines: list[JournalLine] = field(default_factory=list)
    seconds: float = 0.0
    asked: list[commands.Ask] = field(default_factory=list)
    played: list[commands.Play] = field(default_factory=list)

    def __post_init__(self) -> None:
        opened = Opened(
            conversation=ROOM,
            application=AppSettings(
                id=ApplicationId("0b9d0c55-2222-4333-8444-955566677788"),
                answer=Hook(url="http://app.example/answer", method="GET"),
                event=Hook(url="http://app.example/event"),
            ),
            seed="00" * 16,
        )
        self._heart = Conversation(opened)
        self._write("input", entry(dump(opened), (), self._at()), None)

    def happens(self, event: Event, *, after_s: float = 0.0) -> None:
        self.seconds += after_s
        written = dump(event)
        given: Sequence[Any] = self._heart.handle(event, self._at())
        self.asked += [each for each in given if isinstance(each, commands.Ask)]
        self.played += [each for each in given if isinstance(each, commands.Play)]
        self._write("input", entry(written, given, self._at()), LEG)

    def notes(self, **data: Any) -> None:
        self._write("trace", data, LEG)

    def _at(self) -> Instant:
        return Instant(100.0 + self.seconds, START + timedelta(seconds=self.seconds))

    def _write(self, kind: str, data: dict[str, Any], leg: LegId | None) -> None:
        plain = json.loads(json.dumps(data))
        self.lines.append(
            JournalLine(
                conversation=ROOM,
                sequence=len(self.lines) + 1,
                wallclock=self._at().wallclock,
                kind=kind,
                leg=leg,
                data=plain,
            )
        )


@pytest.fixture
def call() -> Call:
    """Somebody calls, hears a menu, presses 1 while it is spoken, and hangs up."""
    one = Call()
    caller = Party(kind="phone", address="447700900123")
    one.happens(IncomingLeg(leg=LEG, from_=caller, to=Party(kind="phone", address="442079460000")))
    one.notes(what="sip", direction="in", text="INVITE sip:442079460000@127.0.0.1")
    one.notes(
        what="webhook", name="answer", method="GET", url="http://app.example/answer", phase="first attempt",
        outcome="200", ms=12,
    )  # fmt: skip
    asked = one.asked[-1]
    one.happens(Instructions(effect=asked.effect, leg=LEG, script=json.dumps(SCRIPT)), after_s=0.012)
    one.happens(LegAnswered(leg=LEG), after_s=0.003)
    one.happens(KeyDown(leg=LEG, digit="1"), after_s=2.0)
    one.happens(PlayEnded(effect=one.played[-1].effect, leg=LEG, played_ms=2000, stopped=True))
    one.happens(KeyReleased(leg=LEG, digit="1", held_ms=120), after_s=0.12)
    one.notes(
        what="webhook", name="input", method="POST", url="http://app.example/event", phase="fallback",
        outcome="Socket timeout.", ms=5000, detail="no answer in time",
    )  # fmt: skip
    one.happens(LegGone(leg=LEG), after_s=1.5)
    return one


@pytest.fixture
def record() -> LegRecord:
    """The call's record."""
    return LegRecord(
        uuid=LEG,
        conversation=ROOM,
        application=ApplicationId("0b9d0c55-2222-4333-8444-955566677788"),
        status="completed",
        direction="inbound",
        from_={"type": "phone", "number": "447700900123"},
        to={"type": "phone", "number": "442079460000"},
        created_at=START,
        start_time=START,
        end_time=START + timedelta(seconds=4),
        duration_s=4,
        sip_code=200,
        disconnected_by="user",
    )
