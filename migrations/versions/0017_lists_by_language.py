"""Stories by language, for lists in one that few speak

Revision: 0017
Follows: 0016
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ADDED = {
    "ix_story_by_language": ["language", "id"],
    "ix_story_by_detected_language": ["detected_language", "id"],
}


def upgrade() -> None:
    for name, columns in ADDED.items():
        op.create_index(name, "story", columns)


def downgrade() -> None:
    for name in ADDED:
        op.drop_index(name, "story")
