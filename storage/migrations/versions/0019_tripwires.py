"""Tripwires of silences: what fired when one was made."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tripwires",
        sa.Column("silence_id", sa.String(length=128), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("pk_tripwires")),
    )
    op.create_index("ix_tripwires_place", "tripwires", ["environment", "source", "until"])


def downgrade() -> None:
    op.drop_table("tripwires")
