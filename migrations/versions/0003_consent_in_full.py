"""Holds, private links, review copies, notices, recalls' reminders, webhooks, responses; protocols in full

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "hold",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("story_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("raised_by", sa.String(length=40), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_id", sa.String(length=32), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_hold_story_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["warned_id"], ["account.id"], name=op.f("fk_hold_warned_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    with op.batch_alter_table("hold") as table:
        table.create_index(table.f("ix_hold_story_id"), ["story_id"], unique=False)

    op.create_table(
        "webhook",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("pilot_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_webhook_account_id")),
        sa.ForeignKeyConstraint(["pilot_id"], ["pilot.id"], name=op.f("fk_webhook_pilot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    with op.batch_alter_table("webhook") as table:
        table.create_index(table.f("ix_webhook_pilot_id"), ["pilot_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("webhook_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_delivery_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery") as table:
        table.create_index(
            table.f("ix_delivery_delivered_at_next_try_at"), ["delivered_at", "next_try_at"], unique=False
        )
        table.create_index(table.f("ix_delivery_webhook_id"), ["webhook_id"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("person_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("story_id", sa.String(length=32), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("once", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_notice_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["story_person.id"], name=op.f("fk_notice_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("once", name=op.f("uq_notice_once")),
    )
    with op.batch_alter_table("notice") as table:
        table.create_index(table.f("ix_notice_account_id_read_at"), ["account_id", "read_at"], unique=False)
        table.create_index(table.f("ix_notice_person_id"), ["person_id"], unique=False)
        table.create_index(table.f("ix_notice_story_id"), ["story_id"], unique=False)

    op.create_table(
        "response",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("collection_id", sa.String(length=32), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("will_change", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name=op.f("fk_response_collection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_response_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
    )
    with op.batch_alter_table("response") as table:
        table.create_index(table.f("ix_response_collection_id"), ["collection_id"], unique=False)

    op.create_table(
        "review_copy",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("story_id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["story_person.id"], name=op.f("fk_review_copy_person_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_review_copy_story_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_copy")),
    )
    with op.batch_alter_table("review_copy") as table:
        table.create_index(table.f("ix_review_copy_story_id"), ["story_id"], unique=False)

    op.create_table(
        "teller_session",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["story_person.id"], name=op.f("fk_teller_session_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teller_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_teller_session_token_digest")),
    )
    with op.batch_alter_table("teller_session") as table:
        table.create_index(table.f("ix_teller_session_person_id"), ["person_id"], unique=False)

    with op.batch_alter_table("consent_event") as table:
        table.add_column(sa.Column("given_by", sa.String(length=20), nullable=False, server_default="person"))
        table.add_column(sa.Column("evidence_recording_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("evidence_start_seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("evidence_end_seconds", sa.Double(), nullable=True))
        table.add_column(sa.Column("evidence_object_key", sa.String(length=80), nullable=True))
        table.add_column(sa.Column("evidence_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("evidence_media_type", sa.String(length=40), nullable=True))
        table.add_column(
            sa.Column("original_may_go", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.create_unique_constraint(
            table.f("uq_consent_event_evidence_object_key"), ["evidence_object_key"]
        )

    with op.batch_alter_table("pilot") as table:
        table.add_column(
            sa.Column("protocol_combination", sa.String(length=20), nullable=False, server_default="all")
        )
        table.add_column(
            sa.Column("protocol_shares_outside", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(
            sa.Column(
                "protocol_readers", sa.JSON(), nullable=False, server_default='["curator", "pilot-team"]'
            )
        )
        table.add_column(sa.Column("labels", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("terms", sa.Text(), nullable=False, server_default=""))
        table.add_column(
            sa.Column("requires_review_copy", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("safeguarding_account_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("unreviewed_days", sa.Integer(), nullable=True))
        table.add_column(sa.Column("originals_days", sa.Integer(), nullable=True))
        table.create_foreign_key(
            table.f("fk_pilot_safeguarding_account_id"), "account", ["safeguarding_account_id"], ["id"]
        )

    with op.batch_alter_table("recall") as table:
        table.add_column(
            sa.Column("reason", sa.String(length=20), nullable=False, server_default="withdrawn")
        )
        table.add_column(sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("recording") as table:
        table.add_column(sa.Column("original_erased_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("story_person") as table:
        table.add_column(sa.Column("guardian", sa.String(length=200), nullable=True))

    with op.batch_alter_table("tombstone") as table:
        table.add_column(sa.Column("releases", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:

    with op.batch_alter_table("tombstone") as table:
        table.drop_column("releases")

    with op.batch_alter_table("story_person") as table:
        table.drop_column("guardian")

    with op.batch_alter_table("recording") as table:
        table.drop_column("original_erased_at")

    with op.batch_alter_table("recall") as table:
        table.drop_column("reminded_at")
        table.drop_column("reminders")
        table.drop_column("reason")

    with op.batch_alter_table("pilot") as table:
        table.drop_constraint(table.f("fk_pilot_safeguarding_account_id"), type_="foreignkey")
        table.drop_column("originals_days")
        table.drop_column("unreviewed_days")
        table.drop_column("safeguarding_account_id")
        table.drop_column("requires_review_copy")
        table.drop_column("terms")
        table.drop_column("labels")
        table.drop_column("protocol_readers")
        table.drop_column("protocol_shares_outside")
        table.drop_column("protocol_combination")

    with op.batch_alter_table("consent_event") as table:
        table.drop_constraint(table.f("uq_consent_event_evidence_object_key"), type_="unique")
        table.drop_column("original_may_go")
        table.drop_column("evidence_media_type")
        table.drop_column("evidence_sha256")
        table.drop_column("evidence_object_key")
        table.drop_column("evidence_end_seconds")
        table.drop_column("evidence_start_seconds")
        table.drop_column("evidence_recording_id")
        table.drop_column("given_by")

    with op.batch_alter_table("teller_session") as table:
        table.drop_index(table.f("ix_teller_session_person_id"))

    op.drop_table("teller_session")
    with op.batch_alter_table("review_copy") as table:
        table.drop_index(table.f("ix_review_copy_story_id"))

    op.drop_table("review_copy")
    with op.batch_alter_table("response") as table:
        table.drop_index(table.f("ix_response_collection_id"))

    op.drop_table("response")
    with op.batch_alter_table("notice") as table:
        table.drop_index(table.f("ix_notice_story_id"))
        table.drop_index(table.f("ix_notice_person_id"))
        table.drop_index(table.f("ix_notice_account_id_read_at"))

    op.drop_table("notice")
    with op.batch_alter_table("delivery") as table:
        table.drop_index(table.f("ix_delivery_webhook_id"))
        table.drop_index(table.f("ix_delivery_delivered_at_next_try_at"))

    op.drop_table("delivery")
    with op.batch_alter_table("webhook") as table:
        table.drop_index(table.f("ix_webhook_pilot_id"))

    op.drop_table("webhook")
    with op.batch_alter_table("hold") as table:
        table.drop_index(table.f("ix_hold_story_id"))

    op.drop_table("hold")
