"""Stories by theme in the order in which they were sent, for lists of one theme

Revision: 0019
Follows: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

AS_ON_THE_STORY = """
UPDATE story_theme SET sent_at = (SELECT created_at FROM story WHERE story.id = story_theme.story_id)
"""
INDEX = "ix_story_theme_by_moment"


def upgrade() -> None:
    with op.batch_alter_table("story_theme") as table:
        table.add_column(sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(AS_ON_THE_STORY)
    with op.batch_alter_table("story_theme") as table:
        table.alter_column("sent_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index(INDEX, "story_theme", ["theme", "state", "sent_at", "story_id"])
    op.drop_index("ix_story_theme_theme_state", "story_theme")


def downgrade() -> None:
    op.create_index("ix_story_theme_theme_state", "story_theme", ["theme", "state"])
    op.drop_index(INDEX, "story_theme")
    with op.batch_alter_table("story_theme") as table:
        table.drop_column("sent_at")
