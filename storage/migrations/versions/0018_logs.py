"""Logs: searches that a log server runs for us, and what people follow."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_searches",
        sa.Column("id", sa.String(length=1024), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_searches")),
    )
    op.create_index("ix_log_searches_started_at", "log_searches", ["started_at"])
    op.create_table(
        "log_follows",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_log_follows")),
    )


def downgrade() -> None:
    op.drop_table("log_follows")
    op.drop_table("log_searches")
