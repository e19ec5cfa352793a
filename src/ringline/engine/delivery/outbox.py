"""Notifications have an id of their own, and stay in the store until they are delivered or given up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ringline.base import ApplicationId, Clock, ConversationId, LegId, Random, uuid4
from ringline.calls.facts import Fact, RecordFact, StatusFact, TranscriptionFact
from ringline.calls.parties import Hook
from ringline.calls.status import FINAL
from ringline.engine.delivery.payloads import name_of
from ringline.engine.ports import Store, StoredEvent

OLDEST_S: Final = 24 * 3600.0
"After a restart, older events are given up: nobody waits for them any more."
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FINAL: Final = frozenset(status.value for status in FINAL)


class Outbox:
    """Writes notifications down, and strikes them out."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._sequence = 0

    def keep(
        self,
        event_id: str,
        *,
        room: ConversationId,
        application: ApplicationId,
        leg: LegId | None,
        hook: Hook,
        fact: Fact,
        payload: Mapping[str, Any],
    ) -> StoredEvent:
        """Have an event stored within the next group commit. Nobody waits for that."""
        return self.keep_as(
            name_of(fact), event_id, room=room, application=application, leg=leg, hook=hook, payload=payload
        )

    def keep_as(
        self,
        name: str,
        event_id: str,
        *,
        room: ConversationId,
        application: ApplicationId,
        leg: LegId | None,
        hook: Hook,
        payload: Mapping[str, Any],
    ) -> StoredEvent:
        """The same under a name of its own, for what is no fact about a call."""
        now = self._clock.wallclock()
        self._sequence = max(self._sequence + 1, (now - _EPOCH) // timedelta(microseconds=1))
        event = StoredEvent(
            event_id=event_id,
            sequence=self._sequence,
            conversation=room,
            application=application,
            leg=leg,
            name=name,
            url=hook.url,
            method=hook.method,
            payload=payload,
            created_at=now,
        )
        self._store.write_event(event)
        return event

    def done(self, event_id: str) -> None:
        """It was delivered, or given up."""
        self._store.forget_event(event_id)

    def is_too_old(self, event: StoredEvent) -> bool:
        """Whether an event of an earlier run is not worth sending any more."""
        return self._clock.wallclock() - event.created_at > timedelta(seconds=OLDEST_S)


def event_id(fact: Fact, hook: Hook, random: Random) -> str:
    """The id under which an event is sent, every time it is sent.

    The end of a leg and a finished recording have theirs from the beginning: should a process die between sending one
    and writing that down, the next process sends it under the same id again, and the receiver can tell.
    """
    match fact:
        case StatusFact(status=status) if status in _FINAL:
            return _settled("end", fact.uuid, "completed" if status == "completed" else "failed", hook.url)
        case RecordFact():
            return _settled("record", fact.recording, hook.url)
        case TranscriptionFact():
            return _settled("transcription", fact.recording, hook.url)
        case _:
            return uuid4(random)


def _settled(*words: str) -> str:
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))
