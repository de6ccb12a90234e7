"""By which of the recogniser's weights a pilot's stories are heard

Revision: 0012
Follows: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pilot", sa.Column("weights", sa.String(100)))


def downgrade() -> None:
    op.drop_column("pilot", "weights")
