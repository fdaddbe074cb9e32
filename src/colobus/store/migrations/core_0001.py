"""The datastore's identity and revision, the change log, and the entities of the gateway."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "core_0001"
down_revision = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "datastore",
        sa.Column("id", ID, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datastore"),
    )
    op.create_table(
        "changes",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("old_index", JSON, nullable=False),
        sa.Column("new_index", JSON, nullable=False),
        sa.Column("row", JSON),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("revision", "position", name="pk_changes"),
    )
    _create_entities()


def _create_entities() -> None:
    op.create_table(
        "apis",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hosts", JSON),
        sa.Column("uris", JSON),
        sa.Column("methods", JSON),
        sa.Column("strip_uri", sa.Boolean()),
        sa.Column("https_only", sa.Boolean()),
        sa.Column("http_if_terminated", sa.Boolean()),
        sa.Column("upstream_url", sa.Text(), nullable=False),
        sa.Column("preserve_host", sa.Boolean()),
        sa.Column("retries", sa.BigInteger()),
        sa.Column("upstream_connect_timeout", sa.BigInteger()),
        sa.Column("upstream_send_timeout", sa.BigInteger()),
        sa.Column("upstream_read_timeout", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_apis"),
        sa.UniqueConstraint("name", name="uq_apis_name"),
    )
    op.create_table(
        "consumers",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("username", sa.Text()),
        sa.Column("custom_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_consumers"),
        sa.UniqueConstraint("username", name="uq_consumers_username"),
        sa.UniqueConstraint("custom_id", name="uq_consumers_custom_id"),
    )
    op.create_table(
        "plugins",
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("api_id", ID),
        sa.Column("consumer_id", ID),
        sa.Column("config", JSON),
        sa.Column("enabled", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_plugins"),
        sa.UniqueConstraint("name", "api_id", "consumer_id", name="uq_plugins_name"),
        sa.ForeignKeyConstraint(
            ["api_id"], ["apis.id"], name="fk_plugins_api_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["consumers.id"], name="fk_plugins_consumer_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_plugins_api_id", "plugins", ["api_id"])
    op.create_index("ix_plugins_consumer_id", "plugins", ["consumer_id"])
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cluster_listening_address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger()),
        sa.Column("expires_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_nodes"),
    )
    op.create_index("ix_nodes_expires_at", "nodes", ["expires_at"])
