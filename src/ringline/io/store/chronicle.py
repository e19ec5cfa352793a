"""The conversation service's part of the store: conversations, members, events and users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Column, Select, Table, bindparam, delete, func, literal_column, not_, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql

from ringline.accounts import User
from ringline.base import ApplicationId, ConversationId
from ringline.calls.membership import LEFT, Member
from ringline.chronicle import DELETABLE, ConversationRecord, Entry, automatic_person
from ringline.engine.ports import EventFilter, Found, KeptMember, Row, Sleeper, Window
from ringline.io.store import chronicle_rows as rows
from ringline.io.store.chronicle_tables import CONVERSATIONS, EVENTS, MEMBERS, USERS
from ringline.io.store.database import Statement
from ringline.io.store.lending import Lends
from ringline.io.store.rows import Row as Raw
from ringline.io.store.rows import to_microseconds
from ringline.io.store.statements import compiled

_T = TypeVar("_T")


def _put(table: Table) -> Statement:
    keys = [column.name for column in table.primary_key]
    insert = postgresql.insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    changed = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    return compiled(
        insert.on_conflict_do_update(index_elements=keys, set_=changed), key=keys[0] if len(keys) == 1 else ""
    )


_PUT_CONVERSATION: Final = _put(CONVERSATIONS)
_PUT_MEMBER: Final = _put(MEMBERS)
_PUT_ENTRY: Final = _put(EVENTS)
_PUT_USER: Final = _put(USERS)
_ERASE: Final = compiled(
    update(EVENTS)
    .where(EVENTS.c.conversation == bindparam("room"), EVENTS.c.number == bindparam("event"))
    .values(body=literal_column("'{}'")),
    fence=True,
)
_DELETE_USER: Final = compiled(
    delete(USERS).where(USERS.c.application == bindparam("app"), USERS.c.person == bindparam("user")), fence=True
)
_DELETE_USERS: Final = compiled(delete(USERS).where(USERS.c.application == bindparam("app")), fence=True)
_OLD: Final = select(CONVERSATIONS.c.conversation).where(
    CONVERSATIONS.c.application == bindparam("app"), CONVERSATIONS.c.destroyed_at < bindparam("before")
)
_FORGET: Final = tuple(
    compiled(delete(table).where(table.c.conversation.in_(_OLD)), fence=True)
    for table in (EVENTS, MEMBERS, CONVERSATIONS)
)


class _Rows(Lends, Protocol):
    """What the store lends, and where journals end."""

    async def last_lines(self, conversations: Sequence[ConversationId]) -> Mapping[ConversationId, int]: ...


class ChronicleTables:
    """Mixed into a store (`ringline.engine.ports.Chronicle`)."""

    # ── what calls write ───────────────────────────────────────────────────────────────────────────────────────────

    def write_conversation(self: _Rows, record: ConversationRecord) -> None:
        self._put(_PUT_CONVERSATION, rows.conversation_row(record))

    def write_member(self: _Rows, kept: KeptMember) -> None:
        self._put(_PUT_MEMBER, rows.member_row(kept))

    def write_entry(self: _Rows, conversation: ConversationId, entry: Entry) -> None:
        self._put(_PUT_ENTRY, rows.entry_row(conversation, entry))

    def erase_entry(self: _Rows, conversation: ConversationId, event_id: int) -> None:
        """Forget the words of an event; its number and type stay."""
        self._put(_ERASE, {"room": conversation, "event": event_id})

    async def forget_conversations(self: _Rows, before: datetime, application: ApplicationId) -> None:
        """Delete what was deleted before a time, with its members and events."""
        for statement in _FORGET:
            self._put(statement, {"before": to_microseconds(before), "app": application})
        await self.flush()

    # ── conversations ──────────────────────────────────────────────────────────────────────────────────────────────

    async def sleepers(self: _Rows) -> Sequence[Sleeper]:
        """The conversations that were made to last and do."""
        query = select(CONVERSATIONS).where(CONVERSATIONS.c.lasts == 1, CONVERSATIONS.c.alive == 1)
        found = await self._all(query.order_by(CONVERSATIONS.c.created_at, CONVERSATIONS.c.conversation))
        records = [rows.conversation_of(row) for row in found]
        lines = await self.last_lines([record.id for record in records])
        sleepers = []
        for record in records:
            last = await self._all(
                select(func.max(EVENTS.c.number).label("last")).where(EVENTS.c.conversation == record.id)
            )
            sequence = max(record.sequence, last[0]["last"] or 0)
            raw = await self._all(
                select(MEMBERS).where(MEMBERS.c.conversation == record.id).order_by(MEMBERS.c.since, MEMBERS.c.member)
            )
            members = [rows.member_of(row) for row in raw]
            sleepers.append(
                Sleeper(
                    record=_with_sequence(record, sequence),
                    members=tuple(member for member in members if member.state != LEFT),
                    last_line=lines.get(record.id, 0),
                    visited=any(member.joined_at is not None for member in members),
                )
            )
        return sleepers

    async def conversation(self: _Rows, conversation: ConversationId) -> ConversationRecord | None:
        last = (
            select(func.max(EVENTS.c.number))
            .where(EVENTS.c.conversation == CONVERSATIONS.c.conversation)
            .scalar_subquery()
        )
        query = select(CONVERSATIONS, last.label("last")).where(CONVERSATIONS.c.conversation == conversation)
        found = await self._all(query)
        return _latest(found[0]) if found else None

    async def conversations(
        self: _Rows,
        application: ApplicationId,
        window: Window,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Found[ConversationRecord]:
        """Those that are not deleted, by time of creation."""
        last = (
            select(func.max(EVENTS.c.number))
            .where(EVENTS.c.conversation == CONVERSATIONS.c.conversation)
            .scalar_subquery()
        )
        query = select(CONVERSATIONS, last.label("last")).where(
            CONVERSATIONS.c.application == application, CONVERSATIONS.c.alive == 1
        )
        if start is not None:
            query = query.where(CONVERSATIONS.c.created_at >= to_microseconds(start))
        if end is not None:
            query = query.where(CONVERSATIONS.c.created_at <= to_microseconds(end))
        key = (CONVERSATIONS.c.created_at, CONVERSATIONS.c.conversation)
        return await _stretch(self, query, key, window, _latest)

    # ── members ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def member(self: _Rows, conversation: ConversationId, member: str) -> Member | None:
        query = select(MEMBERS).where(MEMBERS.c.member == member, MEMBERS.c.conversation == conversation)
        found = await self._all(query)
        return rows.member_of(found[0]) if found else None

    async def members(self: _Rows, conversation: ConversationId, window: Window) -> Found[Member]:
        query = select(MEMBERS).where(MEMBERS.c.conversation == conversation)
        return await _stretch(self, query, (MEMBERS.c.since, MEMBERS.c.member), window, rows.member_of)

    async def memberships(
        self: _Rows,
        application: ApplicationId,
        user: str,
        window: Window,
        *,
        state: str | None = None,
        start: datetime | None = None,
    ) -> Found[tuple[ConversationRecord, Member]]:
        """The conversations a user is or was in, by the time of joining them."""
        both = MEMBERS.join(CONVERSATIONS, MEMBERS.c.conversation == CONVERSATIONS.c.conversation)
        columns = [column.label(f"c_{column.name}") for column in CONVERSATIONS.columns]
        query = select(MEMBERS, *columns).select_from(both)
        query = query.where(MEMBERS.c.application == application, MEMBERS.c.person == user, CONVERSATIONS.c.alive == 1)
        if state is not None:
            query = query.where(MEMBERS.c.state == state)
        if start is not None:
            query = query.where(CONVERSATIONS.c.created_at >= to_microseconds(start))
        return await _stretch(self, query, (MEMBERS.c.since, MEMBERS.c.member), window, _membership)

    async def is_member(self: _Rows, conversation: ConversationId, user: str) -> bool:
        """Whether a user is or was in a conversation."""
        query = select(MEMBERS.c.member).where(MEMBERS.c.conversation == conversation, MEMBERS.c.person == user)
        return bool(await self._all(query.limit(1)))

    async def automatic_person(self: _Rows, application: ApplicationId, user: str) -> Mapping[str, Any] | None:
        """`id` and `name` of a user that was made for a leg; None when there is no such one."""
        query = select(MEMBERS).where(MEMBERS.c.application == application, MEMBERS.c.person == user)
        found = await self._all(query.limit(1))
        if not found:
            return None
        member = rows.member_of(found[0])
        person = member.person
        if member.leg is None or automatic_person(member.leg, inbound=True).id != person.id:
            return None  # a user that was made by REST, and deleted since
        return {"id": person.id, "name": person.name}

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def entry(self: _Rows, conversation: ConversationId, event_id: int) -> Entry | None:
        query = select(EVENTS).where(EVENTS.c.conversation == conversation, EVENTS.c.number == event_id)
        found = await self._all(query)
        return rows.entry_of(found[0]) if found else None

    async def entries(self: _Rows, conversation: ConversationId, window: Window, wanted: EventFilter) -> Found[Entry]:
        query = select(EVENTS).where(EVENTS.c.conversation == conversation)
        if wanted.start_id is not None:
            query = query.where(EVENTS.c.number >= wanted.start_id)
        if wanted.end_id is not None:
            query = query.where(EVENTS.c.number <= wanted.end_id)
        if wanted.types:
            query = query.where(or_(*(_is_of(one) for one in wanted.types)))
        if not wanted.deleted:
            query = query.where(or_(EVENTS.c.body != "{}", not_(or_(*(_is_of(one) for one in DELETABLE)))))
        return await _stretch(self, query, (EVENTS.c.number,), window, rows.entry_of)

    # ── users ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def user(self: _Rows, application: ApplicationId, user: str) -> User | None:
        """By id or name."""
        query = select(USERS).where(USERS.c.application == application)
        found = await self._all(query.where(or_(USERS.c.person == user, USERS.c.name == user)).limit(1))
        return rows.user_of(found[0]) if found else None

    async def users(self: _Rows, application: ApplicationId, window: Window, *, name: str | None = None) -> Found[User]:
        query = select(USERS).where(USERS.c.application == application)
        if name is not None:
            query = query.where(USERS.c.name == name)
        return await _stretch(self, query, (USERS.c.created_at, USERS.c.person), window, rows.user_of)

    async def user_names(self: _Rows) -> Sequence[tuple[ApplicationId, str]]:
        """The names of all users: tokens are checked against them."""
        found = await self._all(select(USERS.c.application, USERS.c.name))
        return [(ApplicationId(row["application"]), row["name"]) for row in found]

    async def save_user(self: _Rows, user: User) -> None:
        """Insert or replace; returns when it is on disk."""
        self._put(_PUT_USER, rows.user_row(user))
        await self.flush()

    async def delete_users(self: _Rows, application: ApplicationId) -> None:
        """All of an application that is deleted itself."""
        self._put(_DELETE_USERS, {"app": application})
        await self.flush()

    async def delete_user(self: _Rows, application: ApplicationId, user: str) -> None:
        self._put(_DELETE_USER, {"app": application, "user": user})
        await self.flush()


async def _stretch(
    store: _Rows, query: Select[Any], key: tuple[Column[Any], ...], window: Window, value: Callable[[Raw], _T]
) -> Found[_T]:
    """The part of a list that a window shows."""
    raw = await store._all(_page(query, key, window))
    names = [column.name for column in key]
    made = [Row(key=tuple(row[name] for name in names), value=value(row)) for row in raw]
    found = Found(made[::-1] if window.backwards else made)
    if window.counted:
        whole = await store._all(select(func.count().label("total")).select_from(query.subquery()))
        found.total = int(whole[0]["total"])
    return found


def _page(query: Select[Any], key: tuple[Column[Any], ...], window: Window) -> Select[Any]:
    """A stretch of a list, next to a key: as quick at its end as at its beginning."""
    descending = window.descending != window.backwards
    if window.after is not None:
        here = tuple_(*key)
        there = tuple_(*window.after)
        query = query.where(here < there if descending else here > there)
    order = [column.desc() for column in key] if descending else list(key)
    query = query.order_by(*order).limit(window.limit)
    return query.offset(window.offset) if window.offset else query


def _is_of(wanted: str) -> Any:
    if not wanted.endswith("*"):
        return EVENTS.c.type == wanted
    prefix = wanted[:-1]
    return func.substr(EVENTS.c.type, 1, len(prefix)) == prefix


def _membership(row: Raw) -> tuple[ConversationRecord, Member]:
    room = {name.removeprefix("c_"): value for name, value in row.items() if name.startswith("c_")}
    return rows.conversation_of(room), rows.member_of(row)


def _latest(row: Raw) -> ConversationRecord:
    return _with_sequence(rows.conversation_of(row), max(row["sequence"], row["last"] or 0))


def _with_sequence(record: ConversationRecord, sequence: int) -> ConversationRecord:
    return replace(record, sequence=sequence)
