"""The tables. Times are whole microseconds since 1970 in UTC: they sort, compare and index as numbers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

METADATA: Final = MetaData()
_KEY: Final = BigInteger().with_variant(Integer, "sqlite")

JOURNAL: Final = Table(
    "journal",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("wallclock", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("leg", Text),
    Column("data", Text, nullable=False),
    Index("ix_journal_conversation_sequence", "conversation", "sequence", unique=True),
)

# Which conversations speak of a leg: a row per pair, so that the big table needs no index by leg.
JOURNAL_LEGS: Final = Table(
    "journal_legs",
    METADATA,
    Column("leg", Text, primary_key=True),
    Column("conversation", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Index("ix_journal_legs_conversation", "conversation"),
    sqlite_with_rowid=False,
)

LEGS: Final = Table(
    "legs",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("uuid", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Column("duration_s", Integer),
    Column("rate", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("network", Text),
    Column("detail", Text),
    Column("sip_code", Integer),
    Column("disconnected_by", Text),
    Index("ix_legs_uuid", "uuid", unique=True),
    Index("ix_legs_application_created_at", "application", "created_at"),
    Index("ix_legs_conversation", "conversation"),
    Index("ix_legs_end_time", "end_time"),
)

FILES: Final = Table(
    "files",
    METADATA,
    Column("file_id", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_files_created_at", "created_at"),
)

# What was made through the API or by command; what the settings file names is not in here. No private key ever is.
APPLICATIONS: Final = Table(
    "applications",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

NUMBERS: Final = Table(
    "numbers",
    METADATA,
    Column("msisdn", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("country", Text),
    Column("application_id", Text),
    Column("status_callback", Text),
)
