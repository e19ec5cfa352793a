"""The owner of one conversation: feeds its heart, journals, keeps its timer, hands its commands on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ringline.base import Clock, ConversationId, Instant, LegId, get_log
from ringline.calls import Conversation, entry
from ringline.calls.codec import dump
from ringline.calls.commands import Command, Publish
from ringline.calls.events import Event, Opened, Ticked
from ringline.calls.figures import MediaFigures
from ringline.calls.state import Leg
from ringline.chronicle import Changes, Entry, Projector
from ringline.engine.chronicler import Chronicler
from ringline.engine.ports import JournalLine, Store

log = get_log(__name__)
_T = TypeVar("_T")
_LATE_S = 0.001
"A timer is asked for this much later than due, so that a coarse loop clock does not wake us too early."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A conversation of an earlier run, brought to the state in which that run left it."""

    heart: Conversation
    last: int
    "The number of the last line in its journal."
    clock: Clock
    "Goes on where the conversation's time stood."
    projector: Projector | None = None
    "Its events as they were told."


class Notebook:
    """The journal of one conversation, as far as it is written by this process."""

    __slots__ = ("_clock", "_sequence", "_store", "conversation")

    def __init__(self, conversation: ConversationId, *, store: Store, clock: Clock, last: int = 0) -> None:
        """`last` is the number of the last line that is there already."""
        self.conversation = conversation
        self._store = store
        self._clock = clock
        self._sequence = last

    def write(self, kind: str, leg: LegId | None, data: dict[str, Any], at: Instant | None = None) -> None:
        """Add a line."""
        self._sequence += 1
        self._store.write_journal(
            JournalLine(
                conversation=self.conversation,
                sequence=self._sequence,
                wallclock=(at or self._clock.instant()).wallclock,
                kind=kind,
                leg=leg,
                data=data,
            )
        )


class RoomOwner:
    """One live conversation."""

    def __init__(
        self,
        opened: Opened | Reopened,
        *,
        clock: Clock,
        store: Store,
        carry_out: Callable[[RoomOwner, Command], None],
        on_bug: Callable[[RoomOwner, BaseException], None],
        measure: Callable[[LegId], MediaFigures | None],
        chronicler: Chronicler | None = None,
        last: int = 0,
    ) -> None:
        """`measure` tells what a leg's audio has amounted to; `last` is the number of the last line in its journal, if
        it was opened before.
        """
        self.heart = opened.heart if isinstance(opened, Reopened) else Conversation(opened)
        self.book = Notebook(
            self.id, store=store, clock=clock, last=opened.last if isinstance(opened, Reopened) else last
        )
        self._clock = opened.clock if isinstance(opened, Reopened) else clock
        self._store = store
        self._carry_out = carry_out
        self._on_bug = on_bug
        self._measure = measure
        self._inbox: deque[Event] = deque()
        self._working = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for = 0.0
        "The deadline it was set for."
        self._chronicler = chronicler
        self.projector: Projector | None = opened.projector if isinstance(opened, Reopened) else None
        resumed = opened.resumed if isinstance(opened, Opened) else None
        self.created_at = resumed.created_at if resumed is not None else self._clock.wallclock()
        self.used_at = clock.now()
        "When there was last somebody in it."
        self.working_on: Event | None = None
        "The event whose commands are being carried out."
        self._fresh: list[Entry] | None = None
        "What is told while somebody asks."
        if isinstance(opened, Opened):
            self._open(opened, clock.instant())

    @property
    def id(self) -> ConversationId:
        return self.heart.room.id

    def post(self, event: Event) -> None:
        """Take an event; if one is being worked on, this one waits its turn."""
        if self._closed:
            return
        self._inbox.append(event)
        if self._working:
            return
        self._working = True
        try:
            while self._inbox:
                self._work(self._inbox.popleft())
        finally:
            self._working = False
        self._rearm()

    def ask(self, event: Event) -> list[Entry]:
        """Take an event, and give the conversation events that it has led to."""
        told = self._fresh = []
        try:
            self.post(event)
        finally:
            self._fresh = None
        return told

    @property
    def in_use(self) -> bool:
        """Somebody is in it, or something of it is still being written."""
        members = self.projector.members() if self.projector is not None else ()
        return bool(self.heart.legs or self.heart.room.recordings or members)

    def idle_s(self) -> float:
        """How long there has been nobody in it."""
        return 0.0 if self.in_use else self._clock.now() - self.used_at

    def trace(self, leg: LegId | None, data: dict[str, Any]) -> None:
        """Note something for people in the journal: a SIP message, a webhook."""
        self.book.write("trace", leg, data)

    def close(self) -> None:
        """Nothing of this conversation is wanted any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _work(self, event: Event) -> None:
        at = self._clock.instant()
        written = dump(event)
        used = self.in_use
        try:
            self._tell(lambda projector: projector.begin(event, at))
            commands = self.heart.handle(event, at)
            figures = self._measured(commands)
            changes = self._tell(lambda projector: projector.end(commands, figures))
            if used or self.in_use:
                self.used_at = self._clock.now()
            # In one transaction: a crash sees all that follows from an event, or nothing of it.
            with self._store.together():
                self._journal(event, written, commands, at, figures)
                if changes is not None:
                    self._note(changes)
                self.working_on = event
                for command in commands:
                    self._carry_out(self, command)
        except Exception as error:
            log.error("a conversation broke: a bug", exc=error, conversation=self.id, event=type(event).__name__)
            self._inbox.clear()
            self._on_bug(self, error)
        finally:
            self.working_on = None

    def _open(self, opened: Opened, at: Instant) -> None:
        with self._store.together():
            self._journal(opened, dump(opened), (), at)
            if self._chronicler is not None:
                self.projector = Projector(opened, at)
                self._note(self.projector.opened())

    def _tell(self, what: Callable[[Projector], _T]) -> _T | None:
        """Have the projection go on. Should it break, the call goes on without it."""
        if self.projector is None:
            return None
        try:
            return what(self.projector)
        except Exception as error:
            log.error("the events of a conversation broke: a bug", exc=error, conversation=self.id)
            self.projector = None
            return None

    def _note(self, changes: Changes) -> None:
        if self._chronicler is not None and self.projector is not None:
            self._chronicler.note(self.projector, changes)
            if self._fresh is not None:
                self._fresh.extend(changes.entries)

    def _measured(self, commands: Sequence[Command]) -> list[MediaFigures]:
        """The figures of the legs that end now: their audio is let go of with these commands."""
        ended = [one.view.uuid for one in commands if isinstance(one, Publish) and one.view.ended_at is not None]
        return [figures for leg in ended if (figures := self._measure(leg)) is not None]

    def _journal(
        self, event: Event, written: Any, commands: Sequence[Command], at: Instant, figures: Sequence[MediaFigures] = ()
    ) -> None:
        about = getattr(event, "leg", None)
        leg = about.id if isinstance(about, Leg) else about
        self.book.write("input", leg, entry(written, commands, at, figures), at)

    def _rearm(self) -> None:
        deadline = self.heart.deadline()
        if self._timer is not None:
            if deadline == self._timer_for and not self._closed:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self._closed:
            self._timer_for = deadline
            delay = max(0.0, deadline - self._clock.now()) + _LATE_S
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.post(Ticked())
