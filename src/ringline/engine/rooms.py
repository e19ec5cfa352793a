"""The owner of one conversation: feeds its heart, journals, keeps its timer, hands its commands on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ringline.base import Clock, ConversationId, Instant, LegId, get_log
from ringline.calls import Conversation, entry
from ringline.calls.codec import dump
from ringline.calls.commands import Command
from ringline.calls.events import Event, Opened, Ticked
from ringline.calls.state import Leg
from ringline.engine.ports import JournalLine, Store

log = get_log(__name__)
_LATE_S = 0.001
"A timer is asked for this much later than due, so that a coarse loop clock does not wake us too early."


class RoomOwner:
    """One live conversation."""

    def __init__(
        self,
        opened: Opened,
        *,
        clock: Clock,
        store: Store,
        carry_out: Callable[[RoomOwner, Command], None],
        on_bug: Callable[[RoomOwner, BaseException], None],
    ) -> None:
        self.heart = Conversation(opened)
        self._clock = clock
        self._store = store
        self._carry_out = carry_out
        self._on_bug = on_bug
        self._sequence = 0
        self._inbox: deque[Event] = deque()
        self._working = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._journal(opened, dump(opened), (), clock.instant())

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

    def trace(self, leg: LegId | None, data: dict[str, Any]) -> None:
        """Note something for people in the journal: a SIP message, a webhook."""
        self._write("trace", leg, data)

    def close(self) -> None:
        """Nothing of this conversation is wanted any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _work(self, event: Event) -> None:
        at = self._clock.instant()
        written = dump(event)
        try:
            commands = self.heart.handle(event, at)
            self._journal(event, written, commands, at)
            for command in commands:
                self._carry_out(self, command)
        except Exception as error:
            log.error("a conversation broke: a bug", exc=error, conversation=self.id, event=type(event).__name__)
            self._inbox.clear()
            self._on_bug(self, error)

    def _journal(self, event: Event, written: Any, commands: Sequence[Command], at: Instant) -> None:
        about = getattr(event, "leg", None)
        leg = about.id if isinstance(about, Leg) else about
        self._write("input", leg, entry(written, commands, at), at)

    def _write(self, kind: str, leg: LegId | None, data: dict[str, Any], at: Instant | None = None) -> None:
        self._sequence += 1
        self._store.write_journal(
            JournalLine(
                conversation=self.id,
                sequence=self._sequence,
                wallclock=(at or self._clock.instant()).wallclock,
                kind=kind,
                leg=leg,
                data=data,
            )
        )

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.heart.deadline()
        if deadline is not None and not self._closed:
            delay = max(0.0, deadline - self._clock.now()) + _LATE_S
            self._timer = asyncio.get_running_loop().call_later(delay, self.post, Ticked())
