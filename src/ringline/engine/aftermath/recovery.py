"""After a crash: no call of the last run is left without an end.

The heart gives the same commands for the same events, so each conversation is brought back by running its journal
again, and is then told that its process died (`Orphaned`). From there all goes its usual way: final webhooks to the
right URLs, records, recordings closed and reported. A journal that cannot be run again costs the details, not the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ringline.base import ApplicationId, Clock, ConversationId, EffectId, Instant, LegId, ProviderError, get_log
from ringline.calls import Conversation
from ringline.calls.codec import load
from ringline.calls.commands import Tell
from ringline.calls.events import Opened, Orphaned
from ringline.calls.facts import RecordFact
from ringline.calls.figures import figures_in
from ringline.calls.parties import UNKNOWN, Hook
from ringline.calls.status import FINAL
from ringline.chronicle import Projector
from ringline.engine.aftermath.broken import last_fact
from ringline.engine.conversations import hook_of
from ringline.engine.engine import Engine
from ringline.engine.ports import JournalLine, LegRecord, OpenRecording, Remains, StoredEvent
from ringline.engine.rooms import Reopened

log = get_log(__name__)
_PACE: Final = 500
"Conversations ended, and old events sent, in a second: the crash of a platform must not run its applications over."
_SLICE: Final = 25
_FINAL: Final = frozenset(status.value for status in FINAL)


class Past(Protocol):
    """The journals of the last run."""

    async def journal(self, conversation: ConversationId) -> Sequence[JournalLine]: ...

    async def last_lines(self, conversations: Sequence[ConversationId]) -> Mapping[ConversationId, int]:
        """The number of the last line of each journal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was brought to its end."""

    legs: int
    dialogs: int
    "Far ends that were told."
    events: int
    "Undelivered webhooks that leave now."
    recordings: int


class Recovery:
    """Brings one engine's past to its end."""

    def __init__(
        self,
        engine: Engine,
        past: Past,
        *,
        end_dialogs: Callable[[Sequence[tuple[LegId, Mapping[str, Any]]]], int] = len,
    ) -> None:
        """`end_dialogs` tells the far ends, and returns how many."""
        self._engine = engine
        self._past = past
        self._end_dialogs = end_dialogs

    async def run(self, remains: Remains) -> Recovered:
        """Do what the last run could not. Legs of this run may come and go meanwhile."""
        dialogs = self._end_dialogs(remains.dialogs)
        await self._open_books(remains)
        events = await self._resume(remains.events)
        left = {record.uuid: record for record in remains.legs}
        recordings = {one.recording: one for one in remains.recordings}
        for room in _rooms(remains):
            mine = [one for one in recordings.values() if one.conversation == room]
            reopened = rebuild(await self._past.journal(room), self._engine.clock)
            if reopened is None:
                continue
            for leg in self._end(reopened, mine):
                left.pop(leg, None)
            for one in mine:
                del recordings[one.recording]
            await asyncio.sleep(1 / _PACE)
        self._close(list(left.values()), told={event.leg for event in remains.events if event.name in _FINAL})
        for one in recordings.values():
            await self._report_alone(one)
        self._engine.effects.transcriptions.adopt(remains.transcriptions)
        return Recovered(legs=len(remains.legs), dialogs=dialogs, events=events, recordings=len(remains.recordings))

    async def _resume(self, events: Sequence[StoredEvent]) -> int:
        count = 0
        for start in range(0, len(events), _SLICE):
            count += self._engine.hooks.resume(events[start : start + _SLICE])
            await asyncio.sleep(_SLICE / _PACE)
        return count

    async def _open_books(self, remains: Remains) -> None:
        """Let what happens to old events be noted in the journals they belong to."""
        rooms = dict.fromkeys([*_rooms(remains), *(event.conversation for event in remains.events)])
        rooms |= dict.fromkeys(one.conversation for one in remains.transcriptions)
        for room, last in (await self._past.last_lines(list(rooms))).items():
            self._engine.note_on(room, last=last)

    def _end(self, reopened: Reopened, recordings: Sequence[OpenRecording]) -> tuple[LegId, ...]:
        """End all legs of a conversation, and its recordings; return the legs."""
        legs = reopened.heart.legs
        with self._engine.outside.store.together():
            room = self._engine.take_over(reopened)
            for one in recordings:
                self._engine.effects.recorder.adopt(one)
            room.post(Orphaned())
            for one in recordings:  # those that were being closed already
                self._engine.effects.recorder.stop(EffectId(one.recording))
        for leg in legs:
            log.warning("a call of the last run was closed", leg=leg, conversation=room.id)
        return legs

    def _close(self, records: Sequence[LegRecord], *, told: set[LegId | None]) -> None:
        """End legs whose conversation cannot be brought back, by what their records say."""
        engine = self._engine
        now = engine.clock.wallclock()
        for record in records:
            fact = last_fact(
                uuid=record.uuid,
                conversation=record.conversation,
                from_=_shown(record.from_),
                to=_shown(record.to),
                direction=record.direction,
                answered_at=record.start_time,
                now=now,
                headers=record.to.get("headers", {}),
            )
            ended = replace(
                record,
                status=fact.status,
                end_time=now,
                duration_s=fact.duration_s,
                detail=fact.detail,
                disconnected_by=fact.disconnected_by,
            )
            with engine.outside.store.together():
                engine.outside.store.write_leg(ended)
                if record.uuid not in told:
                    tell = Tell(leg=record.uuid, hook=self._hook(record.application), fact=fact)
                    engine.hooks.tell(record.conversation, record.application, tell)
            log.warning("a call of the last run was closed by its record", leg=record.uuid, status=ended.status)

    async def _report_alone(self, recording: OpenRecording) -> None:
        """Close a recording whose conversation cannot be brought back."""
        engine = self._engine
        store = engine.outside.store
        try:
            stored = await engine.outside.recordings.recover(recording)
        except ProviderError as error:
            log.error("a recording was lost", recording=recording.recording, error=str(error))
            store.forget_open_recording(recording.recording)
            return
        fact = RecordFact(
            recording=recording.recording,
            url=engine.options.file_url.format(id=stored.file_id),
            size=stored.size,
            start_time=recording.started_at,
            end_time=stored.created_at,
            conversation=recording.conversation,
            timestamp=engine.clock.wallclock(),
        )
        with store.together():
            store.write_file(replace(stored, keep_days=recording.keep_days))
            store.forget_open_recording(recording.recording)
            tell = Tell(leg=None, hook=self._hook(recording.application), fact=fact)
            engine.hooks.tell(recording.conversation, recording.application, tell)

    def _hook(self, application: ApplicationId) -> Hook | None:
        found = self._engine.directory.application(application)
        voice = found.voice if found is not None else None
        return hook_of(voice.event_url) if voice is not None else None


def rebuild(lines: Sequence[JournalLine], clock: Clock) -> Reopened | None:
    """Run a journal again, up to its last line; None when that cannot be done."""
    heart: Conversation | None = None
    projector: Projector | None = None
    last: Instant | None = None
    try:
        for line in lines:
            if line.kind != "input":
                continue
            event = load(line.data["event"])
            last = Instant(float(line.data["now"]), datetime.fromisoformat(line.data["at"]))
            if isinstance(event, Opened):
                heart, projector = Conversation(event), Projector(event, last)
                projector.opened()
            elif heart is None or projector is None:
                return None
            else:
                projector.begin(event, last)
                projector.end(heart.handle(event, last), figures_in(line.data))
    except Exception as error:
        log.warning("a journal cannot be run again", exc=error, conversation=lines[0].conversation)
        return None
    if heart is None or last is None:
        return None
    return Reopened(heart=heart, last=lines[-1].sequence, clock=_Resumed(clock, last), projector=projector)


class _Resumed:
    """A conversation's time, going on in a process whose monotonic clock may have begun anew."""

    def __init__(self, clock: Clock, last: Instant) -> None:
        self._clock = clock
        at = clock.instant()
        passed = max(timedelta(0), at.wallclock - last.wallclock).total_seconds()
        self._offset = last.now + passed - at.now

    def now(self) -> float:
        return self._clock.now() + self._offset

    def wallclock(self) -> datetime:
        return self._clock.wallclock()

    def instant(self) -> Instant:
        at = self._clock.instant()
        return Instant(at.now + self._offset, at.wallclock)


def in_hand(remains: Remains) -> frozenset[ConversationId]:
    """The conversations that recovery opens: nobody else may, before it has."""
    return frozenset(_rooms(remains))


def _rooms(remains: Remains) -> list[ConversationId]:
    """The conversations that were not over, in order of their legs' creation."""
    of_legs = [record.conversation for record in remains.legs]
    return list(dict.fromkeys([*of_legs, *(one.conversation for one in remains.recordings)]))


def _shown(party: Mapping[str, Any]) -> str:
    for key in ("number", "uri", "user", "extension"):
        if key in party:
            return UNKNOWN if party[key] == "anonymous" else str(party[key])
    return UNKNOWN
