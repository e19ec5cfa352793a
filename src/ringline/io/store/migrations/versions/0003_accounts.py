"""API secrets, the audit log, forwarded numbers, and what the Media API keeps beside a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("secret_id", sa.Text, primary_key=True),
        sa.Column("api_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
        sa.Column("configured", sa.Integer, nullable=False),
        sa.Column("revoked", sa.Integer, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "media_info",
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("public", sa.Integer, nullable=False),
        sa.Column("max_downloads", sa.Integer, nullable=False),
        sa.Column("downloads", sa.Integer, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("ix_files_application_created_at", "files", ["application", "created_at"])
    op.add_column("numbers", sa.Column("forward_kind", sa.Text))
    op.add_column("numbers", sa.Column("forward_target", sa.Text))


def downgrade() -> None:
    op.drop_column("numbers", "forward_target")
    op.drop_column("numbers", "forward_kind")
    op.drop_index("ix_files_application_created_at", "files")
    for table in ("media_info", "audit", "secrets"):
        op.drop_table(table)
