"""Which sessions last for months: those of reporters who came without a password

Revision: 0015
Follows: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in") as table:
        table.add_column(sa.Column("is_lasting", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    # Without the column nothing says how they end.
    op.execute("DELETE FROM sign_in WHERE is_lasting")
    with op.batch_alter_table("sign_in") as table:
        table.drop_column("is_lasting")
