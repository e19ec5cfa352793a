"""Journal, leg records, recordings, applications and numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("wallclock", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("leg", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_journal_conversation_sequence", "journal", ["conversation", "sequence"], unique=True)
    op.create_table(
        "journal_legs",
        sa.Column("leg", sa.Text, primary_key=True),
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_journal_legs_conversation", "journal_legs", ["conversation"])
    op.create_table(
        "legs",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("from_", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("start_time", sa.BigInteger),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("duration_s", sa.Integer),
        sa.Column("rate", sa.Text, nullable=False),
        sa.Column("price", sa.Text, nullable=False),
        sa.Column("network", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("sip_code", sa.Integer),
        sa.Column("disconnected_by", sa.Text),
    )
    op.create_index("ix_legs_uuid", "legs", ["uuid"], unique=True)
    op.create_index("ix_legs_application_created_at", "legs", ["application", "created_at"])
    op.create_index("ix_legs_conversation", "legs", ["conversation"])
    op.create_index("ix_legs_end_time", "legs", ["end_time"])
    op.create_table(
        "files",
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_files_created_at", "files", ["created_at"])
    op.create_table(
        "applications",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "numbers",
        sa.Column("msisdn", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("country", sa.Text),
        sa.Column("application_id", sa.Text),
        sa.Column("status_callback", sa.Text),
    )


def downgrade() -> None:
    for table in ("numbers", "applications", "files", "legs", "journal_legs", "journal"):
        op.drop_table(table)
