"""Incidents, their timelines, and what belongs to them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(255), nullable=True),
        sa.Column("open_cause", sa.String(400), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("environment", sa.String(64), nullable=False),
        sa.Column("channel_id", sa.String(64), server_default="", nullable=False),
        sa.Column("security", sa.Boolean(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("source", name=op.f("uq_incidents_source")),
        sa.UniqueConstraint("open_cause", name=op.f("uq_incidents_open_cause")),
    )
    op.create_index("ix_incidents_is_open_declared_at", "incidents", ["is_open", "declared_at"])
    op.create_index("ix_incidents_channel_id", "incidents", ["channel_id"])
    op.create_index("ix_incidents_closed_at", "incidents", ["closed_at"])
    op.create_table(
        "incident_entries",
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(64), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_incident_entries")),
    )
    op.create_index("ix_incident_entries_incident_id_ref", "incident_entries", ["incident_id", "ref"])
    op.create_table(
        "incident_subjects",
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_incident_subjects")),
    )
    op.create_index("ix_incident_subjects_incident_id", "incident_subjects", ["incident_id"])


def downgrade() -> None:
    op.drop_table("incident_subjects")
    op.drop_table("incident_entries")
    op.drop_table("incidents")
