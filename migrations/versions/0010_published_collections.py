"""When a collection was published for everybody; and stories by the moment they came, for lists that begin there

Revision: 0010
Follows: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEX, COLUMNS = "ix_story_created_at_id", ["created_at", "id"]


def upgrade() -> None:
    with op.batch_alter_table("collection") as table:
        table.add_column(sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(INDEX, "story", COLUMNS)


def downgrade() -> None:
    op.drop_index(INDEX, "story")
    with op.batch_alter_table("collection") as table:
        table.drop_column("published_at")
