"""One column more, and one that is altered: the second copies the table on SQLite."""

import sqlalchemy as sa
from alembic import op

revision = "samples_0002"
down_revision = "samples_0001"


def upgrade() -> None:
    op.add_column("samples", sa.Column("link", sa.Text()))
    with op.batch_alter_table("stamps") as stamps:
        stamps.alter_column("badge_id", existing_type=sa.Uuid(as_uuid=False), nullable=False)
