"""The writing statements, made once from the tables, in the words of both databases.

`postgresql.insert` knows `ON CONFLICT`, which SQLite has in the same words.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, bindparam, delete, exists, literal_column, null, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import Delete, Insert, Update

from ringline.io.store import postgres, sqlite
from ringline.io.store.database import Statement
from ringline.io.store.tables import (
    APPLICATIONS,
    AUDIT,
    DIALOGS,
    FILES,
    JOURNAL,
    JOURNAL_LEGS,
    JOURNALS,
    LEGS,
    MEDIA_INFO,
    NUMBERS,
    OPEN_RECORDINGS,
    OPEN_TRANSCRIPTIONS,
    OUTBOX,
    SECRETS,
    USAGE,
)

FINAL: Final = ("completed", "busy", "cancelled", "failed", "rejected", "timeout", "unanswered")
"Statuses of a leg after which nothing happens any more."


def _compiled(
    query: Insert | Update | Delete, *, fence: bool = False, last: bool = False, vital: str = "", key: str = ""
) -> Statement:
    if isinstance(query, Insert):
        query = query.inline()  # nobody asks for the number of the new row
    numbered, names = postgres.statement_sql(query)
    return Statement(
        sqlite.statement_sql(query), fence=fence, last=last, vital=vital, key=key, numbered=numbered, names=names
    )


compiled: Final = _compiled
"For the statements of the parts that keep theirs beside their tables."


def _columns(table: Table) -> list[str]:
    """The columns we give values for; a number that only counts rows is not among them."""
    return [column.name for column in table.columns if column.name != "id" or table is APPLICATIONS]


def _add(table: Table) -> postgresql.Insert:
    return postgresql.insert(table).values({name: bindparam(name) for name in _columns(table)})


def _put(table: Table, key: str, *, keep: tuple[str, ...] = (), vital: str = "") -> Statement:
    """Insert a row, or replace the one with the same key, except for the columns to keep."""
    insert = _add(table)
    changed = {name: insert.excluded[name] for name in _columns(table) if name not in (key, *keep)}
    query = insert.on_conflict_do_update(index_elements=[key], set_=changed)
    return _compiled(query, vital=vital, key="" if keep else key)


def _take(table: Table, key: str, *, vital: str) -> Statement:
    """Delete a row by its key; keys are never used again, so all of them may go at the end of a batch, together."""
    return _compiled(delete(table).where(table.c[key] == bindparam(key)), last=True, vital=vital)


ADD_LINE: Final = _compiled(_add(JOURNAL))
ADD_PAIR: Final = _compiled(_add(JOURNAL_LEGS).on_conflict_do_nothing())
PUT_LEG: Final = _put(LEGS, "uuid", vital="leg")
PUT_FILE: Final = _put(FILES, "file_id", vital="file")
PUT_EVENT: Final = _put(OUTBOX, "event_id", vital="event")
TAKE_EVENT: Final = _take(OUTBOX, "event_id", vital="event gone")
PUT_DIALOG: Final = _put(DIALOGS, "leg", vital="dialog")
TAKE_DIALOG: Final = _take(DIALOGS, "leg", vital="dialog gone")
PUT_RECORDING: Final = _put(OPEN_RECORDINGS, "recording", vital="recording")
TAKE_RECORDING: Final = _take(OPEN_RECORDINGS, "recording", vital="recording gone")
PUT_TRANSCRIPTION: Final = _put(OPEN_TRANSCRIPTIONS, "transcription", vital="transcription")
TAKE_TRANSCRIPTION: Final = _take(OPEN_TRANSCRIPTIONS, "transcription", vital="transcription gone")
VITAL: Final = {
    statement.vital: statement
    for statement in (
        PUT_LEG,
        PUT_FILE,
        PUT_EVENT,
        TAKE_EVENT,
        PUT_DIALOG,
        TAKE_DIALOG,
        PUT_RECORDING,
        TAKE_RECORDING,
        PUT_TRANSCRIPTION,
        TAKE_TRANSCRIPTION,
    )
}
"What goes to the spool while the database takes nothing, by the name it has there."
PUT_APPLICATION: Final = _put(APPLICATIONS, "id", keep=("created_at",))
PUT_NUMBER: Final = _put(NUMBERS, "msisdn", keep=("created_at",))
PUT_SECRET: Final = _put(SECRETS, "secret_id", keep=("created_at",))
PUT_FILE_INFO: Final = _put(MEDIA_INFO, "file_id", keep=("downloads",))
ADD_AUDIT: Final = _compiled(_add(AUDIT))
COUNT_DOWNLOAD: Final = _compiled(
    postgresql.insert(MEDIA_INFO)
    .values(
        file_id=bindparam("file_id"),
        updated_at=bindparam("updated_at"),
        public=literal_column("0"),
        max_downloads=literal_column("0"),
        downloads=literal_column("1"),
        words=literal_column("'{}'"),
    )
    .on_conflict_do_update(index_elements=["file_id"], set_={"downloads": MEDIA_INFO.c.downloads + literal_column("1")})
)

_USAGE: Final = _add(USAGE)
ADD_USAGE: Final = _compiled(
    _USAGE.on_conflict_do_update(
        index_elements=["owner", "day"],
        set_={name: USAGE.c[name] + _USAGE.excluded[name] for name in ("seconds", "spend")},
    )
)
FORGET_USAGE: Final = _compiled(delete(USAGE).where(USAGE.c.day < bindparam("before")), fence=True)
DELETE_SECRET: Final = _compiled(delete(SECRETS).where(SECRETS.c.secret_id == bindparam("secret_id")), fence=True)
DELETE_FILE_INFO: Final = _compiled(delete(MEDIA_INFO).where(MEDIA_INFO.c.file_id == bindparam("file_id")), fence=True)
DELETE_FILE: Final = _compiled(delete(FILES).where(FILES.c.file_id == bindparam("file_id")), fence=True)
DELETE_NUMBER: Final = _compiled(delete(NUMBERS).where(NUMBERS.c.msisdn == bindparam("msisdn")), fence=True)
DELETE_APPLICATION: Final = _compiled(delete(APPLICATIONS).where(APPLICATIONS.c.id == bindparam("id")), fence=True)
UNLINK_NUMBERS: Final = _compiled(
    update(NUMBERS).where(NUMBERS.c.application_id == bindparam("id")).values(application_id=null()), fence=True
)

DELETE_LEG: Final = _compiled(delete(LEGS).where(LEGS.c.uuid == bindparam("uuid")), last=True)
ADD_JOURNAL: Final = _compiled(_add(JOURNALS).on_conflict_do_nothing())
FORGET_JOURNAL: Final = _compiled(
    delete(JOURNALS).where(
        JOURNALS.c.conversation == bindparam("conversation"),
        ~exists(select(JOURNAL.c.id).where(JOURNAL.c.conversation == bindparam("conversation"))),
    ),
    fence=True,
)
FORGET_TRACES: Final = _compiled(
    delete(JOURNAL).where(
        JOURNAL.c.conversation == bindparam("conversation"), JOURNAL.c.kind == literal_column("'trace'")
    ),
    fence=True,
)
TRACES_GONE: Final = _compiled(
    update(JOURNALS).where(JOURNALS.c.conversation == bindparam("room")).values(traced=literal_column("0")),
    fence=True,
)
FORGET_AUDIT: Final = _compiled(delete(AUDIT).where(AUDIT.c.at < bindparam("before")), fence=True)

_LATER: Final = JOURNAL.alias("later")
FORGET_LINES: Final = _compiled(
    delete(JOURNAL).where(
        JOURNAL.c.conversation == bindparam("conversation"),
        ~exists(
            select(_LATER.c.id).where(
                _LATER.c.conversation == bindparam("conversation"), _LATER.c.wallclock >= bindparam("before")
            )
        ),
    ),
    fence=True,
)
FORGET_PAIRS: Final = _compiled(
    delete(JOURNAL_LEGS).where(
        JOURNAL_LEGS.c.conversation == bindparam("conversation"),
        ~exists(select(JOURNAL.c.id).where(JOURNAL.c.conversation == bindparam("conversation"))),
    ),
    fence=True,
)
