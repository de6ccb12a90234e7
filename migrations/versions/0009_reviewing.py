"""Who has a story in hand, what curators say about it, and how often a version was gone on with

Revision: 0009
Follows: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("story_id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_assignment_story_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_assignment_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_account_id"), "assignment", ["account_id"])
    op.create_table(
        "story_comment",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("story_id", sa.String(32), nullable=False),
        sa.Column("written_by", sa.String(32), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_story_comment_story_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["written_by"], ["account.id"], name=op.f("fk_story_comment_written_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_comment")),
    )
    op.create_index(op.f("ix_story_comment_story_id"), "story_comment", ["story_id"])
    with op.batch_alter_table("transcript") as table:
        table.add_column(sa.Column("edits", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("transcript") as table:
        table.drop_column("edits")
    op.drop_table("story_comment")
    op.drop_table("assignment")
