"""Sources of alerts, and what Alertmanager answered when it was asked."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("inbox", "alert_groups"):
        op.add_column(table, sa.Column("source", sa.String(length=64), server_default="", nullable=False))
    op.add_column("alert_groups", sa.Column("external_url", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_alert_groups_resolved_at", "alert_groups", ["resolved_at"], unique=False)
    op.add_column("alerts", sa.Column("absent_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "alertmanagers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alertmanagers")),
    )


def downgrade() -> None:
    op.drop_table("alertmanagers")
    op.drop_column("alerts", "absent_since")
    op.drop_index("ix_alert_groups_resolved_at", table_name="alert_groups")
    op.drop_column("alert_groups", "external_url")
    for table in ("inbox", "alert_groups"):
        op.drop_column(table, "source")
