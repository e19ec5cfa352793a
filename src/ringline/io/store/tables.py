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

# The journals there are: a row per conversation, so that nobody has to look through all lines for old ones.
JOURNALS: Final = Table(
    "journals",
    METADATA,
    Column("conversation", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("traced", Integer, nullable=False),
    Index("ix_journals_opened", "application", "opened_at", "conversation"),
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
    Index("ix_legs_listed", "application", "created_at", "id"),
    Index("ix_legs_by_status", "application", "status", "created_at", "id"),
    Index("ix_legs_created_at", "created_at", "id"),
    Index("ix_legs_in_conversation", "conversation", "created_at", "id"),
    Index("ix_legs_end_time", "end_time"),
)

# How many legs of a status were created in each slot of ten minutes: exact, for triggers keep it. Lists count and find
# their way by it (`ringline.io.store.listing`).
SLOT_US: Final = 600_000_000
LEG_COUNTS: Final = Table(
    "leg_counts",
    METADATA,
    Column("application", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("legs", Integer, nullable=False),
    sqlite_with_rowid=False,
)

FILES: Final = Table(
    "files",
    METADATA,
    Column("file_id", Text, primary_key=True),
    Column("application", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("keep_days", BigInteger),
    Index("ix_files_created_at", "created_at"),
    Index("ix_files_application_created_at", "application", "created_at"),
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
    Column("forward_kind", Text),
    Column("forward_target", Text),
)

# What is kept of API secrets: never one of them itself. A revoked one that still stands in the settings stays here, so
# that it does not come back with the next start.
SECRETS: Final = Table(
    "secrets",
    METADATA,
    Column("secret_id", Text, primary_key=True),
    Column("api_key", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("salt", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("realm", Text, nullable=False),
    Column("sums", Text, nullable=False),
    Column("configured", Integer, nullable=False),
    Column("revoked", Integer, nullable=False),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_audit_at", "at"),
)

# What the Media API lets an application write beside a file; a file nobody wrote about has no row.
MEDIA_INFO: Final = Table(
    "media_info",
    METADATA,
    Column("file_id", Text, primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("public", Integer, nullable=False),
    Column("max_downloads", Integer, nullable=False),
    Column("downloads", Integer, nullable=False),
    Column("words", Text, nullable=False),
)

# What the calls of an application (`app:…`) or trunk (`trunk:…`) came to on a day: its ordinal, in UTC.
USAGE: Final = Table(
    "usage",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("seconds", BigInteger, nullable=False),
    Column("spend", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What has to be done even if this process dies: rows live as long as the event, the leg or the recording is under way.
OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("event_id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("leg", Text),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

DIALOGS: Final = Table(
    "dialogs",
    METADATA,
    Column("leg", Text, primary_key=True),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)

OPEN_RECORDINGS: Final = Table(
    "open_recordings",
    METADATA,
    Column("recording", Text, primary_key=True),
    Column("file_id", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("keep_days", BigInteger),
    sqlite_with_rowid=False,
)

OPEN_TRANSCRIPTIONS: Final = Table(
    "open_transcriptions",
    METADATA,
    Column("transcription", Text, primary_key=True),
    Column("asked_at", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    sqlite_with_rowid=False,
)
