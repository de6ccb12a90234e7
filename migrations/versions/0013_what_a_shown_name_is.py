"""Whether a name that is shown is a person's own or another one, so that it is not shown as what it is not

Revision: 0013
Follows: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Until now a name was written once, when the story was sent: it was given for what was said first.
FIRST = """
UPDATE story_person SET named_as = 'pseudonym'
WHERE 'pseudonym' = (
    SELECT naming FROM consent_event
    WHERE story_id = story_person.story_id AND person_id = story_person.id
    ORDER BY sequence LIMIT 1
)
"""


def upgrade() -> None:
    with op.batch_alter_table("story_person") as table:
        table.add_column(sa.Column("named_as", sa.String(20), nullable=False, server_default="named"))
    op.execute(FIRST)


def downgrade() -> None:
    with op.batch_alter_table("story_person") as table:
        table.drop_column("named_as")
