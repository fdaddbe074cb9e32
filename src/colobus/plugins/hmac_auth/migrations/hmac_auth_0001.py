"""The usernames of consumers, with the secrets they sign with."""

import sqlalchemy as sa
from alembic import op

revision = "hmac_auth_0001"
down_revision = None


def upgrade() -> None:
    """Make the table of credentials."""
    op.create_table(
        "hmacauth_credentials",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_hmacauth_credentials"),
        sa.UniqueConstraint("username", name="uq_hmacauth_credentials_username"),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumers.id"],
            name="fk_hmacauth_credentials_consumer_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_hmacauth_credentials_consumer_id", "hmacauth_credentials", ["consumer_id"])
