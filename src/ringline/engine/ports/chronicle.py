"""Conversations, their members and events, and users: what the conversation service keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from ringline.accounts import User
from ringline.base import ApplicationId, ConversationId
from ringline.calls.membership import Member
from ringline.chronicle import ConversationRecord, Entry

T = TypeVar("T")
Key = tuple[int | str, ...]
"Where a thing stands in its list: what it is sorted by, and what tells it from others of the same place."


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a list is asked for."""

    limit: int = 10
    descending: bool = False
    after: Key | None = None
    "Only what comes behind this key (before it, with `backwards`), in the order asked for."
    backwards: bool = False
    offset: int = 0
    "So many are passed over; for lists that are paged by index."
    counted: bool = False
    "Tell how long the whole list is, too."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[T]):
    """One thing of a list, and where it stands."""

    key: Key
    value: T


class Found(list[Row[T]]):
    """The part of a list that was asked for."""

    total: int = 0
    "How long the whole list is; set if the window asked for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMember:
    """A member, and the conversation it is or was in."""

    conversation: ConversationId
    application: ApplicationId
    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events of a conversation are asked for."""

    types: tuple[str, ...] = ()
    "Exact, or `prefix:*`; none: all."
    start_id: int | None = None
    end_id: int | None = None
    deleted: bool = True
    "Those whose words were deleted, too."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """A conversation of an earlier run that was made to last."""

    record: ConversationRecord
    members: tuple[Member, ...]
    "Those that have not left."
    last_line: int
    "The number of the last line of its journal."
    visited: bool


class Chronicle(Protocol):
    """Writes are quick and grouped with the journal's; reads see all writes."""

    def write_conversation(self, record: ConversationRecord) -> None: ...

    def write_member(self, kept: KeptMember) -> None: ...

    def write_entry(self, conversation: ConversationId, entry: Entry) -> None: ...

    def erase_entry(self, conversation: ConversationId, event_id: int) -> None:
        """Forget the words of an event; its number and type stay."""
        ...

    async def sleepers(self) -> Sequence[Sleeper]:
        """The conversations that were made to last and do."""
        ...

    async def conversation(self, conversation: ConversationId) -> ConversationRecord | None: ...

    async def conversations(
        self,
        application: ApplicationId,
        window: Window,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Found[ConversationRecord]:
        """Those that are not deleted, by time of creation."""
        ...

    async def member(self, conversation: ConversationId, member: str) -> Member | None: ...

    async def members(self, conversation: ConversationId, window: Window) -> Found[Member]: ...

    async def memberships(
        self,
        application: ApplicationId,
        user: str,
        window: Window,
        *,
        state: str | None = None,
        start: datetime | None = None,
    ) -> Found[tuple[ConversationRecord, Member]]:
        """The conversations a user is or was in, by the time of joining them."""
        ...

    async def is_member(self, conversation: ConversationId, user: str) -> bool:
        """Whether a user is or was in a conversation."""
        ...

    async def entry(self, conversation: ConversationId, event_id: int) -> Entry | None: ...

    async def entries(self, conversation: ConversationId, window: Window, wanted: EventFilter) -> Found[Entry]: ...

    async def automatic_person(self, application: ApplicationId, user: str) -> Mapping[str, Any] | None:
        """`id` and `name` of a user that was made for a leg; None when there is no such one."""
        ...

    async def user(self, application: ApplicationId, user: str) -> User | None:
        """By id or name."""
        ...

    async def users(self, application: ApplicationId, window: Window, *, name: str | None = None) -> Found[User]: ...

    async def user_names(self) -> Sequence[tuple[ApplicationId, str]]:
        """The names of all users: tokens are checked against them."""
        ...

    async def save_user(self, user: User) -> None: ...

    async def delete_user(self, application: ApplicationId, user: str) -> None: ...

    async def delete_users(self, application: ApplicationId) -> None:
        """All of an application that is deleted itself."""
        ...
