"""The keys of consumers."""

import sqlalchemy as sa
from alembic import op

revision = "key_auth_0001"
down_revision = None


def upgrade() -> None:
    """Make the table of credentials."""
    op.create_table(
        "keyauth_credentials",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_keyauth_credentials"),
        sa.UniqueConstraint("key", name="uq_keyauth_credentials_key"),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumers.id"],
            name="fk_keyauth_credentials_consumer_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_keyauth_credentials_consumer_id", "keyauth_credentials", ["consumer_id"])
