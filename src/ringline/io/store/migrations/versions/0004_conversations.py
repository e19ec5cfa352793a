"""The conversation service: conversations, their members and events, and users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("alive", sa.Integer, nullable=False),
        sa.Column("lasts", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("destroyed_at", sa.BigInteger),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_conversations_listed", "conversations", ["application", "alive", "created_at", "conversation"])
    op.create_index("ix_conversations_alive", "conversations", ["alive", "lasts"])
    op.create_index("ix_conversations_destroyed_at", "conversations", ["destroyed_at"])
    op.create_table(
        "members",
        sa.Column("member", sa.Text, primary_key=True),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_members_conversation", "members", ["conversation", "since", "member"])
    op.create_index("ix_members_person", "members", ["application", "person", "since", "member"])
    op.create_table(
        "conversation_events",
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("member", sa.Text),
        sa.Column("recipient", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_users_name", "users", ["application", "name"], unique=True)
    op.create_index("ix_users_listed", "users", ["application", "created_at", "person"])


def downgrade() -> None:
    for table in ("users", "conversation_events", "members", "conversations"):
        op.drop_table(table)
