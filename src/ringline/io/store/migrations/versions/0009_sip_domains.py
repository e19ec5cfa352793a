"""SIP domains made through the API, and their users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sip_domains",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("acl", sa.Text, nullable=False),
        sa.Column("digest_auth", sa.Integer, nullable=False),
        sa.Column("tls", sa.Text, nullable=False),
        sa.Column("srtp", sa.Text, nullable=False),
    )
    op.create_table(
        "sip_domain_users",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("realm", sa.Text, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
    )
    op.create_index("ix_sip_domain_users_domain", "sip_domain_users", ["domain"])


def downgrade() -> None:
    for table in ("sip_domain_users", "sip_domains"):
        op.drop_table(table)
