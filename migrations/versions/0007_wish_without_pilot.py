"""A wish no longer names a pilot: whose turn it is follows from its story's pilots

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("wish") as table:
        table.drop_column("pilot_id")


def downgrade() -> None:
    with op.batch_alter_table("wish") as table:
        table.add_column(sa.Column("pilot_id", sa.String(32), nullable=True))
