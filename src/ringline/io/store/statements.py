"""The writing statements, made once from the tables, for plain `sqlite3`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, bindparam, delete, exists, literal_column, null, or_, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.dml import Delete, Insert, Update

from ringline.io.store.tables import APPLICATIONS, FILES, JOURNAL, JOURNAL_LEGS, LEGS, NUMBERS
from ringline.io.store.writer import Statement

_DIALECT: Final = sqlite.dialect(paramstyle="named")


FINAL: Final = ("completed", "busy", "cancelled", "failed", "rejected", "timeout", "unanswered")
"Statuses of a leg after which nothing happens any more."


def _compiled(query: Insert | Update | Delete, *, fence: bool = False) -> Statement:
    return Statement(str(query.compile(dialect=_DIALECT)), fence=fence)


def _columns(table: Table) -> list[str]:
    """The columns we give values for; a number that only counts rows is not among them."""
    return [column.name for column in table.columns if column.name != "id" or table is APPLICATIONS]


def _add(table: Table) -> sqlite.Insert:
    return sqlite.insert(table).values({name: bindparam(name) for name in _columns(table)})


def _put(table: Table, key: str, *, keep: tuple[str, ...] = ()) -> Statement:
    """Insert a row, or replace the one with the same key, except for the columns to keep."""
    insert = _add(table)
    changed = {name: insert.excluded[name] for name in _columns(table) if name not in (key, *keep)}
    return _compiled(insert.on_conflict_do_update(index_elements=[key], set_=changed))


ADD_LINE: Final = _compiled(_add(JOURNAL))
ADD_PAIR: Final = _compiled(_add(JOURNAL_LEGS).on_conflict_do_nothing())
PUT_LEG: Final = _put(LEGS, "uuid")
PUT_FILE: Final = _put(FILES, "file_id")
PUT_APPLICATION: Final = _put(APPLICATIONS, "id", keep=("created_at",))
PUT_NUMBER: Final = _put(NUMBERS, "msisdn", keep=("created_at",))

DELETE_FILE: Final = _compiled(delete(FILES).where(FILES.c.file_id == bindparam("file_id")), fence=True)
DELETE_NUMBER: Final = _compiled(delete(NUMBERS).where(NUMBERS.c.msisdn == bindparam("msisdn")), fence=True)
DELETE_APPLICATION: Final = _compiled(delete(APPLICATIONS).where(APPLICATIONS.c.id == bindparam("id")), fence=True)
UNLINK_NUMBERS: Final = _compiled(
    update(NUMBERS).where(NUMBERS.c.application_id == bindparam("id")).values(application_id=null()), fence=True
)

_OLD_LEGS: Final = delete(LEGS).where(
    LEGS.c.created_at < bindparam("before"),
    or_(LEGS.c.end_time.is_not(None), LEGS.c.status.in_([literal_column(f"'{status}'") for status in FINAL])),
)
FORGET_LEGS: Final = _compiled(_OLD_LEGS, fence=True)
FORGET_LEGS_OF: Final = _compiled(_OLD_LEGS.where(LEGS.c.application == bindparam("application")), fence=True)

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
