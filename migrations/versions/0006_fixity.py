"""When an original's bytes were last compared with its digest, and whether they were others

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = ("original_checked_at", "original_damaged_at")


def upgrade() -> None:
    with op.batch_alter_table("recording") as table:
        for name in COLUMNS:
            table.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("recording") as table:
        for name in reversed(COLUMNS):
            table.drop_column(name)
