"""The book a projection is written into: numbers the events, keeps members and conversation, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ringline.base import ConversationId
from ringline.calls.events import Opened
from ringline.calls.membership import JOINED, LEFT, Member, Person, Profile
from ringline.chronicle.entries import Changes, ConversationRecord, Entry
from ringline.chronicle.identity import automatic_name

ACTIVE: Final = "ACTIVE"
INACTIVE: Final = "INACTIVE"
DELETED: Final = "DELETED"
CALL_TTL_S: Final = 172_800
"What the conversation of a call shows as its `ttl`."


class Ledger:
    """Everything a projection knows."""

    def __init__(self, opened: Opened, at: datetime) -> None:
        past, profile = opened.resumed, opened.profile
        self.members: dict[str, Member] = {member.id: member for member in past.members} if past is not None else {}
        "Those that have not left."
        self._visited = past is not None and past.visited
        self._entries: list[Entry] = []
        self._changed: dict[str, Member] = {}
        self._at = at
        self._sequence = past.last_event if past is not None else 0
        self._record = ConversationRecord(
            id=opened.conversation,
            application=opened.application.id,
            name=opened.name or automatic_name(opened.conversation),
            state=ACTIVE,
            sequence=self._sequence,
            created_at=past.created_at if past is not None else at,
            updated_at=past.updated_at if past is not None else at,
            properties={"ttl": CALL_TTL_S, "video": False},
            lasts=profile is not None,
        )
        if profile is not None:
            self._record = _described(self._record, profile)
        self._settle_state()
        self._touched = past is None

    @property
    def record(self) -> ConversationRecord:
        """The conversation as it is now."""
        if self._record.sequence != self._sequence:
            self._record = replace(self._record, sequence=self._sequence)
        return self._record

    @property
    def conversation(self) -> ConversationId:
        """Its id. `record` is made anew after every event: who needs nothing else asks for this."""
        return self._record.id

    @property
    def sequence(self) -> int:
        return self._sequence

    @property
    def visited(self) -> bool:
        """Whether anybody has taken part."""
        return self._visited

    def turn(self, at: datetime) -> None:
        """From now on it is this late."""
        self._at = at

    @property
    def at(self) -> datetime:
        return self._at

    def tell(
        self,
        event_type: str,
        body: Mapping[str, Any],
        member: str | None = None,
        *,
        person: Person | None = None,
        to: str | None = None,
    ) -> int:
        """Write an event about a member; give its number."""
        known = self.members.get(member) if member is not None else None
        self._sequence += 1
        self._entries.append(
            Entry(
                id=self._sequence,
                type=event_type,
                at=self._at,
                body=body,
                member=member,
                person=person or (known.person if known is not None else None),
                to=to,
            )
        )
        return self._sequence

    def pass_on(self, event_type: str, body: Mapping[str, Any], member: str | None, *, to: str | None = None) -> None:
        """An event that is told to those who listen now, and not kept."""
        known = self.members.get(member) if member is not None else None
        person = known.person if known is not None else None
        self._entries.append(Entry(id=0, type=event_type, at=self._at, body=body, member=member, person=person, to=to))

    def put(self, member: Member) -> Member:
        """A member is new, or has changed."""
        self._changed[member.id] = member
        if member.state == LEFT:
            self.members.pop(member.id, None)
        else:
            self.members[member.id] = member
            self._visited = self._visited or member.state == JOINED
        return member

    def describe(self, profile: Profile) -> None:
        """What is said of the conversation has changed."""
        self._record = replace(_described(self._record, profile), updated_at=self._at)
        self._touched = True

    @property
    def lives(self) -> bool:
        """Whether it has not been deleted."""
        return self._record.state != DELETED

    def delete(self) -> None:
        """The conversation is no more."""
        if self.lives:
            self._record = replace(self._record, state=DELETED, destroyed_at=self._at, updated_at=self._at)
            self._touched = True

    def take(self) -> Changes:
        """What has changed since the last time."""
        self._settle_state()
        changes = Changes(
            entries=tuple(self._entries),
            members=tuple(self._changed.values()),
            conversation=self.record if self._touched else None,
        )
        self._entries, self._changed, self._touched = [], {}, False
        return changes

    def _settle_state(self) -> None:
        if not self.lives:
            return
        joined = any(member.state == JOINED for member in self.members.values())
        state = INACTIVE if self._visited and not joined else ACTIVE
        if state != self._record.state:
            self._record = replace(self._record, state=state, updated_at=self._at)
            self._touched = True


def _described(record: ConversationRecord, profile: Profile) -> ConversationRecord:
    return replace(
        record,
        name=profile.name,
        display_name=profile.display_name,
        image_url=profile.image_url,
        properties=profile.properties,
        numbers=profile.numbers,
        callback=profile.callback,
        by_script=profile.by_script,
    )
