"""How many legs there are, counted as they come, change and go; what calls came to on each day; whose journals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SLOT_US = 600_000_000

_ONE_MORE = f"""
    INSERT INTO leg_counts (application, status, slot, legs)
    VALUES (NEW.application, NEW.status, NEW.created_at / {SLOT_US}, 1)
    ON CONFLICT (application, status, slot) DO UPDATE SET legs = leg_counts.legs + 1;
"""
_ONE_LESS = f"""
    UPDATE leg_counts SET legs = legs - 1
    WHERE application = OLD.application AND status = OLD.status AND slot = OLD.created_at / {SLOT_US};
"""
_NONE_LEFT = f"""
    DELETE FROM leg_counts
    WHERE application = OLD.application AND status = OLD.status AND slot = OLD.created_at / {SLOT_US} AND legs <= 0;
"""
_MOVED = f"""
    OLD.status <> NEW.status OR OLD.application <> NEW.application
    OR OLD.created_at / {SLOT_US} <> NEW.created_at / {SLOT_US}
"""
_EVENTS = {
    "come": ("INSERT", "", _ONE_MORE),
    "change": ("UPDATE", f"WHEN ({_MOVED})", _ONE_LESS + _NONE_LEFT + _ONE_MORE),
    "go": ("DELETE", "", _ONE_LESS + _NONE_LEFT),
}


def upgrade() -> None:
    op.create_table(
        "leg_counts",
        sa.Column("application", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True),
        sa.Column("legs", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("spend", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journals",
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("traced", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_journals_opened", "journals", ["application", "opened_at", "conversation"])
    op.execute(
        "INSERT INTO journals (conversation, application, opened_at, traced) "
        "SELECT conversation, coalesce((SELECT max(legs.application) FROM legs "
        "WHERE legs.conversation = journal.conversation), ''), min(wallclock), 1 FROM journal GROUP BY conversation"
    )
    op.drop_index("ix_legs_application_created_at", "legs")
    op.create_index("ix_legs_listed", "legs", ["application", "created_at", "id"])
    op.drop_index("ix_legs_conversation", "legs")
    op.create_index("ix_legs_in_conversation", "legs", ["conversation", "created_at", "id"])
    op.create_index("ix_legs_by_status", "legs", ["application", "status", "created_at", "id"])
    op.create_index("ix_legs_created_at", "legs", ["created_at", "id"])
    op.execute(
        f"INSERT INTO leg_counts (application, status, slot, legs) "
        f"SELECT application, status, created_at / {SLOT_US}, count(*) FROM legs GROUP BY 1, 2, 3"
    )
    postgres = op.get_bind().dialect.name == "postgresql"
    for name, (event, when, body) in _EVENTS.items():
        if postgres:
            op.execute(
                f"CREATE FUNCTION legs_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
            )
            op.execute(
                f"CREATE TRIGGER legs_{name} AFTER {event} ON legs FOR EACH ROW {when} EXECUTE FUNCTION legs_{name}()"
            )
        else:
            op.execute(f"CREATE TRIGGER legs_{name} AFTER {event} ON legs FOR EACH ROW {when} BEGIN {body} END")


def downgrade() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for name in _EVENTS:
        op.execute(f"DROP TRIGGER legs_{name}" + (" ON legs" if postgres else ""))
        if postgres:
            op.execute(f"DROP FUNCTION legs_{name}()")
    for index in ("ix_legs_created_at", "ix_legs_by_status", "ix_legs_in_conversation", "ix_legs_listed"):
        op.drop_index(index, "legs")
    op.create_index("ix_legs_conversation", "legs", ["conversation"])
    op.create_index("ix_legs_application_created_at", "legs", ["application", "created_at"])
    for table in ("journals", "usage", "leg_counts"):
        op.drop_table(table)
