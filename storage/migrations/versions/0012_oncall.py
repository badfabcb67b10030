"""On-call: overrides, requests to be relieved, and what was told or read of teams, groups and schedules."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oncall_overrides",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_overrides")),
    )
    op.create_index("ix_oncall_overrides_team_ends", "oncall_overrides", ["team", "ends"])
    op.create_index("ix_oncall_overrides_ends", "oncall_overrides", ["ends"])
    op.create_table(
        "oncall_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncall_requests")),
    )
    op.create_index("ix_oncall_requests_expires_at", "oncall_requests", ["expires_at"])
    op.create_table(
        "oncall_states",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_oncall_states")),
    )


def downgrade() -> None:
    for table in ("oncall_states", "oncall_requests", "oncall_overrides"):
        op.drop_table(table)
