"""Guardians have private links of their own

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
        # Whoever came in before came by the person's link: the only one there was.
        table.add_column(sa.Column("giver", sa.String(length=20), nullable=False, server_default="person"))


def downgrade() -> None:
    # Without the column a guardian would speak as the person.
    op.execute("DELETE FROM teller_session WHERE giver <> 'person'")
    with op.batch_alter_table("teller_session") as table:
        table.drop_column("giver")
    with op.batch_alter_table("story_person") as table:
        table.drop_constraint(op.f("uq_story_person_guardian_link_digest"), type_="unique")
        table.drop_column("guardian_link_digest")
