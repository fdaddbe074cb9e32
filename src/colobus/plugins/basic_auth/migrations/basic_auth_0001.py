"""The usernames and passwords of consumers."""

import sqlalchemy as sa
from alembic import op

revision = "basic_auth_0001"
down_revision = None


def upgrade() -> None:
    """Make the table of credentials."""
    op.create_table(
        "basicauth_credentials",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("consumer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_basicauth_credentials"),
        sa.UniqueConstraint("username", name="uq_basicauth_credentials_username"),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["consumers.id"],
            name="fk_basicauth_credentials_consumer_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_basicauth_credentials_consumer_id", "basicauth_credentials", ["consumer_id"]
    )
