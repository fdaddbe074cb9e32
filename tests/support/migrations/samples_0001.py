"""The tables of support.samples, first without what the second script adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "samples_0001"
down_revision = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("size", sa.Float(53)),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("flag", sa.Boolean()),
        sa.Column("seen_at", sa.BigInteger()),
        sa.Column("tags", JSON),
        sa.Column("settings", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.UniqueConstraint("name", name="uq_samples_name"),
        sa.UniqueConstraint("label", "amount", name="uq_samples_label"),
    )
    op.create_table(
        "badges",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", ID, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_badges"),
        sa.UniqueConstraint("secret", name="uq_badges_secret"),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["consumers.id"], name="fk_badges_consumer_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_badges_consumer_id", "badges", ["consumer_id"])
    op.create_index("ix_badges_expires_at", "badges", ["expires_at"])
    op.create_table(
        "stamps",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("badge_id", ID),
        sa.Column("api_id", ID),
        sa.Column("expires_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_stamps"),
        sa.ForeignKeyConstraint(
            ["badge_id"], ["badges.id"], name="fk_stamps_badge_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["api_id"], ["apis.id"], name="fk_stamps_api_id", ondelete="CASCADE"
        ),
    )
    for column in ("badge_id", "api_id", "expires_at"):
        op.create_index(f"ix_stamps_{column}", "stamps", [column])
