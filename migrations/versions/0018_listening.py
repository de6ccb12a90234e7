"""By whose people a story was listened to, and on which day

Revision: 0018
Follows: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "listening",
        sa.Column("story_id", sa.String(32), nullable=False),
        sa.Column("hearer", sa.String(60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["story_id"], ["story.id"], name="fk_listening_story_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("story_id", "hearer", "day", name="pk_listening"),
    )


def downgrade() -> None:
    op.drop_table("listening")
