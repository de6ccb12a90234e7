"""Guardians have private links of their own, and answer review copies for themselves

Revision: 0016
Follows: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("story_person") as table:
        table.add_column(sa.Column("guardian_link_digest", sa.String(length=64), nullable=True))
        table.create_unique_constraint(op.f("uq_story_person_guardian_link_digest"), ["guardian_link_digest"])
    with op.batch_alter_table("teller_session") as table:
        table.add_column(sa.Column("giver", sa.String(length=20), nullable=False, server_default="person"))
    with op.batch_alter_table("review_copy") as table:
        table.add_column(sa.Column("guardian_answer", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("guardian_message", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("guardian_answered_at", sa.DateTime(timezone=True), nullable=True))
    # Nobody knows in whose hands a sheet is that was for both. It would be taken for the person's from now on.
    op.execute(
        "DELETE FROM teller_session WHERE person_id IN (SELECT id FROM story_person WHERE guardian IS NOT NULL)"
    )
    op.execute("UPDATE story_person SET link_digest = NULL WHERE guardian IS NOT NULL")


def downgrade() -> None:
    # Without the column a guardian would speak as the person.
    op.execute("DELETE FROM teller_session WHERE giver <> 'person'")
    with op.batch_alter_table("teller_session") as table:
        table.drop_column("giver")
    with op.batch_alter_table("review_copy") as table:
        for name in ("guardian_answer", "guardian_message", "guardian_answered_at"):
            table.drop_column(name)
    with op.batch_alter_table("story_person") as table:
        table.drop_constraint(op.f("uq_story_person_guardian_link_digest"), type_="unique")
        table.drop_column("guardian_link_digest")
