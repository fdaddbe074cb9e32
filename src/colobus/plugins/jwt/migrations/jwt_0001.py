"""The keys of consumers, with the secrets or public keys their tokens are checked by."""

import sqlalchemy as sa
from alembic import op

revision = "jwt_0001"
down_revision = None


def upgrade() -> None:
    """Make the table of credentials."""
    op.create_table(
        "jwt_secrets",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("secret", sa.Text()),
        sa.Column("rsa_public_key", sa.Text()),
        sa.Column("algorithm", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_jwt_secrets"),
        sa.UniqueConstraint("key", name="uq_jwt_secrets_key"),
        sa.UniqueConstraint("secret", name="uq_jwt_secrets_secret"),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumers.id"],
            name="fk_jwt_secrets_consumer_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_jwt_secrets_consumer_id", "jwt_secrets", ["consumer_id"])
