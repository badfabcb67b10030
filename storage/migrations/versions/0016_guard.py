"""The deploy guard: one row for each guarded deploy."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guards",
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("environment", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation", name=op.f("pk_guards")),
    )
    op.create_index("ix_guards_environment_state", "guards", ["environment", "state"])
    op.create_index("ix_guards_began_at", "guards", ["began_at"])


def downgrade() -> None:
    op.drop_table("guards")
