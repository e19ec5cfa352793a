"""The conversation service's part of a store that forgets everything with the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from ringline.accounts import User
from ringline.base import ApplicationId, ConversationId
from ringline.calls.membership import LEFT, Member
from ringline.chronicle import ConversationRecord, Entry, automatic_person, is_deletable, matches
from ringline.engine.ports import EventFilter, Found, KeptMember, Row, Sleeper, Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


class MemoryChronicle:
    """Conversations, members, events and users in plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation_records: dict[ConversationId, ConversationRecord] = {}
        self.kept_members: dict[str, KeptMember] = {}
        self.told: dict[ConversationId, dict[int, Entry]] = {}
        self.saved_users: dict[str, User] = {}

    def write_conversation(self, record: ConversationRecord) -> None:
        self.conversation_records[record.id] = record

    def write_member(self, kept: KeptMember) -> None:
        self.kept_members[kept.member.id] = kept

    def write_entry(self, conversation: ConversationId, entry: Entry) -> None:
        self.told.setdefault(conversation, {})[entry.id] = entry

    def erase_entry(self, conversation: ConversationId, event_id: int) -> None:
        known = self.told[conversation][event_id]
        self.told[conversation][event_id] = replace(known, body={})

    def events_of(self, conversation: ConversationId) -> list[Entry]:
        """All events of a conversation, in order."""
        return list(self.told.get(conversation, {}).values())

    async def sleepers(self) -> Sequence[Sleeper]:
        found = []
        for record in self.conversation_records.values():
            if record.lasts and record.state != "DELETED":
                members = self._members_of(record.id)
                journals: Mapping[ConversationId, Any] = getattr(self, "journals", {})
                found.append(
                    Sleeper(
                        record=self._latest(record),
                        members=tuple(member for member in members if member.state != LEFT),
                        last_line=len(journals.get(record.id, ())),
                        visited=any(member.joined_at is not None for member in members),
                    )
                )
        return found

    async def conversation(self, conversation: ConversationId) -> ConversationRecord | None:
        record = self.conversation_records.get(conversation)
        return self._latest(record) if record is not None else None

    async def conversations(
        self,
        application: ApplicationId,
        window: Window,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Found[ConversationRecord]:
        found = [
            self._latest(record)
            for record in self.conversation_records.values()
            if record.application == application
            and record.state != "DELETED"
            and (start is None or record.created_at >= start)
            and (end is None or record.created_at <= end)
        ]
        return _page(found, lambda record: (_number(record.created_at), record.id), window)

    async def member(self, conversation: ConversationId, member: str) -> Member | None:
        kept = self.kept_members.get(member)
        return kept.member if kept is not None and kept.conversation == conversation else None

    async def members(self, conversation: ConversationId, window: Window) -> Found[Member]:
        return _page(self._members_of(conversation), _member_key, window)

    async def memberships(
        self,
        application: ApplicationId,
        user: str,
        window: Window,
        *,
        state: str | None = None,
        start: datetime | None = None,
    ) -> Found[tuple[ConversationRecord, Member]]:
        pairs = [
            (self._latest(self.conversation_records[kept.conversation]), kept.member)
            for kept in self.kept_members.values()
            if kept.application == application and kept.member.person.id == user and state in (None, kept.member.state)
        ]
        alive = [
            (room, member)
            for room, member in pairs
            if room.state != "DELETED" and (start is None or room.created_at >= start)
        ]
        return _page(alive, lambda pair: _member_key(pair[1]), window)

    async def is_member(self, conversation: ConversationId, user: str) -> bool:
        return any(member.person.id == user for member in self._members_of(conversation))

    async def automatic_person(self, application: ApplicationId, user: str) -> Mapping[str, Any] | None:
        for kept in self.kept_members.values():
            made = automatic_person(kept.member.leg, inbound=True).id if kept.member.leg is not None else None
            if kept.application == application and kept.member.person.id == user == made:
                return {"id": user, "name": kept.member.person.name}
        return None

    async def entry(self, conversation: ConversationId, event_id: int) -> Entry | None:
        return self.told.get(conversation, {}).get(event_id)

    async def entries(self, conversation: ConversationId, window: Window, wanted: EventFilter) -> Found[Entry]:
        found = [
            entry
            for entry in self.events_of(conversation)
            if (not wanted.types or matches(",".join(wanted.types), entry.type))
            and (wanted.start_id is None or entry.id >= wanted.start_id)
            and (wanted.end_id is None or entry.id <= wanted.end_id)
            and (wanted.deleted or entry.body or not is_deletable(entry.type))
        ]
        return _page(found, lambda entry: (entry.id,), window)

    async def user(self, application: ApplicationId, user: str) -> User | None:
        mine = [one for one in self.saved_users.values() if one.application == application]
        return next((one for one in mine if user in (one.id, one.name)), None)

    async def users(self, application: ApplicationId, window: Window, *, name: str | None = None) -> Found[User]:
        mine = [one for one in self.saved_users.values() if one.application == application]
        found = [one for one in mine if name in (None, one.name)]
        return _page(found, lambda user: (_number(user.created_at), user.id), window)

    async def user_names(self) -> Sequence[tuple[ApplicationId, str]]:
        return [(user.application, user.name) for user in self.saved_users.values()]

    async def save_user(self, user: User) -> None:
        self.saved_users[user.id] = user

    async def delete_users(self, application: ApplicationId) -> None:
        self.saved_users = {key: one for key, one in self.saved_users.items() if one.application != application}

    async def delete_user(self, application: ApplicationId, user: str) -> None:
        self.saved_users.pop(user, None)

    def _members_of(self, conversation: ConversationId) -> list[Member]:
        kept = [one.member for one in self.kept_members.values() if one.conversation == conversation]
        return sorted(kept, key=_member_key)

    def _latest(self, record: ConversationRecord) -> ConversationRecord:
        return replace(record, sequence=max(self.told.get(record.id, {0: None})))


def _page(found: Sequence[_T], key: Callable[[_T], tuple[int | str, ...]], window: Window) -> Found[_T]:
    descending = window.descending != window.backwards
    rows = sorted((Row(key=key(one), value=one) for one in found), key=lambda row: row.key, reverse=descending)
    if window.after is not None:
        after = window.after
        rows = [row for row in rows if (row.key < after if descending else row.key > after)]
    part = rows[window.offset : window.offset + window.limit]
    found_rows = Found(part[::-1] if window.backwards else part)
    found_rows.total = len(found)
    return found_rows


def _member_key(member: Member) -> tuple[int | str, ...]:
    since = member.invited_at or member.joined_at or member.left_at or _EPOCH
    return (_number(since), member.id)


def _number(moment: datetime) -> int:
    return round((moment - _EPOCH).total_seconds() * 1_000_000)
