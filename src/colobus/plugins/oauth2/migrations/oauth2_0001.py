"""Applications of consumers, and the codes and tokens that are issued to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "oauth2_0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "oauth2_credentials",
        *_identity(),
        _id("consumer_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text()),
        sa.Column("client_secret", sa.Text()),
        sa.Column(
            "redirect_uri",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        *_constraints("oauth2_credentials", "client_id", "client_secret"),
        _parent("oauth2_credentials", "consumer_id", "consumers"),
    )
    op.create_index("ix_oauth2_credentials_consumer_id", "oauth2_credentials", ["consumer_id"])
    op.create_table(
        "oauth2_authorization_codes",
        *_identity(),
        *_issued(),
        sa.Column("code", sa.Text()),
        *_bearer(),
        *_constraints("oauth2_authorization_codes", "code"),
        *_issuers("oauth2_authorization_codes"),
    )
    op.create_table(
        "oauth2_tokens",
        *_identity(),
        *_issued(),
        sa.Column("token_type", sa.Text()),
        sa.Column("expires_in", sa.Float(53), nullable=False),
        sa.Column("access_token", sa.Text()),
        sa.Column("refresh_token", sa.Text()),
        *_bearer(),
        *_constraints("oauth2_tokens", "access_token", "refresh_token"),
        *_issuers("oauth2_tokens"),
    )
    for table in ("oauth2_authorization_codes", "oauth2_tokens"):
        for column in ("api_id", "credential_id", "expires_at"):
            op.create_index(f"ix_{table}_{column}", table, [column])


def _id(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid(as_uuid=False), nullable=nullable)


def _identity() -> "list[sa.Column[Any]]":
    return [_id("id"), sa.Column("created_at", sa.BigInteger())]


def _issued() -> "list[sa.Column[Any]]":
    return [_id("api_id", nullable=True), _id("credential_id")]


def _bearer() -> "list[sa.Column[Any]]":
    return [
        sa.Column("authenticated_userid", sa.Text()),
        sa.Column("scope", sa.Text()),
        sa.Column("expires_at", sa.BigInteger()),
    ]


def _constraints(table: str, *unique: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        *(sa.UniqueConstraint(column, name=f"uq_{table}_{column}") for column in unique),
    ]


def _parent(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _issuers(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        _parent(table, "api_id", "apis"),
        _parent(table, "credential_id", "oauth2_credentials"),
    ]
