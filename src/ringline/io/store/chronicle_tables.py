"""The tables of the conversation service."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from ringline.io.store.tables import METADATA

CONVERSATIONS: Final = Table(
    "conversations",
    METADATA,
    Column("conversation", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("alive", Integer, nullable=False),
    Column("lasts", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("destroyed_at", BigInteger),
    Column("document", Text, nullable=False),
    Index("ix_conversations_listed", "application", "alive", "created_at", "conversation"),
    Index("ix_conversations_alive", "alive", "lasts"),
    Index("ix_conversations_destroyed_at", "destroyed_at"),
    sqlite_with_rowid=False,
)

MEMBERS: Final = Table(
    "members",
    METADATA,
    Column("member", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_members_conversation", "conversation", "since", "member"),
    Index("ix_members_person", "application", "person", "since", "member"),
    sqlite_with_rowid=False,
)

EVENTS: Final = Table(
    "conversation_events",
    METADATA,
    Column("conversation", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("type", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("member", Text),
    Column("recipient", Text),
    Column("person", Text),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

USERS: Final = Table(
    "users",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_users_name", "application", "name", unique=True),
    Index("ix_users_listed", "application", "created_at", "person"),
    sqlite_with_rowid=False,
)
