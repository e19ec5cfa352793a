"""How long a recording is to be kept, where whoever asked for it said so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("files", "open_recordings"):
        op.add_column(table, sa.Column("keep_days", sa.BigInteger))


def downgrade() -> None:
    for table in ("files", "open_recordings"):
        op.drop_column(table, "keep_days")
