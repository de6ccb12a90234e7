"""Stories in the orders of the lists, each index with what the lists look at

Revision: 0011
Follows: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LOOKED_AT = ["submitted_by", "language", "detected_language", "purpose"]
NOW = {
    "ix_story_by_moment": ["created_at", "id", "state", *LOOKED_AT],
    "ix_story_by_state": ["state", "created_at", "id", *LOOKED_AT],
    "ix_story_by_sender": ["submitted_by", "created_at", "id", "state"],
}
BEFORE = {
    "ix_story_created_at_id": ["created_at", "id"],
    "ix_story_state_created_at": ["state", "created_at"],
    "ix_story_submitted_by_created_at": ["submitted_by", "created_at"],
}


def upgrade() -> None:
    _replace(BEFORE, NOW)


def downgrade() -> None:
    _replace(NOW, BEFORE)


def _replace(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    for name in old:
        op.drop_index(name, "story")
    for name, columns in new.items():
        op.create_index(name, "story", columns)
