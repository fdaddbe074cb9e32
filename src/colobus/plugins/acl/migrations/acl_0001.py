"""The groups of consumers."""

import sqlalchemy as sa
from alembic import op

revision = "acl_0001"
down_revision = None


def upgrade() -> None:
    """Make the table of groups."""
    op.create_table(
        "acls",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_acls"),
        sa.UniqueConstraint("group", "consumer_id", name="uq_acls_group"),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["consumers.id"], name="fk_acls_consumer_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_acls_consumer_id", "acls", ["consumer_id"])
